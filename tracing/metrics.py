"""The metrics of a node on a registry of its own, and their Prometheus text.

What is counted per request is bound once per destination (`Metrics.calls`) and kept in plain numbers that a collector
reads at scrape time: an observation of prometheus-client's counter and histogram costs several times as much, for locks
that one event loop does not need. What happens seldom uses prometheus-client's own types.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of what `render` returns."""

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the duration histogram, seconds."""

SERIES_LIMIT = 10_000
"""Combinations of reporter, source, destination and subset; what comes after shares one named `other`."""

_CAUSES = 1024
_LABELS = ("reporter", "source", "destination", "subset")

Reading = Iterable[tuple[Sequence[str], float]]
"""Label values and a value for each series of a gauge."""


class Calls:
    """Requests of one combination of reporter, source, destination and subset."""

    __slots__ = ("buckets", "counts", "labels", "seconds")

    def __init__(self, labels: tuple[str, str, str, str]) -> None:
        self.labels = labels
        self.counts: dict[int, int] = {}
        """Requests by `status * 1024 + cause`."""
        self.buckets = [0] * (len(BUCKETS) + 1)
        """Requests by duration, each bucket alone; the last one is what was longer than all bounds."""
        self.seconds = 0.0
        """Sum of all durations."""

    def observe(self, status: int, cause: int, seconds: float) -> None:
        """Count one finished request: its status, the number of its cause (0: the service's own answer), its time."""
        key = status * _CAUSES + cause
        try:
            self.counts[key] += 1
        except KeyError:
            self.counts[key] = 1
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.counts.values())

    @property
    def failed(self) -> int:
        """Requests that ended with a status of 500 or more."""
        return sum(count for key, count in self.counts.items() if key >= 500 * _CAUSES)

    def quantile(self, share: float) -> float:
        """Return the duration (seconds) that `share` of the requests stayed below, linear within its bucket."""
        return quantile(self.buckets, share)


def quantile(buckets: Sequence[int], share: float) -> float:
    """Return the duration (seconds) that `share` of what is counted in `BUCKETS` stayed below."""
    rank, below = share * sum(buckets), 0
    for place, count in enumerate(buckets):
        if count and below + count >= rank:
            low = BUCKETS[place - 1] if place else 0.0
            high = BUCKETS[min(place, len(BUCKETS) - 1)]
            return low + (high - low) * (rank - below) / count if high > low else low
        below += count
    return 0.0


class _CallsCollector(Collector):
    def __init__(self, calls: Mapping[tuple[str, str, str, str], Calls], causes: Mapping[int, str]) -> None:
        self._calls = calls
        self._causes = causes

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "plait_requests",
            "Finished requests; the cause is empty where the service answered.",
            labels=(*_LABELS, "code", "cause"),
        )
        seconds = HistogramMetricFamily("plait_request_duration_seconds", "Time of finished requests.", labels=_LABELS)
        for calls in self._calls.values():
            for key, count in calls.counts.items():
                status, cause = divmod(key, _CAUSES)
                name = self._causes.get(cause, str(cause)) if cause else ""
                requests.add_metric((*calls.labels, str(status), name), count)
            below = 0
            buckets: list[tuple[str, float]] = []
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), calls.buckets, strict=True):
                below += count
                buckets.append((bound, float(below)))
            seconds.add_metric(calls.labels, buckets, calls.seconds)
        yield requests
        yield seconds


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

    def __init__(self, causes: Mapping[int, str] | None = None, *, process: bool = True) -> None:
        """Start at zero.

        Args:
            causes: words for the numbers of causes.
            process: also tell memory, CPU time and open files of this process.
        """
        self.registry = CollectorRegistry(auto_describe=False)
        self._calls: dict[tuple[str, str, str, str], Calls] = {}
        self._causes = dict(causes or {})
        self.registry.register(_CallsCollector(self._calls, self._causes))
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

    def calls(self, reporter: str, source: str, destination: str, subset: str = "") -> Calls:
        """Return the counts of one combination, always the same object: bind it once per destination, not per request.

        `reporter` is `source` for who calls and `destination` for who is called, as in Istio.
        """
        labels = (reporter, source, destination, subset)
        found = self._calls.get(labels)
        if found is None:
            if len(self._calls) >= SERIES_LIMIT:
                labels = (reporter, "other", "other", "other")
            found = self._calls.setdefault(labels, Calls(labels))
        return found

    def all_calls(self) -> tuple[Calls, ...]:
        """Return every combination's counts, for those who show them live."""
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
