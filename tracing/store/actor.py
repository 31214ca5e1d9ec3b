"""The trace store actor: takes spans from every node and answers `trace.ls` and `trace.show`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ...actors.bus.bus import Bus, Subscription
from ...actors.bus.user_request import UserSubjects, number_field, text_field
from ...actors.messages.error import Refused
from ...actors.messages.subject import Subjects
from ...actors.runtime.actor import Actor
from ..record import decode_batch, in_words
from .memory import AmbiguousTrace, TraceNotFound, TraceStore, TraceSummary
from .tree import waterfall

QUEUE = b"traces"
_MOST = 1000  # traces in one answer


class TraceActor(Actor):
    """Holds the last traces. Adding and reading never wait, so both happen where the messages arrive."""

    def __init__(self, subjects: Subjects, bus: Bus, store: TraceStore | None = None) -> None:
        """Serve `store` (a new one with its default bounds) on `bus`."""
        self.store = store if store is not None else TraceStore()
        self.undecodable = 0
        self._subjects = subjects
        self._bus = bus
        self._users = UserSubjects(bus, subjects, QUEUE)
        self._subscription: Subscription | None = None

    async def pre_start(self) -> None:
        """Listen."""
        self._subscription = self._bus.subscribe(self._subjects.spans(), self._spans)
        self._users.serve(self._subjects.user("trace", "ls"), self._list)
        self._users.serve(self._subjects.user("trace", "show"), self._show)
        try:
            await self._bus.flush()
        except BaseException:
            await self.post_stop()
            raise

    async def post_stop(self) -> None:
        """Stop listening."""
        self._users.close()
        if self._subscription is not None:
            self._subscription.unsubscribe()

    def unread(self) -> int:
        """Return how many batches of spans and questions were none."""
        return self.undecodable + self._users.undecodable

    def _spans(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        try:
            spans = decode_batch(payload)
        except ValueError:
            self.undecodable += 1
        else:
            self.store.add(spans, len(payload) // max(1, len(spans)))

    def _list(self, request: Mapping[str, Any]) -> dict[str, Any]:
        shortest = request.get("min_duration_ms")
        if shortest is not None and (isinstance(shortest, bool) or not isinstance(shortest, int | float)):
            raise Refused("`min_duration_ms` is no number")
        found = self.store.list(
            text_field(request, "service") or None,
            request.get("errors") is True,
            None if shortest is None else min(max(float(shortest), 0.0), 1e12) / 1000,
            number_field(request, "limit", 20, _MOST),
        )
        return {"items": [_line(summary) for summary in found]}

    def _show(self, request: Mapping[str, Any]) -> dict[str, Any]:
        wanted = text_field(request, "id")
        try:
            trace_id = self.store.find(wanted)
        except (TraceNotFound, AmbiguousTrace) as error:
            return _unknown(str(error), isinstance(error, TraceNotFound))
        spans = self.store.get(trace_id)
        width = number_field(request, "width", 100, 400)
        lines = waterfall(spans, width, ascii_only=request.get("ascii") is True)
        return {**_line(self.store.summary(trace_id)), "spans": [in_words(span) for span in spans], "lines": lines}


def _unknown(message: str, missing: bool) -> dict[str, Any]:
    code = "not_found" if missing else "invalid_argument"
    problem = {"code": code, "document": "", "path": "", "message": message, "hint": ""}
    return {"error": message, "errors": [problem]}


def _line(summary: TraceSummary) -> dict[str, Any]:
    return {
        "trace_id": summary.trace_id,
        "root_service": summary.service,
        "root_operation": summary.operation,
        "start": datetime.fromtimestamp(summary.start_ns / 1e9, UTC).isoformat(timespec="milliseconds"),
        "duration_ms": round(summary.duration_ns / 1e6, 3),
        "spans": summary.spans,
        "errors": summary.errors,
        "services": [each.service for each in summary.services],
        "dropped": summary.dropped,
        "service": summary.service,
        "operation": summary.operation,
        "start_ns": summary.start_ns,
        "duration_ns": summary.duration_ns,
    }
