"""Keeps ended spans until the node publishes them to the trace store."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import StatusCode

from .record import Kind, SpanEvent, SpanRecord, Status, Value
from .tag import INSTANCE, NODE, SERVICE

_KINDS = (Kind.INTERNAL, Kind.SERVER, Kind.CLIENT, Kind.PRODUCER, Kind.CONSUMER)
_STATUS = {StatusCode.UNSET: Status.UNSET, StatusCode.OK: Status.OK, StatusCode.ERROR: Status.ERROR}


class BusExporter(SpanProcessor):
    """A bounded list of ended spans. Turning them into records waits for `take`, off the path of requests."""

    def __init__(self, capacity: int = 4096) -> None:
        """Hold at most `capacity` spans; later ones are dropped and counted."""
        self._capacity = capacity
        self._ended: deque[ReadableSpan] = deque()
        self.dropped = 0
        """Spans lost because nobody took them in time."""

    def __len__(self) -> int:
        return len(self._ended)

    def on_end(self, span: ReadableSpan) -> None:
        """Keep an ended span."""
        if len(self._ended) >= self._capacity:
            self.dropped += 1
            return
        self._ended.append(span)

    def take(self, limit: int = 512) -> list[SpanRecord]:
        """Return the oldest spans, at most `limit`, and forget them."""
        ended = self._ended
        return [record_of(ended.popleft()) for _ in range(min(limit, len(ended)))]


def record_of(span: ReadableSpan) -> SpanRecord:
    """Return an ended span of the SDK as a record.

    Raises:
        ValueError: the span has not ended.
    """
    context, parent, start, end = span.context, span.parent, span.start_time, span.end_time
    if context is None or start is None or end is None:
        raise ValueError(f"span {span.name!r} has not ended")
    of = span.resource.attributes
    return SpanRecord(
        trace_id=f"{context.trace_id:032x}",
        span_id=f"{context.span_id:016x}",
        parent_id="" if parent is None else f"{parent.span_id:016x}",
        service=str(of.get(SERVICE, "")),
        instance=str(of.get(INSTANCE, "")),
        node=str(of.get(NODE, "")),
        name=span.name,
        kind=_KINDS[span.kind.value],
        start_ns=start,
        duration_ns=max(0, end - start),
        status=_STATUS[span.status.status_code],
        message=span.status.description or "",
        attributes=_plain(span.attributes),
        events=tuple(SpanEvent(event.name, event.timestamp, _plain(event.attributes)) for event in span.events),
    )


def _plain(attributes: Mapping[str, Any] | None) -> dict[str, Value]:
    """OpenTelemetry allows sequences and more; a record holds plain values, and the rest as text."""
    if not attributes:
        return {}
    return {key: value if isinstance(value, Value) else str(value) for key, value in attributes.items()}
