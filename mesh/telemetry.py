"""What a node tells of itself: metrics, tracers, and spans on their way to the trace store and to a collector."""

import logging
from collections.abc import Callable, Iterable
from typing import cast

from ..actors.messages.cause import CAUSES
from ..actors.messages.envelope import ReplyFrame
from ..actors.messages.error import FaultInjected, MeshError
from ..actors.messages.response_flag import BY_CAUSE
from ..actors.proxy.call import Call, Caller
from ..actors.proxy.cluster import Cluster
from ..actors.proxy.degraded import Degraded
from ..actors.proxy.event import EVENT
from ..actors.routing.decide import Decision, Upstream
from ..gateway.translate import cause, status_of
from ..tracing import tag
from ..tracing.bus_exporter import BusExporter
from ..tracing.calls import UNKNOWN, Calls, Side, Way
from ..tracing.log import OncePer
from ..tracing.metrics import Metrics
from ..tracing.otlp import OtlpExporter
from ..tracing.record import encode_batches
from ..tracing.tail import Tail
from ..tracing.tracer import Tracer
from .link import Link

log = logging.getLogger("plait.node")

FLUSH = 0.2
"""Seconds between two batches of spans."""

_SOURCES = 1000
"""Senders of noise that are counted by name: they name themselves, and a series once made is never dropped."""


_BOUND = 10_000
"""Ways of calls whose counts are found at once."""

_Bound = tuple[Caller, Cluster, str, str, str | int]
"""Who calls, the destination, the version that answered, and the route: its rule and its name or place."""


_NO_DECISION = Decision("", "", -1, "", "", None, None, None, None, cast("Upstream", None), None, 0)
"""In place of an event's: nothing decides about those."""


def _key(call: Call) -> _Bound:
    """Return what the counts of a call are found by."""
    decision = call.decision or _NO_DECISION
    # What fallbacks have called is not the destination that is counted.
    version = call.tried[-1].instance.version if call.tried and call.degraded is None else ""
    return (call.caller, call.cluster, version, decision.rule_set, decision.route or decision.index)


def _side(caller: Caller) -> Side:
    return Side(caller.service or UNKNOWN, caller.labels.get("version") or UNKNOWN)


