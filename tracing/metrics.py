"""The metrics of a node on a registry of its own, and their Prometheus text.

What is counted per request is bound once per way (`Metrics.calls`) and kept in plain numbers that a collector
reads at scrape time: an observation of prometheus-client's counter and histogram costs several times as much, for locks
that one event loop does not need. What happens seldom uses prometheus-client's own types.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from .calls import BUCKETS, Calls, Way
from .istio import CallsCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of what `render` returns."""

OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
"""Of what `render_open` returns."""

WAYS = 1_000
"""Ways that requests of a node may go and be told apart; those after share one named `other`."""

Reading = Iterable[tuple[Sequence[str], float]]
"""Label values and a value for each series of a gauge."""


class _ReadCollector(Collector):
    """A metric that is read where it lives, at scrape time."""

    def __init__(
        self,
        family: type[GaugeMetricFamily] | type[CounterMetricFamily],
        name: str,
        text: str,
        labels: Sequence[str],
        read: Callable[[], Reading],
    ) -> None:
        self._family, self._name, self._text, self._labels, self._read = family, name, text, labels, read

    def describe(self) -> Iterable[Metric]:
        yield self._family(self._name, self._text, labels=self._labels)

    def collect(self) -> Iterator[Metric]:
        family = self._family(self._name, self._text, labels=self._labels)
        for labels, value in self._read():
            family.add_metric(labels, value)
        yield family


class Metrics:
    """All metrics of one node."""

    def __init__(
        self,
        causes: Mapping[int, str] | None = None,
        flags: Mapping[int, str] | None = None,
        *,
        process: bool = True,
    ) -> None:
        """Start at zero.

        Args:
            causes: words for the numbers of causes.
            flags: Envoy's response flags for them.
            process: also tell memory, CPU time and open files of this process.
        """
        self.registry = CollectorRegistry(auto_describe=False)
        self._calls: dict[Way, Calls] = {}
        self.registry.register(CallsCollector(self._calls, dict(causes or {}), dict(flags or {})))
        if process:
            ProcessCollector(registry=self.registry)
        self.retries = self.counter("plait_retries", "Attempts after the first one.", "destination", "reason")
        self.hedges = self.counter("plait_hedges", "Second attempts sent before the first one ended.", "destination")
        self.routes = self.counter("plait_route_requests", "Requests of routes with a statPrefix.", "route", "code")
        self.faults = self.counter("plait_faults", "Faults put in by rules.", "destination", "kind")
        self.degraded = self.counter(
            "plait_degraded",
            "Failed calls for which there are fallbacks, by what they were answered with: `none` where by nothing.",
            "destination", "subset", "route", "fallback", "cause",
        )  # fmt: skip
        self.undecodable = self.counter("plait_undecodable", "Messages that were none of this protocol.", "source")
        self.bus_connected = self.gauge(
            "plait_bus_connected", "1 where the connection to the bus stands.", "connection"
        )
        self.bus_reconnects = self.counter("plait_bus_reconnects", "Connections to the bus made anew.", "connection")
        self.policy_revision = self.gauge("plait_policy_revision", "The policy revision in force on this node.")
        self.policy_stale = self.gauge("plait_policy_stale", "1 while the policy engine cannot be heard.")
        self.registry_stale = self.gauge("plait_registry_stale", "1 while no registry can be heard.")
        self.loop_lag = self.gauge("plait_loop_lag_seconds", "How late the event loop was at worst in the last 10 s.")
        self.loop_delay = self.histogram("plait_loop_delay_seconds", "How late the event loop was, beat by beat.")
        self.node_unwell = self.gauge(
            "plait_node_unwell", "1 while the event loop is too late for this node's own good."
        )
        self.actor_blocked = self.counter("plait_actor_blocked", "Times that an actor blocked the event loop.", "actor")
        self.actor_blocked_seconds = self.counter(
            "plait_actor_blocked_seconds", "Time for which an actor blocked the event loop.", "actor"
        )

    def calls(self, way: Way) -> Calls:
        """Return the counts of one way, always the same object: bind it once, not per request."""
        found = self._calls.get(way)
        if found is None:
            if len(self._calls) >= WAYS:
                way = Way.other(way.reporter)
            found = self._calls.setdefault(way, Calls(way))
        return found

    def all_calls(self) -> tuple[Calls, ...]:
        """Return every way's counts, for those who show them live."""
        return tuple(self._calls.values())

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        """Register a counter for what happens seldom; `_total` is added to its name."""
        return Counter(name, text, labels, registry=self.registry)

    def gauge(self, name: str, text: str, *labels: str) -> Gauge:
        """Register a gauge that is set where its value changes."""
        return Gauge(name, text, labels, registry=self.registry)

    def histogram(self, name: str, text: str) -> Histogram:
        """Register a histogram of seconds for what is seldom observed; its bounds are `BUCKETS`."""
        return Histogram(name, text, buckets=BUCKETS, registry=self.registry)

    def read_gauge(self, name: str, text: str, labels: Sequence[str], read: Callable[[], Reading]) -> None:
        """Register a gauge that is read at scrape time: `read` gives (label values, value) for each series."""
        self.registry.register(_ReadCollector(GaugeMetricFamily, name, text, labels, read))

    def read_counter(self, name: str, text: str, labels: Sequence[str], read: Callable[[], Reading]) -> None:
        """Register a counter whose count is kept elsewhere and read at scrape time, such as dropped spans."""
        self.registry.register(_ReadCollector(CounterMetricFamily, name, text, labels, read))

    def mailboxes(self, read: Callable[[], Reading]) -> None:
        """Tell the depth of mailboxes: `read` gives ((service, instance), depth) for each."""
        self.read_gauge("plait_mailbox_depth", "Messages that wait in a mailbox.", ("service", "instance"), read)

    def spans(self, read: Callable[[], Reading]) -> None:
        """Tell what became of spans: `read` gives ((exporter, `exported` or `dropped`), count) for each."""
        self.read_counter("plait_spans", "Ended spans by what became of them.", ("exporter", "outcome"), read)

    def render(self) -> bytes:
        """Return all metrics as Prometheus text (`CONTENT_TYPE`)."""
        return generate_latest(self.registry)

    def render_open(self) -> bytes:
        """Return all metrics as OpenMetrics text (`OPEN_METRICS`), with exemplars that lead to traces."""
        generate: Callable[[CollectorRegistry], bytes] = cast("Any", openmetrics).generate_latest  # it has no types
        return generate(self.registry)
