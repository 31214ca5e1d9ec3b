"""The last traces in memory, bounded in every direction; the oldest trace makes room for the newest.

Traces that failed or were slow are what people look for, and the few among many: they stay while others go, until they
are half of what is held.
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from ..record import SpanRecord, Status
from ..slow import SLOW
from .query import Operation, Query, operation_of

PREFIX = 8
"""Hex digits that at least name a trace."""

SPAN_BYTES = 400
"""Bytes of an encoded span where nobody says better."""

MOST_BYTES = 16 * 1024 * 1024
"""Encoded bytes that are held; in memory they take some five times as much (measured: 74 MiB)."""


class TraceNotFound(LookupError):
    """No trace here has this id."""


class AmbiguousTrace(LookupError):
    """Several traces have ids that begin like this."""


class ServiceCount(msgspec.Struct, frozen=True):
    """What one service did in a trace."""

    service: str
    spans: int
    errors: int


class TraceSummary(msgspec.Struct, frozen=True):
    """One line about a trace."""

    trace_id: str
    service: str
    """Of the root span, or of the earliest one while the root is missing."""
    operation: str
    start_ns: int
    """Wall clock, nanoseconds since 1970."""
    duration_ns: int
    """From the first start to the last end."""
    spans: int
    errors: int
    services: tuple[ServiceCount, ...]
    """By name."""
    dropped: int = 0
    """Spans that did not fit the limit per trace."""


@dataclass(slots=True)
class _Trace:
    spans: dict[str, SpanRecord]
    start_ns: int
    end_ns: int
    dropped: int = 0
    errors: int = 0
    size: int = 0

    @property
    def notable(self) -> bool:
        """Whether it is one that people look for."""
        return self.errors > 0 or self.end_ns - self.start_ns >= SLOW * 1e9

    def add(self, span: SpanRecord, size: int) -> None:
        self.size += size
        self.spans[span.span_id] = span
        self.start_ns = min(self.start_ns, span.start_ns)
        self.end_ns = max(self.end_ns, span.end_ns)
        self.errors += span.status is Status.ERROR


class TraceStore:
    """A ring of traces."""

    def __init__(
        self, max_traces: int = 1000, max_spans: int = 500, max_total: int = 50_000, max_bytes: int = MOST_BYTES
    ) -> None:
        """Keep at most `max_traces` traces, `max_spans` spans of each, `max_total` spans and `max_bytes` together."""
        self._max_traces = max_traces
        self._max_spans = max_spans
        self._max_total = max(max_total, max_spans)
        self._max_bytes = max_bytes
        self._traces: dict[str, _Trace] = {}
        self._plain: OrderedDict[str, None] = OrderedDict()
        self._notable: OrderedDict[str, None] = OrderedDict()
        self._total = 0
        self.size = 0
        """Encoded bytes held."""
        self.evicted = 0
        """Traces that made room for later ones."""
        self.dropped = 0
        """Spans that did not fit the limit per trace."""

    def __len__(self) -> int:
        return len(self._traces)

    @property
    def spans(self) -> int:
        """Spans held."""
        return self._total

    def add(self, spans: Iterable[SpanRecord], size: int = SPAN_BYTES) -> None:
        """Take spans in, in any order; one that is here already is ignored. `size` is the bytes of each, encoded."""
        for span in spans:
            trace = self._traces.get(span.trace_id)
            if trace is None:
                trace = self._traces[span.trace_id] = _Trace({}, span.start_ns, span.end_ns)
                self._plain[span.trace_id] = None
            if span.span_id in trace.spans:
                continue
            if len(trace.spans) >= self._max_spans:
                trace.dropped += 1
                self.dropped += 1
                continue
            trace.add(span, size)
            self._total += 1
            self.size += size
            if span.trace_id in self._plain and trace.notable:
                del self._plain[span.trace_id]
                self._notable[span.trace_id] = None
            while len(self._traces) > self._max_traces or self._total > self._max_total or self.size > self._max_bytes:
                self._evict()

    def _evict(self) -> None:
        """Give up the oldest plain trace, or the oldest notable one where these are more than half."""
        crowd = self._notable if len(self._notable) * 2 > len(self._traces) or not self._plain else self._plain
        name, _ = crowd.popitem(last=False)
        oldest = self._traces.pop(name)
        self._total -= len(oldest.spans)
        self.size -= oldest.size
        self.evicted += 1

    def list(
        self,
        service: str | None = None,
        errors: bool = False,
        min_duration: float | None = None,
        limit: int = 20,
    ) -> list[TraceSummary]:
        """Return summaries, the latest start first.

        Args:
            service: only traces that this service has a span in.
            errors: only traces with a failed span.
            min_duration: only traces of at least so many seconds.
            limit: at most so many.
        """
        shortest = 0 if min_duration is None else round(min_duration * 1e9)
        found = self.search(Query(service or "", errors=errors, shortest_ns=shortest), limit)
        return [_summary(trace_id, self._traces[trace_id]) for trace_id in found]

    def search(self, query: Query, limit: int = 20) -> tuple[str, ...]:
        """Return the ids of at most `limit` traces that are as asked, the latest start first."""
        chosen = (
            (trace.start_ns, trace_id)
            for trace_id, trace in self._traces.items()
            if query.shortest_ns <= trace.end_ns - trace.start_ns <= query.longest_ns
            and query.earliest_ns <= trace.start_ns <= query.latest_ns
            and (not query.errors or trace.errors)
            and (not query.of_spans or any(map(query.finds, trace.spans.values())))
        )
        return tuple(trace_id for _, trace_id in heapq.nlargest(limit, chosen))

    def services(self) -> tuple[str, ...]:
        """Return the names of all services that have spans here."""
        return tuple(sorted({span.service for trace in self._traces.values() for span in trace.spans.values()}))

    def operations(self, service: str, kind: str = "") -> tuple[Operation, ...]:
        """Return what `service` does, by its spans; of one kind alone (`server`) where that is given."""
        spans = (span for trace in self._traces.values() for span in trace.spans.values() if span.service == service)
        found = {operation_of(span) for span in spans}
        return tuple(sorted(one for one in found if kind in ("", one.kind)))

    def get(self, trace_id: str) -> tuple[SpanRecord, ...]:
        """Return a trace's spans by start; the first 8 or more digits of its id will do where only one begins so.

        Raises:
            TraceNotFound: no trace has this id.
            AmbiguousTrace: several begin like this.
        """
        return tuple(sorted(self._traces[self.find(trace_id)].spans.values(), key=lambda span: span.start_ns))

    def summary(self, trace_id: str) -> TraceSummary:
        """Return one trace's summary; `trace_id` and errors as for `get`."""
        full = self.find(trace_id)
        return _summary(full, self._traces[full])

    def find(self, trace_id: str) -> str:
        """Return the full id of the trace that `trace_id` names; errors as for `get`."""
        wanted = trace_id.strip().lower()
        if wanted in self._traces:
            return wanted
        if len(wanted) < PREFIX:
            raise TraceNotFound(f"{trace_id!r} names no trace: at least {PREFIX} digits of its id are needed")
        found = [known for known in self._traces if known.startswith(wanted)]
        if not found:
            raise TraceNotFound(f"no trace {trace_id!r} here: it was not sampled, or has made room for later ones")
        if len(found) > 1:
            raise AmbiguousTrace(f"{len(found)} traces begin with {trace_id!r}: {', '.join(found[:3])}")
        return found[0]


def _summary(trace_id: str, trace: _Trace) -> TraceSummary:
    spans: dict[str, int] = {}
    errors: dict[str, int] = {}
    for span in trace.spans.values():
        spans[span.service] = spans.get(span.service, 0) + 1
        errors[span.service] = errors.get(span.service, 0) + (span.status is Status.ERROR)
    first = min(trace.spans.values(), key=lambda span: (span.parent_id != "", span.start_ns))
    return TraceSummary(
        trace_id=trace_id,
        service=first.service,
        operation=first.name,
        start_ns=trace.start_ns,
        duration_ns=trace.end_ns - trace.start_ns,
        spans=len(trace.spans),
        errors=trace.errors,
        services=tuple(ServiceCount(name, spans[name], errors[name]) for name in sorted(spans)),
        dropped=trace.dropped,
    )
