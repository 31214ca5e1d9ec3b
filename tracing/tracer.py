"""Spans of one mesh service: OpenTelemetry's for sampled requests, nothing at all for the others.

Each service of a node has a tracer, with a resource of its own, so that the spans carry its name; the global provider
is never touched, so that an application's own OpenTelemetry is left alone. Whether a request is sampled was decided at
the edge and stands in its traceparent.

A running span is a small object of ours; when it ends it becomes the SDK's `ReadableSpan` and goes to the SDK's span
processors. The SDK's own running span was measured at four times the cost: its locks, copies and checks serve threads
and strangers, while a span here has one event loop and one author. The SDK advises users against making its spans by
hand; the test that sends them through real OTLP over both protocols is what keeps this honest.
"""

import random
import time
import traceback
from collections.abc import Callable, Iterable, Mapping

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from .record import Kind, Value
from .tag import SERVICE
from .tail import Tail

Clock = Callable[[], int]
"""Nanoseconds."""

ATTRIBUTE_LIMIT = 64
"""Attributes of one span; more are left out."""

EVENT_LIMIT = 64
"""Events of one span; more are left out."""

LENGTH_LIMIT = 2048
"""Characters of one text in an attribute; a traceback may have four times as many."""

_KINDS = {
    Kind.INTERNAL: SpanKind.INTERNAL,
    Kind.SERVER: SpanKind.SERVER,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.PRODUCER: SpanKind.PRODUCER,
    Kind.CONSUMER: SpanKind.CONSUMER,
}
_ODD = frozenset("13579bdf")
_SCOPE = InstrumentationScope("plait")
_UNSET = Status()
_OK = Status(StatusCode.OK)
_FLAGS = {bits: TraceFlags(bits) for bits in range(256)}


class ActiveSpan:
    """A span that runs. Its start is wall-clock time; all else in it is told by the monotonic clock."""

    __slots__ = (
        "_attributes",
        "_began",
        "_ended",
        "_events",
        "_exporters",
        "_kind",
        "_parent_id",
        "_start",
        "_status",
        "_tracer",
        "_tracestate",
        "name",
        "traceparent",
    )

    def __init__(
        self,
        tracer: "Tracer",
        name: str,
        kind: Kind,
        traceparent: str,
        parent_id: str,
        tracestate: str,
        attributes: Mapping[str, Value] | None,
    ) -> None:
        self.traceparent = traceparent
        """What goes downstream: this span as the parent."""
        self._tracer = tracer
        self._exporters = tracer.exporters
        self.name = name
        """May be set until the end: what it is best called is known once the request has its route."""
        self._kind = kind
        self._parent_id = parent_id
        self._tracestate = tracestate
        self._attributes: dict[str, Value] = dict(attributes) if attributes else {}
        self._events: list[Event] = []
        self._status = _UNSET
        self._ended = False
        self._start = tracer.wall()
        self._began = tracer.monotonic()

    def _now(self) -> int:
        return self._start + self._tracer.monotonic() - self._began

    def _context(self, span_id: str, remote: bool) -> SpanContext:
        text = self.traceparent
        state = TraceState.from_header([self._tracestate]) if self._tracestate else None
        return SpanContext(int(text[3:35], 16), int(span_id, 16), remote, _FLAGS[int(text[53:55], 16)], state)

    @property
    def otel(self) -> NonRecordingSpan:
        """This span as OpenTelemetry's, to make it current: what an application's own tracer starts is below it."""
        return NonRecordingSpan(self._context(self.traceparent[36:52], False))

    def ran(self, seconds: float, exporter: SpanProcessor) -> None:
        """Make it a span that has run for `seconds` already, and is handed to `exporter` alone."""
        began = round(seconds * 1e9)
        self._start -= began
        self._began -= began
        self._exporters = (exporter,)

    def set(self, key: str, value: Value) -> None:
        """Set one attribute; after the end it has no effect."""
        if not self._ended:
            self._attributes[key] = value

    def update(self, attributes: Mapping[str, Value]) -> None:
        """Set several attributes; after the end it has no effect."""
        if not self._ended:
            self._attributes.update(attributes)

    def event(self, name: str, attributes: Mapping[str, Value] | None = None) -> None:
        """Note that something happened now; after the end it has no effect."""
        if not self._ended and len(self._events) < EVENT_LIMIT:
            self._events.append(Event(name, _limited(attributes or {}), self._now()))

    def fail(self, failure: str | BaseException) -> None:
        """Mark the span as failed, with a sentence (empty where an attribute tells it) or an exception, which is noted
        as an event with its traceback."""
        if self._ended or self._status is _OK:
            return
        if isinstance(failure, BaseException):
            if len(self._events) < EVENT_LIMIT:
                self._events.append(Event("exception", _exception(failure), self._now()))
            failure = str(failure) or type(failure).__name__
        self._status = Status(StatusCode.ERROR, failure[:LENGTH_LIMIT])

    def succeed(self) -> None:
        """Mark the span as in order, which no later `fail` changes; without it the status is unset, which is usual."""
        if not self._ended:
            self._status = _OK

    def end(self) -> None:
        """End the span and hand it to the exporters; a second time has no effect."""
        if self._ended:
            return
        self._ended = True
        tracer = self._tracer
        span = ReadableSpan(
            name=self.name,
            context=self._context(self.traceparent[36:52], False),
            parent=self._context(self._parent_id, True) if self._parent_id else None,
            resource=tracer.resource,
            attributes=_limited(self._attributes),
            events=self._events,
            kind=_KINDS[self._kind],
            status=self._status,
            start_time=self._start,
            end_time=self._now(),
            instrumentation_scope=_SCOPE,
        )
        for exporter in self._exporters:
            exporter.on_end(span)


