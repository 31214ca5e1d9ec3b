"""Traces by Jaeger's query API: from a real Jaeger, or from an admin address of the mesh, which speaks the same."""

import json
import time
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import urlopen

from ..tracing.record import SpanRecord
from ..tracing.store.otlp_json import spans_of
from ..tracing.store.span_time import moment
from .exit import CommandError, Exit

LOOK_BACK = 24 * 3600.0
"""Seconds that a list reaches back."""

_MOST = 64 * 1024 * 1024
"""Bytes of an answer that are read."""


class Jaeger:
    """One Jaeger by its URL, such as `http://localhost:16686`."""

    def __init__(self, url: str, timeout: float) -> None:
        """Read from `url`; each answer may take `timeout` seconds.

        Raises:
            CommandError: it is no HTTP URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            hint = "name a Jaeger's query address, or the mesh's admin address: http://localhost:16686"
            raise CommandError(Exit.USAGE, f"{url!r} is no HTTP URL", hint=hint)
        self._url = url.rstrip("/")
        self._timeout = timeout

    def latest(self, service: str, errors: bool, shortest: str, limit: int) -> list[dict[str, Any]]:
        """Return the traces of the last day, the latest first, by the names that `plait trace ls` writes.

        Raises:
            CommandError: there is no answer that could be read.
        """
        now = time.time()
        query = {
            "query.serviceName": service,
            "query.startTimeMin": moment(now - LOOK_BACK),
            "query.startTimeMax": moment(now + 60.0),
            "query.durationMin": shortest,
            "query.attributes": '{"error":"true"}' if errors else "",
            "query.searchDepth": str(limit),
        }
        path = f"/api/v3/trace-summaries?{urlencode({name: value for name, value in query.items() if value})}"
        found = self._get(path).get("summaries")
        summaries = cast("list[object]", found) if isinstance(found, list) else []
        lines = [_line(cast("dict[str, Any]", one)) for one in summaries if isinstance(one, dict)]
        return sorted(lines, key=lambda line: -line["start_ns"])[:limit]

    def show(self, trace_id: str) -> list[SpanRecord]:
        """Return the spans of one trace.

        Raises:
            CommandError: there is no such trace, or no answer that could be read.
        """
        answer = self._get(f"/api/v3/traces/{quote(trace_id, safe='')}")
        result = answer.get("result")
        spans = cast("dict[str, Any]", result).get("resourceSpans") if isinstance(result, dict) else None
        return spans_of(spans)

    def _get(self, path: str) -> dict[str, Any]:
        try:
            with urlopen(self._url + path, timeout=self._timeout) as answer:  # noqa: S310 - its scheme was checked
                data = answer.read(_MOST + 1)
        except HTTPError as error:
            raise self._refused(error) from None
        except TimeoutError:
            raise self._late() from None
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise self._late() from None
            hint = "start one, or name another with --jaeger"
            raise CommandError(Exit.UNREACHABLE, f"no Jaeger at {self._url}", why=str(reason), hint=hint) from None
        try:
            if len(data) > _MOST:
                raise ValueError
            found = json.loads(data)
            if not isinstance(found, dict):
                raise ValueError
        except (ValueError, RecursionError):
            hint = "its query API of version 3 is read, which Jaeger has from 2.19 on"
            raise CommandError(Exit.INTERNAL, f"{self._url} does not answer as a Jaeger does", hint=hint) from None
        return cast("dict[str, Any]", found)

    def _late(self) -> CommandError:
        hint = "allow more time with --timeout"
        return CommandError(Exit.TIMED_OUT, f"no answer from {self._url} within {self._timeout:g} s", hint=hint)

    def _refused(self, error: HTTPError) -> CommandError:
        try:
            why = str(json.loads(error.read(65536))["error"]["message"])
        except (ValueError, KeyError, TypeError, OSError, RecursionError):
            why = f"{self._url} answers {error.code}"
        if error.code == 404:
            return CommandError(Exit.NOT_FOUND, "no such trace", why=why, hint="`plait trace ls` lists those there are")
        return CommandError(Exit.REFUSED if error.code < 500 else Exit.INTERNAL, "the question was refused", why=why)


def _line(summary: dict[str, Any]) -> dict[str, Any]:
    start, end = (_nanoseconds(summary.get(name)) for name in ("minStartTimeUnixNano", "maxEndTimeUnixNano"))
    services = summary.get("services")
    names = [
        str(cast("dict[str, Any]", one).get("name"))
        for one in (cast("list[object]", services) if isinstance(services, list) else [])
        if isinstance(one, dict)
    ]
    return {
        "trace_id": str(summary.get("traceId", "")),
        "root_service": str(summary.get("rootServiceName", "")),
        "root_operation": str(summary.get("rootOperationName", "")),
        "start": moment(start / 1e9),
        "duration_ms": round(max(0, end - start) / 1e6, 3),
        "spans": _nanoseconds(summary.get("spanCount")),
        "errors": _nanoseconds(summary.get("errorSpanCount")),
        "services": names,
        "service": str(summary.get("rootServiceName", "")),
        "operation": str(summary.get("rootOperationName", "")),
        "start_ns": start,
        "duration_ns": max(0, end - start),
    }


def _nanoseconds(value: object) -> int:
    """A number, or text of one, as protobuf's JSON has it; 0 for all else and for what no time could be."""
    try:
        found = int(cast("Any", value)) if isinstance(value, int | str) else 0
    except ValueError:
        return 0
    return found if 0 <= found < 2**62 else 0
