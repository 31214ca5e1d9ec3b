"""Metrics: the text says what was counted, in a form that Prometheus reads."""

import random

import pytest
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families

from plait.tracing import metrics as module
from plait.tracing.calls import BUCKETS, SIZES, Side, Way
from plait.tracing.metrics import Metrics


def read(metrics):
    """All samples of the rendered text: (name, sorted labels) to value."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def pick(metrics, name, **labels):
    wanted = set(labels.items())
    return [value for (found, has), value in read(metrics).items() if found == name and wanted <= set(has)]


def way(source="a", destination="b", version="v1", reporter="source", **more):
    return Way(reporter, Side(source, "v1"), Side(destination, version), **more)


@pytest.fixture
def metrics():
    return Metrics({3: "NoEndpoints"}, {3: "UH"}, process=False)


def test_requests_are_counted_by_code_flags_and_cause(metrics):
    calls = metrics.calls(way("gateway", "reviews_prod", "v2", subset="two", route="default/reviews#canary"))
    for _ in range(3):
        calls.observe(200, 0, 0.001)
    calls.observe(503, 3, 0.002)
    calls.observe(503, 99, 0.002)
    labels = {
        "reporter": "source",
        "source_workload": "gateway-v1",
        "source_workload_namespace": "default",
        "source_app": "gateway",
        "source_version": "v1",
        "destination_workload": "reviews-v2",
        "destination_workload_namespace": "prod",
        "destination_app": "reviews",
        "destination_version": "v2",
        "destination_service": "reviews.prod.svc.cluster.local",
        "destination_service_name": "reviews",
        "destination_service_namespace": "prod",
        "destination_subset": "two",
        "route": "default/reviews#canary",
        "request_protocol": "http",
    }
    name = "istio_requests_total"
    assert pick(metrics, name, **labels, response_code="200", response_flags="-", cause="") == [3]
    assert pick(metrics, name, **labels, response_code="503", response_flags="UH", cause="NoEndpoints") == [1]
    assert pick(metrics, name, **labels, response_code="503", response_flags="-", cause="99") == [1]
    assert (calls.total, calls.failed) == (5, 2)


def test_what_is_not_known_is_said_in_istios_word(metrics):
    metrics.calls(Way("source", Side("gateway", "v1"), Side())).observe(404, 0, 0.001)
    unknown = dict.fromkeys(("destination_workload", "destination_service", "destination_version"), "unknown")
    assert pick(metrics, "istio_requests_total", source_app="gateway", **unknown) == [1]


def test_durations_fall_into_cumulative_buckets_with_their_bounds_inside(metrics):
    calls = metrics.calls(way(reporter="destination"))
    rng = random.Random(4)
    durations = [rng.expovariate(20) for _ in range(500)] + [BUCKETS[0], BUCKETS[-1], 60.0]
    for seconds in durations:
        calls.observe(200, 0, seconds)
    name = "istio_request_duration_milliseconds"
    found = {float(dict(labels)["le"]): value for (sample, labels), value in read(metrics).items()
             if sample == f"{name}_bucket"}  # fmt: skip
    assert sorted(found) == [*(pytest.approx(1000 * bound) for bound in BUCKETS), float("inf")]
    assert found[0.5] == sum(seconds <= 0.0005 for seconds in durations)
    assert found[25] == sum(seconds <= 0.025 for seconds in durations)
    assert found[float("inf")] == len(durations)
    assert pick(metrics, f"{name}_count") == [len(durations)]
    assert pick(metrics, f"{name}_sum") == [pytest.approx(1000 * sum(durations))]


def test_sizes_are_those_of_the_bodies(metrics):
    calls = metrics.calls(way())
    for sent, received in ((0, 100), (101, 5_000), (0, 2_000_000)):
        calls.observe(200, 0, 0.001, sent, received)
    assert pick(metrics, "istio_request_bytes_sum") == [101]
    assert pick(metrics, "istio_request_bytes_bucket", le=str(float(SIZES[0]))) == [2]
    assert pick(metrics, "istio_response_bytes_sum") == [2_005_100]
    assert pick(metrics, "istio_response_bytes_bucket", le="100.0") == [1]
    assert pick(metrics, "istio_response_bytes_bucket", le="1000000.0") == [2]
    assert pick(metrics, "istio_response_bytes_count") == [3]


def test_a_way_is_bound_once(metrics):
    assert metrics.calls(way()) is metrics.calls(way())
    assert metrics.calls(way()) is not metrics.calls(way(version="v2"))
    assert len(metrics.all_calls()) == 2


def test_too_many_ways_share_one(metrics, monkeypatch):
    monkeypatch.setattr(module, "WAYS", 5)
    for place in range(20):
        metrics.calls(way("a", f"s{place}")).observe(200, 0, 0.001)
    assert len(metrics.all_calls()) == 6
    assert pick(metrics, "istio_requests_total", destination_app="other") == [15]


def test_a_quantile_lies_in_the_bucket_where_it_was_counted(metrics):
    calls = metrics.calls(way())
    assert calls.quantile(0.5) == 0.0
    for _ in range(90):
        calls.observe(200, 0, 0.004)
    for _ in range(10):
        calls.observe(200, 0, 0.4)
    assert 0.0025 < calls.quantile(0.5) <= 0.005
    assert 0.25 < calls.quantile(0.99) <= 0.5


def test_the_last_traced_request_of_a_bucket_is_its_exemplar(metrics):
    calls = metrics.calls(way())
    ids = ("1" * 32, "2" * 32, "3" * 32)
    calls.observe(200, 0, 0.004, 0, 0, f"00-{ids[0]}-{'a' * 16}-01")
    calls.observe(200, 0, 0.003, 0, 0, f"00-{ids[1]}-{'b' * 16}-03")  # sampled, with a random id
    calls.observe(200, 0, 0.004, 0, 0, f"00-{ids[2]}-{'c' * 16}-02")  # not sampled
    samples = [sample for family in open_families(metrics.render_open().decode()) for sample in family.samples]
    shown = [(sample.labels["le"], sample.exemplar) for sample in samples if sample.exemplar is not None]
    assert [(le, one.labels, one.value) for le, one in shown] == [
        ("5.0", {"trace_id": ids[1], "span_id": "b" * 16}, 3.0)
    ]
    assert b"trace_id" not in metrics.render()  # the older text has no word for them


def test_what_is_kept_elsewhere_is_read_when_it_is_asked_for(metrics):
    depth = {("reviews", "reviews-1"): 4}
    metrics.mailboxes(depth.items)
    metrics.spans(lambda: [(("otlp", "dropped"), 7)])
    assert pick(metrics, "plait_mailbox_depth", service="reviews", instance="reviews-1") == [4]
    depth[("reviews", "reviews-1")] = 9
    assert pick(metrics, "plait_mailbox_depth") == [9]
    assert pick(metrics, "plait_spans_total", exporter="otlp", outcome="dropped") == [7]


def test_seldom_things_are_counted_too(metrics):
    metrics.retries.labels("reviews", "instance_gone").inc()
    metrics.bus_connected.labels("data").set(1)
    metrics.undecodable.labels("plait.default.call").inc(2)
    assert pick(metrics, "plait_retries_total", destination="reviews", reason="instance_gone") == [1]
    assert pick(metrics, "plait_bus_connected", connection="data") == [1]
    assert pick(metrics, "plait_undecodable_total") == [2]


def test_label_values_of_strangers_do_not_break_the_text(metrics):
    name = 'x"y\\z\n{}'
    metrics.calls(way(source=name)).observe(200, 0, 0.1)
    assert pick(metrics, "istio_requests_total", source_app=name) == [1]


def test_nodes_do_not_share_numbers_and_leave_the_global_registry_alone():
    one, two = Metrics(), Metrics()
    one.calls(way()).observe(200, 0, 0.1)
    one.retries.labels("b", "x").inc()
    assert pick(two, "istio_requests_total") == []
    assert pick(two, "plait_retries_total") == []
    assert REGISTRY.get_sample_value("plait_policy_revision") is None
    assert pick(one, "process_resident_memory_bytes")[0] > 0
