"""The access log: one line per request of a gateway, as Envoy writes it by default or as JSON, with its response flags.

Lines are made and written by a thread of their own: a slow disk holds up no request. What does not fit is counted.
"""

import json
import queue
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TextIO

import msgspec

QUEUE = 10_000
"""Lines that wait to be written; what would be more is dropped and counted."""

PATIENCE = 1.0
"""Seconds for the last lines to get into the queue, and out of it."""

BATCH = 1000
"""Lines that are written at once."""


class Entry(msgspec.Struct, frozen=True):
    """One finished request."""

    began: float
    """Wall-clock seconds."""
    seconds: float
    method: str
    path: str
    """With the query, as it came, up to the mesh's normal form."""
    status: int
    """0 where the client went away before."""
    flags: str
    received: int
    """Bytes of the request's body."""
    sent: int
    """Bytes of the answer's body."""
    client: str
    forwarded_for: str
    user_agent: str
    request_id: str
    authority: str
    upstream: str
    """The instance that answered, or was tried last; empty where none was."""
    service: str
    subset: str
    route: str
    """`namespace/rule#name`; empty without one."""
    attempts: int
    traceparent: str


class AccessLog(Protocol):
    """Where entries go."""

    def note(self, entry: Entry) -> None:
        """Write one down, at once or soon."""
        ...

    def close(self) -> None:
        """Write what waits; takes two seconds at most."""
        ...


def envoy_line(entry: Entry) -> str:
    """Return the line of Envoy's default format, without the newline.

    `[START_TIME] "METHOD PATH PROTOCOL" STATUS FLAGS RECEIVED SENT DURATION SERVICE_TIME "X-FORWARDED-FOR" "USER-AGENT"
    "X-REQUEST-ID" "AUTHORITY" "UPSTREAM"`; the service's own time is not known apart.
    """
    request = f"{_quoted(entry.method)} {_quoted(entry.path)} HTTP/1.1"
    words = (entry.forwarded_for, entry.user_agent, entry.request_id, entry.authority, entry.upstream)
    return (
        f'[{_time(entry.began)}] "{request}" {entry.status} {entry.flags} {entry.received} {entry.sent}'
        f" {round(entry.seconds * 1000)} - " + " ".join(f'"{_quoted(word) or "-"}"' for word in words)
    )


def json_line(entry: Entry) -> str:
    """Return one JSON object, in the names that Istio gives them where it has some, without the newline."""
    _, trace_id, span_id, _ = entry.traceparent.split("-") if entry.traceparent else ("", "", "", "")
    fields = {
        "start_time": _time(entry.began),
        "method": entry.method,
        "path": entry.path,
        "protocol": "HTTP/1.1",
        "response_code": entry.status,
        "response_flags": entry.flags,
        "bytes_received": entry.received,
        "bytes_sent": entry.sent,
        "duration": round(entry.seconds * 1000, 3),
        "downstream_remote_address": entry.client,
        "x_forwarded_for": entry.forwarded_for,
        "user_agent": entry.user_agent,
        "request_id": entry.request_id,
        "authority": entry.authority,
        "upstream_host": entry.upstream,
        "upstream_cluster": f"{entry.service}|{entry.subset}" if entry.service else "",
        "route_name": entry.route,
        "upstream_request_attempt_count": entry.attempts,
        "trace_id": trace_id,
        "span_id": span_id,
    }
    return json.dumps(fields)


class AccessFile:
    """Entries as lines of a file, or of stdout. Make it after any fork."""

    def __init__(self, path: str, *, as_json: bool = False, limit: int = QUEUE) -> None:
        """Open `path` to append to; `-` is stdout.

        Raises:
            OSError: it cannot be opened.
        """
        self._file: TextIO = sys.stdout if path == "-" else Path(path).open("a", encoding="utf-8")  # noqa: SIM115
        self._format = json_line if as_json else envoy_line
        self._lines: queue.Queue[Entry | None] = queue.Queue(limit)
        self.dropped = 0
        """Lines that were lost: too many waited, or the file took none."""
        self._thread = threading.Thread(target=self._write, name="plait-access-log", daemon=True)
        self._thread.start()

    def note(self, entry: Entry) -> None:
        """Queue an entry; with a full queue only count it."""
        try:
            self._lines.put_nowait(entry)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Write what waits and stop; takes two seconds at most. It blocks."""
        try:
            self._lines.put(None, timeout=PATIENCE)
        except queue.Full:
            return
        self._thread.join(PATIENCE)

    def _write(self) -> None:
        lines, ended = self._lines, False
        while not ended:
            entries = [lines.get()]
            while len(entries) < BATCH and not lines.empty():
                entries.append(lines.get_nowait())
            ended = entries[-1] is None
            found = [entry for entry in entries if entry is not None]
            try:
                self._file.write("".join(self._format(entry) + "\n" for entry in found))
                self._file.flush()
            except (OSError, ValueError):  # a full disk, a pipe that nobody reads: requests go on
                self.dropped += len(found)
        if self._file is not sys.stdout:
            with suppress(OSError):  # what it still held was counted
                self._file.close()


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _quoted(text: str) -> str:
    """What clients send must not end a field or a line."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return "".join(f"\\{one}" if one in '"\\' else one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)
