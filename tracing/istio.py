"""Finished requests in Istio's words: its metrics, their labels, and exemplars that lead to a trace."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from .calls import BUCKETS, CAUSES, SIZES, UNKNOWN, Calls, Side, Way
from .context import span_id, trace_id

LABELS = (
    "reporter",
    "source_workload",
    "source_workload_namespace",
    "source_principal",
    "source_app",
    "source_version",
    "source_canonical_service",
    "source_canonical_revision",
    "destination_workload",
    "destination_workload_namespace",
    "destination_principal",
    "destination_app",
    "destination_version",
    "destination_service",
    "destination_service_name",
    "destination_service_namespace",
    "destination_canonical_service",
    "destination_canonical_revision",
    "request_protocol",
    "connection_security_policy",
    "destination_subset",
    "route",
)
"""Istio's, and two of our own at the end: the subset that a route led to, and the route."""

REQUEST_LABELS = (*LABELS, "response_code", "response_flags", "cause")
"""Of the counter besides; `cause` is the mesh's own, more exact word for the flags."""

_DURATIONS = (*(str(1000 * bound) for bound in BUCKETS), "+Inf")
_BYTES = (*(str(float(bound)) for bound in SIZES), "+Inf")


class CallsCollector(Collector):
    """Reads the counts when somebody looks."""

    def __init__(self, calls: Mapping[Way, Calls], causes: Mapping[int, str], flags: Mapping[int, str]) -> None:
        """`causes` are words for the numbers of causes, `flags` Envoy's response flags for them."""
        self._calls = calls
        self._causes = causes
        self._flags = flags

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without values."""
        return self._families()

    def collect(self) -> Iterator[Metric]:
        """Return the metrics as they are now."""
        requests, durations, sent, received = families = self._families()
        for calls in self._calls.values():
            labels = labels_of(calls.way)
            for key, count in calls.counts.items():
                status, cause = divmod(key, CAUSES)
                flag = self._flags.get(cause, "-") if cause else "-"
                name = self._causes.get(cause, str(cause)) if cause else ""
                requests.add_metric((*labels, str(status), flag, name), count)
            durations.add_metric(labels, _with_examples(calls), 1000 * calls.seconds)
            sent.add_metric(labels, _cumulated(_BYTES, calls.sent), calls.sent_bytes)
            received.add_metric(labels, _cumulated(_BYTES, calls.received), calls.received_bytes)
        yield from families

    def _families(
        self,
    ) -> tuple[CounterMetricFamily, HistogramMetricFamily, HistogramMetricFamily, HistogramMetricFamily]:
        return (
            CounterMetricFamily("istio_requests", "Finished requests.", labels=REQUEST_LABELS),
            HistogramMetricFamily(
                "istio_request_duration_milliseconds", "How long requests took, in milliseconds.", labels=LABELS
            ),
            HistogramMetricFamily("istio_request_bytes", "Bytes of requests' bodies.", labels=LABELS),
            HistogramMetricFamily("istio_response_bytes", "Bytes of answers' bodies.", labels=LABELS),
        )


@cache
def _end(side: Side) -> tuple[str, str, str]:
    """Workload, app and namespace; the versions of a service are its workloads, as in Istio's samples."""
    name, _, space = side.service.partition("_")
    if name == UNKNOWN:
        return UNKNOWN, UNKNOWN, UNKNOWN
    return (name if side.version == UNKNOWN else f"{name}-{side.version}"), name, space or "default"


def labels_of(way: Way) -> tuple[str, ...]:
    """Return the values of `LABELS`."""
    workload, app, space = _end(way.source)
    to_workload, to_app, to_space = _end(way.destination)
    host = UNKNOWN if to_app == UNKNOWN else f"{to_app}.{to_space}.svc.cluster.local"
    return (
        way.reporter,
        workload,
        space,
        UNKNOWN,
        app,
        way.source.version,
        app,
        way.source.version,
        to_workload,
        to_space,
        UNKNOWN,
        to_app,
        way.destination.version,
        host,
        to_app,
        to_space,
        to_app,
        way.destination.version,
        way.protocol,
        "none" if way.reporter == "destination" else UNKNOWN,
        way.subset,
        way.route,
    )


def _cumulated(bounds: Sequence[str], counts: Sequence[int]) -> list[tuple[str, float]]:
    return [(bound, float(below)) for bound, below in zip(bounds, accumulate(counts), strict=True)]


def _with_examples(calls: Calls) -> "list[tuple[str, float] | tuple[str, float, Exemplar]]":
    """The durations' buckets; those in which a request was traced lead to its trace."""
    found: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
    for (bound, below), example in zip(_cumulated(_DURATIONS, calls.buckets), calls.examples, strict=True):
        if example is None:
            found.append((bound, below))
        else:
            traceparent, seconds = example
            ids = {"trace_id": trace_id(traceparent), "span_id": span_id(traceparent)}
            found.append((bound, below, Exemplar(ids, 1000 * seconds)))
    return found
