"""Logging: text or JSON lines that carry the trace id, and a brake for what could repeat a thousand times a second."""

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

from .context import span_id, trace_id

ROOT = "plait"
"""The logger that all of the mesh's loggers stand under."""

_SOURCES = 1024
_OTHERS = ""


def _no_trace() -> str:
    return ""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, logger, message, trace and span id and actor where known."""

    def __init__(
        self,
        trace: Callable[[], str] = _no_trace,
        fixed: dict[str, str] | None = None,
        actor: Callable[[], str] = _no_trace,
    ) -> None:
        """`trace` gives the traceparent of what runs now, `actor` who does, `""` for none; `fixed` is on every line."""
        super().__init__()
        self._trace = trace
        self._fixed = fixed or {}
        self._actor = actor

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line, without the newline."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._fixed,
        }
        traceparent: str = getattr(record, "traceparent", "") or self._trace()
        if traceparent:
            line["trace_id"] = trace_id(traceparent)
            line["span_id"] = span_id(traceparent)
        if actor := self._actor():
            line["actor"] = actor
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """Lines for people: time, level, logger, message, and the trace id where there is one."""

    def __init__(self, trace: Callable[[], str] = _no_trace) -> None:
        """`trace` gives the traceparent of what runs now, `""` for none."""
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._trace = trace

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the name is logging's)
        """Return the line without its traceback."""
        text = super().formatMessage(record)
        traceparent: str = getattr(record, "traceparent", "") or self._trace()
        return f"{text} trace={trace_id(traceparent)}" if traceparent else text


def configure(
    level: int | str = logging.INFO,
    *,
    as_json: bool = False,
    stream: TextIO | None = None,
    trace: Callable[[], str] = _no_trace,
    fixed: dict[str, str] | None = None,
    actor: Callable[[], str] = _no_trace,
) -> logging.Handler:
    """Send the mesh's log lines to `stream` (stderr), in place of what an earlier call set up; return the handler.

    Only the logger `plait` is touched, never the root logger: that one is the application's.

    Raises:
        ValueError: the level's name is unknown.
    """
    logger = logging.getLogger(ROOT)
    logger.setLevel(level.upper() if isinstance(level, str) else level)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(trace, fixed, actor) if as_json else TextFormatter(trace))
    for old in logger.handlers[:]:
        logger.removeHandler(old)
    logger.addHandler(handler)
    logger.propagate = False
    return handler


class OncePer:
    """Logs at most one line per source and period and counts the rest, which the source's next line tells."""

    def __init__(
        self, logger: logging.Logger, period: float = 1.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Let one line per source through in `period` seconds of `clock`."""
        self._logger = logger
        self._period = period
        self._clock = clock
        self._sources: dict[str, tuple[float, int]] = {}
        self.total = 0
        """Calls since the start, logged or not."""

    def __call__(self, source: str, level: int, message: str, *args: object) -> bool:
        """Log a line of `source`, or only count it; return whether it was logged."""
        self.total += 1
        now = self._clock()
        if source not in self._sources and len(self._sources) >= _SOURCES:
            source = self._room(source, now)
        until, held = self._sources.get(source, (now, 0))
        if now < until:
            self._sources[source] = (until, held + 1)
            return False
        self._sources[source] = (now + self._period, 0)
        if held:
            self._logger.log(level, message + " (and %d more since)", *args, held)
        else:
            self._logger.log(level, message, *args)
        return True

    def _room(self, source: str, now: float) -> str:
        """Forget sources that may log again; where strangers invent more, those without a place share one."""
        self._sources = {known: state for known, state in self._sources.items() if state[0] > now}
        return source if len(self._sources) < _SOURCES else _OTHERS


class OncePerFilter(logging.Filter):
    """Lets one record a period through a library's logger, whatever it says; the next one tells how many were not."""

    def __init__(self, period: float = 60.0, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Let one record through in `period` seconds of `clock`."""
        super().__init__()
        self._period = period
        self._clock = clock
        self._next = float("-inf")
        self._held = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record may pass."""
        now = self._clock()
        if now < self._next:
            self._held += 1
            return False
        self._next = now + self._period
        if self._held:
            record.msg = f"{record.getMessage()} (and {self._held} more since)"
            record.args = ()
            self._held = 0
        return True
