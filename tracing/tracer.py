"""Spans of one mesh service: the OpenTelemetry SDK for sampled requests, nothing at all for the others.

Each service of a node has a provider of its own, never the global one, so that the spans carry its name and an
application's own OpenTelemetry is left alone. The provider's sampler is always on: the decision was made at the edge
and stands in the traceparent, and the SDK is not even asked where it says no (an unrecorded span of the SDK still costs
some microseconds).
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from .context import RANDOM, SAMPLED, child
from .record import Kind, Value
from .tag import SERVICE

Clock = Callable[[], int]
"""Nanoseconds."""

_KINDS = {
    Kind.INTERNAL: SpanKind.INTERNAL,
    Kind.SERVER: SpanKind.SERVER,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.PRODUCER: SpanKind.PRODUCER,
    Kind.CONSUMER: SpanKind.CONSUMER,
}
_ODD = frozenset("13579bdf")
_NOWHERE = Context()
_LIMITS = SpanLimits(max_span_attributes=64, max_events=64, max_event_attributes=16, max_attribute_length=2048)


class _Ids(IdGenerator):
    """Draws span ids; for a root it hands out the ids that its traceparent has already."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.root: tuple[int, int] | None = None

    def generate_span_id(self) -> int:
        if self.root is not None:
            return self.root[1]
        return self._rng.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        return self.root[0] if self.root is not None else self._rng.getrandbits(128) or 1


class ActiveSpan:
    """A span that runs. Its start is wall-clock time; all else in it is told by the monotonic clock."""

    __slots__ = ("_began", "_ended", "_monotonic", "_start", "otel", "traceparent")

    def __init__(self, otel: Span, traceparent: str, start: int, monotonic: Clock) -> None:
        self.otel = otel
        """The SDK's span, to make it current for libraries that look for one."""
        self.traceparent = traceparent
        """What goes downstream: this span as the parent."""
        self._start = start
        self._monotonic = monotonic
        self._began = monotonic()
        self._ended = False

    def _now(self) -> int:
        return self._start + self._monotonic() - self._began

    def set(self, key: str, value: Value) -> None:
        """Set one attribute; after the end it has no effect."""
        if not self._ended:
            self.otel.set_attribute(key, value)

    def event(self, name: str, attributes: Mapping[str, Value] | None = None) -> None:
        """Note that something happened now; after the end it has no effect."""
        if not self._ended:
            self.otel.add_event(name, attributes, self._now())

    def fail(self, failure: str | BaseException) -> None:
        """Mark the span as failed, with a sentence or an exception, which is noted as an event with its traceback."""
        if self._ended:
            return
        if isinstance(failure, BaseException):
            self.otel.record_exception(failure, timestamp=self._now())
            failure = str(failure) or type(failure).__name__
        self.otel.set_status(StatusCode.ERROR, failure)

    def succeed(self) -> None:
        """Mark the span as in order, which no later `fail` changes; without it the status is unset, which is usual."""
        if not self._ended:
            self.otel.set_status(StatusCode.OK)

    def end(self) -> None:
        """End the span and hand it to the exporters; a second time has no effect."""
        if not self._ended:
            self._ended = True
            self.otel.end(self._now())


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
    ) -> None:
        """Make spans of `service`.

        Args:
            service: the `service.name` of its spans, unless `resource` gives one.
            resource: attributes that all its spans share, see `tag.resource`.
            exporters: what gets the ended spans (`OtlpExporter`, `BusExporter`); they are shared by a node's tracers
                and closed by the node, not here.
            rng: draws the span ids.
            wall: nanoseconds since 1970; start times.
            monotonic: nanoseconds; durations.
        """
        self.service = service
        self._wall = wall
        self._monotonic = monotonic
        self._ids = _Ids(rng or random.Random())
        provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource.create({SERVICE: service, **(resource or {})}),
            shutdown_on_exit=False,
            id_generator=self._ids,
            span_limits=_LIMITS,
        )
        for exporter in exporters:
            provider.add_span_processor(exporter)
        self._start_span = provider.get_tracer("plait").start_span

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
        id. Else it becomes a child of the calling span with an id of its own. Attributes given here cost less than
        those set later.
        """
        if traceparent[54:55] not in _ODD:
            return None
        start = self._wall()
        if root:
            self._ids.root = (int(traceparent[3:35], 16), int(traceparent[36:52], 16))
            try:
                otel = self._start_span(name, _NOWHERE, _KINDS[kind], attributes, start_time=start)
            finally:
                self._ids.root = None
            return ActiveSpan(otel, traceparent, start, self._monotonic)
        flags = int(traceparent[53:55], 16) & (SAMPLED | RANDOM)
        parent = SpanContext(
            int(traceparent[3:35], 16),
            int(traceparent[36:52], 16),
            True,
            TraceFlags(flags),
            TraceState.from_header([tracestate]) if tracestate else None,
        )
        context = set_span_in_context(NonRecordingSpan(parent), _NOWHERE)
        otel = self._start_span(name, context, _KINDS[kind], attributes, start_time=start)
        own = child(traceparent, f"{otel.get_span_context().span_id:016x}")
        return ActiveSpan(otel, own, start, self._monotonic)