class Tracer:
    """Makes the spans of one service."""

    def __init__(
        self,
        service: str,
        resource: Mapping[str, Value] | None = None,
        exporters: Iterable[SpanProcessor] = (),
        *,
        rng: random.Random | None = None,
        wall: Clock = time.time_ns,
        monotonic: Clock = time.monotonic_ns,
        tail: Tail | None = None,
    ) -> None:
        """Make spans of `service`.

        Args:
            service: the `service.name` of its spans, unless `resource` gives one.
            resource: attributes that all its spans share, see `tag.resource`; `OTEL_RESOURCE_ATTRIBUTES` adds to them.
            exporters: what gets the ended spans (`OtlpExporter`, `BusExporter`); they are shared by a node's tracers
                and closed by the node, not here.
            rng: draws the span ids.
            wall: nanoseconds since 1970; start times.
            monotonic: nanoseconds; durations.
            tail: keeps spans of what was not sampled and ended badly.
        """
        self.service = service
        self.resource = Resource.create({SERVICE: service, **(resource or {})})
        self.exporters = tuple(exporters)
        self.wall = wall
        self.monotonic = monotonic
        self._tail = tail
        self._randbytes = (rng or random.Random()).randbytes

    def start(
        self,
        name: str,
        kind: Kind,
        traceparent: str,
        tracestate: str = "",
        attributes: Mapping[str, Value] | None = None,
        *,
        root: bool = False,
    ) -> ActiveSpan | None:
        """Start a span where `traceparent` (a trusted one, see `context`) says sampled; None, at once, where not.

        With `root` the traceparent was made here (`HeadSampler.admit`): the span begins the trace and takes its span
        id. Else it becomes a child of the calling span with an id of its own.
        """
        if traceparent[54:55] not in _ODD:
            return None
        if root:
            return ActiveSpan(self, name, kind, traceparent, "", tracestate, attributes)
        own = f"{traceparent[:36]}{self._randbytes(8).hex()}{traceparent[52:]}"
        return ActiveSpan(self, name, kind, own, traceparent[36:52], tracestate, attributes)

    def late(self, name: str, kind: Kind, traceparent: str, seconds: float) -> ActiveSpan | None:
        """Return a span of what was not sampled, began `seconds` ago and has just ended badly; None where none is kept.

        It is a child of the calling span as far as that is known: nobody below has had a span.
        """
        tail = self._tail
        if tail is None or not traceparent or not tail.admits():
            return None
        own = f"{traceparent[:36]}{self._randbytes(8).hex()}{traceparent[52:]}"
        span = ActiveSpan(self, name, kind, own, traceparent[36:52], "", None)
        span.ran(seconds, tail.exporter)
        return span


def _limited(attributes: Mapping[str, Value]) -> Mapping[str, Value]:
    """Cut what is too much; most spans have a handful of short attributes and pass as they are."""
    if len(attributes) <= ATTRIBUTE_LIMIT:
        for value in attributes.values():
            if isinstance(value, str) and len(value) > LENGTH_LIMIT:
                break
        else:
            return attributes
    return {
        key: value[:LENGTH_LIMIT] if isinstance(value, str) else value
        for key, value in list(attributes.items())[:ATTRIBUTE_LIMIT]
    }


def _exception(failure: BaseException) -> dict[str, Value]:
    """The attributes that OpenTelemetry gives to an exception; of a long traceback the end, where the cause stands."""
    kind = type(failure)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return {
        "exception.type": name,
        "exception.message": str(failure)[:LENGTH_LIMIT],
        "exception.stacktrace": "".join(traceback.format_exception(failure, limit=-20))[-4 * LENGTH_LIMIT :],
    }
