"""Looks at what is outside of the mesh for health checks: an HTTP server, a TCP port, a program's exit status.

Each look can be cancelled at any time and leaves no connection and no process behind.
"""

import asyncio
import contextlib
import os
import signal
import ssl
from urllib.parse import urlsplit

import httptools

from ..actors.service.check import ExecCheck, HttpCheck, Outside, TcpCheck
from ..actors.service.health import Health, Level

SHOWN = 200
"""Characters of an answer that people see."""
_READ = 4096  # bytes at once
_MOST = 64 * 1024  # bytes of an answer that are read: health is a word, not a page

_LEVELS = {0: Level.PASSING, 1: Level.WARNING}


async def probe(check: Outside) -> Health:
    """Look once.

    Raises:
        OSError: there is no connection, or no such program.
        HttpParserError: what answers does not speak HTTP.
    """
    match check:
        case HttpCheck():
            return await _http(check.http)
        case TcpCheck():
            await _connect(*check.address)
            return Health.passing()
        case ExecCheck():
            return await _exec(check.exec)


async def _connect(host: str, port: int) -> None:
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


class _Answer:
    """What httptools tells of a response."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.ended = False

    def on_body(self, data: bytes) -> None:
        self.body += data[: SHOWN * 4 - len(self.body)]

    def on_message_complete(self) -> None:
        self.ended = True


async def _http(url: str) -> Health:
    parts = urlsplit(url)
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if secure else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure)
    try:
        head = f"GET {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: plait\r\naccept: */*\r\nconnection: close\r\n\r\n"
        writer.write(head.encode("latin-1", "replace"))
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        read = 0
        while not answer.ended and read < _MOST and (data := await reader.read(_READ)):
            read += len(data)
            parser.feed_data(data)
        status = parser.get_status_code() if read else 0
    finally:
        writer.transport.abort()  # a look is over at once: nobody waits for a server that does not close
    if not status:
        return Health.critical(f"{url} closed the connection without an answer")
    text = answer.body.decode(errors="replace")[:SHOWN]
    return Health.of_status(status, f"it answers {status} {text}".rstrip())


async def _exec(command: tuple[str, ...]) -> Health:
    # A pipe of our own: what the program leaves behind may hold its end open for ever, and this end is ours to close.
    read, write = os.pipe()
    output = asyncio.StreamReader()
    with os.fdopen(write, "wb", 0) as end:
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(output), os.fdopen(read, "rb", 0)
        )
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=end,
                stderr=end,
                start_new_session=True,  # so that what it has started can be ended with it
            )
            end.close()
            status, text = await _ended(process, output)
        finally:
            pipe.close()
    if status in _LEVELS:
        return Health(_LEVELS[status], text or f"exit status {status}")
    how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    return Health.critical(f"{how}{f': {text}' if text else ''}")


async def _ended(process: asyncio.subprocess.Process, output: asyncio.StreamReader) -> tuple[int, str]:
    """Return the exit status and the begin of what was printed."""
    kept = bytearray()
    reading = asyncio.ensure_future(_read(output, kept))
    try:
        status = await process.wait()
        await asyncio.wait((reading,), timeout=0.05)  # what is in the pipe already
    finally:
        reading.cancel()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
    return status, kept.decode(errors="replace").strip()[:SHOWN]


async def _read(output: asyncio.StreamReader, kept: bytearray) -> None:
    """Read all, so that the program does not wait for its reader; keep the begin."""
    while data := await output.read(_READ):
        kept += data[: SHOWN * 4 - len(kept)]