class Telemetry:
    """Metrics and traces of one node; it is also the proxy's observer."""

    def __init__(self, link: Link, mesh: str, otlp: str) -> None:
        self._link = link
        self._mesh = mesh
        self.metrics = Metrics({number: kind.__name__ for number, kind in CAUSES.items()}, BY_CAUSE)
        self._bound: dict[_Bound, Calls] = {}
        self._spans = BusExporter()
        self._tail = Tail(self._spans, link.ground.clock)
        self._otlp = OtlpExporter(otlp) if otlp else None
        self._noise = OncePer(log, clock=link.ground.clock)
        self._fallbacks = OncePer(log, 10.0, clock=link.ground.clock)
        self._unread: Callable[[], Iterable[tuple[str, int]]] = tuple
        self._seen: dict[str, int] = {}
        self._sources: set[str] = set()
        self.metrics.spans(self._counts)
        text = "Ended spans that wait to be sent."
        self.metrics.read_gauge("plait_spans_waiting", text, ("exporter",), self._waiting)

    def tracer(self, service: str, instance: str, version: str) -> Tracer:
        """Return the tracer of one instance; its spans carry the service's name."""
        resource = tag.resource(service, instance=instance, version=version, node=self._link.node, mesh=self._mesh)
        exporters = [self._spans] if self._otlp is None else [self._spans, self._otlp]
        ground = self._link.ground
        return Tracer(
            service,
            resource,
            exporters,
            rng=ground.rng,
            wall=ground.wall_clock_ns,
            monotonic=ground.clock_ns,
            tail=self._tail,
        )

    def undecodable(self, source: str, error: MeshError) -> None:
        """Somebody sent what is no message: counted, logged once per source and second."""
        if len(self._sources) < _SOURCES:
            self._sources.add(source)
        self.metrics.undecodable.labels(source[:64] if source in self._sources else "other").inc()
        self._noise(source, logging.WARNING, "refused a message from %s: %s", source, error)

    # The proxy's observer

    def answered(self, call: Call, reply: ReplyFrame, seconds: float) -> None:
        """Count an answered call."""
        bound = self._bound.get(_key(call)) or self._calls(call)
        bound.observe(reply.status, reply.cause, seconds, len(call.body), len(reply.body), call.traceparent)
        if call.degraded is not None:
            self._degraded(call, call.degraded)
        if call.action is not None and call.action.stat:
            self.metrics.routes.labels(call.action.stat, str(reply.status)).inc()
        if call.attempts > 1:
            self.metrics.retries.labels(call.cluster.service, "answered").inc(call.attempts - 1)

    def failed(self, call: Call, error: MeshError, seconds: float) -> None:
        """Count a call without an answer."""
        status = status_of(type(error))
        if isinstance(error, FaultInjected):
            status = error.status
            self.metrics.faults.labels(call.cluster.service if call.routed else "unknown", "abort").inc()
        if not call.routed:
            self._unrouted(call).observe(status, error.cause, seconds, len(call.body), 0, call.traceparent)
            return
        self._calls(call).observe(status, error.cause, seconds, len(call.body), 0, call.traceparent)
        if call.degraded is not None:
            self._degraded(call, call.degraded)
        if call.action is not None and call.action.stat:
            self.metrics.routes.labels(call.action.stat, str(status)).inc()
        if call.attempts > 1:
            self.metrics.retries.labels(call.cluster.service, cause(error)).inc(call.attempts - 1)

    def _degraded(self, call: Call, degraded: Degraded) -> None:
        """Count and tell what nobody else sees: callers get an answer while the destination gives none."""
        service = degraded.service
        self.metrics.degraded.labels(service, degraded.subset, call.decision.title, degraded.kind, degraded.cause).inc()
        self._fallbacks(
            f"{service} {degraded.subset} {degraded.kind}",
            logging.WARNING,
            "calls to %s fail (%s); fallback: %s",
            f"{service} {degraded.subset}".rstrip(),
            degraded.cause,
            degraded.kind,
        )

    def _calls(self, call: Call) -> Calls:
        key = _key(call)
        found = self._bound.get(key)
        if found is None:
            _, cluster, version, rule_set, place = key
            destination = Side(cluster.service or UNKNOWN, version or UNKNOWN)
            route = f"{rule_set}#{place}" if rule_set else ""
            protocol = "event" if call.method == EVENT else "http"
            found = self.metrics.calls(Way("source", _side(call.caller), destination, cluster.subset, route, protocol))
            if len(self._bound) >= _BOUND:  # instances and revisions come and go
                self._bound.clear()
            self._bound[key] = found
        return found

    def _unrouted(self, call: Call) -> Calls:
        """The counts of calls that lead nowhere: whatever they name, so that nobody makes series by making up names."""
        return self.metrics.calls(Way("source", _side(call.caller), Side()))

    # Spans

    def start(self, unread: Callable[[], Iterable[tuple[str, int]]]) -> None:
        """Begin to publish spans to the trace store, and to look who of this node met messages that are none.

        `unread` gives each part of the node and its count so far.
        """
        self._unread = unread
        self._again()

    def _again(self) -> None:
        due = self._link.surroundings.clock() + FLUSH
        self.flush()
        for part, count in self._unread():
            before, self._seen[part] = self._seen.get(part, 0), count
            new = count - before if count >= before else count  # a new life counts from the start
            if new:
                self.metrics.undecodable.labels(part).inc(new)
                self._noise(part, logging.WARNING, "%s refused %d messages that it could not read", part, new)
        self._link.deadlines.at(due, self._again)

    def flush(self) -> None:
        """Publish the spans that have ended; without a bus they are dropped."""
        while records := self._spans.take():
            try:
                for batch in encode_batches(records):
                    self._link.control.publish(self._link.subjects.span(self._link.node), batch)
            except MeshError as error:
                self._noise("spans", logging.WARNING, "%d spans did not reach the trace store: %s", len(records), error)

    async def close(self) -> None:
        """Send the last spans; a dead collector costs no more than its limit."""
        self.flush()
        if self._otlp is not None:
            await self._otlp.aclose()

    def _waiting(self) -> list[tuple[tuple[str, ...], float]]:
        waiting: list[tuple[tuple[str, ...], float]] = [(("bus",), float(len(self._spans)))]
        if self._otlp is not None:
            waiting.append((("otlp",), float(self._otlp.waiting)))
        return waiting

    def _counts(self) -> list[tuple[tuple[str, str], float]]:
        counts = [(("bus", "dropped"), float(self._spans.dropped)), (("tail", "dropped"), float(self._tail.dropped))]
        if self._otlp is not None:
            counts += [(("otlp", "exported"), self._otlp.exported), (("otlp", "dropped"), self._otlp.dropped)]
        return counts
