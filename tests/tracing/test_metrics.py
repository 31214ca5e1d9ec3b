"""Metrics: the text says what was counted, in a form that Prometheus reads."""

import random

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from plait.tracing import metrics as module
from plait.tracing.metrics import BUCKETS, Metrics


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


@pytest.fixture
def metrics():
    return Metrics({3: "no_endpoints"}, process=False)


def test_requests_are_counted_by_code_and_cause(metrics):
    calls = metrics.calls("source", "gateway", "reviews", "v2")
    for _ in range(3):
        calls.observe(200, 0, 0.001)
    calls.observe(503, 3, 0.002)
    calls.observe(503, 99, 0.002)
    labels = {"reporter": "source", "source": "gateway", "destination": "reviews", "subset": "v2"}
    assert pick(metrics, "plait_requests_total", **labels, code="200", cause="") == [3]
    assert pick(metrics, "plait_requests_total", **labels, code="503", cause="no_endpoints") == [1]
    assert pick(metrics, "plait_requests_total", **labels, code="503", cause="99") == [1]
    assert (calls.total, calls.failed) == (5, 2)


def test_durations_fall_into_cumulative_buckets_with_their_bounds_inside(metrics):
    calls = metrics.calls("destination", "gateway", "reviews")
    rng = random.Random(4)
    durations = [rng.expovariate(20) for _ in range(500)] + [BUCKETS[0], BUCKETS[-1], 60.0]
    for seconds in durations:
        calls.observe(200, 0, seconds)
    for bound in BUCKETS:
        (value,) = pick(metrics, "plait_request_duration_seconds_bucket", le=str(bound))
        assert value == sum(seconds <= bound for seconds in durations)
    assert pick(metrics, "plait_request_duration_seconds_bucket", le="+Inf") == [len(durations)]
    assert pick(metrics, "plait_request_duration_seconds_count") == [len(durations)]
    assert pick(metrics, "plait_request_duration_seconds_sum") == [pytest.approx(sum(durations))]


def test_a_combination_is_bound_once(metrics):
    assert metrics.calls("source", "a", "b") is metrics.calls("source", "a", "b")
    assert metrics.calls("source", "a", "b") is not metrics.calls("source", "a", "b", "v1")
    assert len(metrics.all_calls()) == 2


def test_too_many_combinations_share_one(metrics, monkeypatch):
    monkeypatch.setattr(module, "SERIES_LIMIT", 5)
    for place in range(20):
        metrics.calls("source", "a", f"s{place}").observe(200, 0, 0.001)
    assert len(metrics.all_calls()) == 6
    assert pick(metrics, "plait_requests_total", destination="other") == [15]


def test_a_quantile_lies_in_the_bucket_where_it_was_counted(metrics):
    calls = metrics.calls("source", "a", "b")
    assert calls.quantile(0.5) == 0.0
    for _ in range(90):
        calls.observe(200, 0, 0.004)
    for _ in range(10):
        calls.observe(200, 0, 0.4)
    assert 0.0025 < calls.quantile(0.5) <= 0.005
    assert 0.25 < calls.quantile(0.99) <= 0.5


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
    metrics.calls("source", name, "b").observe(200, 0, 0.1)
    assert pick(metrics, "plait_requests_total", source=name) == [1]


def test_nodes_do_not_share_numbers_and_leave_the_global_registry_alone():
    one, two = Metrics(), Metrics()
    one.calls("source", "a", "b").observe(200, 0, 0.1)
    one.retries.labels("b", "x").inc()
    assert pick(two, "plait_requests_total") == []
    assert pick(two, "plait_retries_total") == []
    assert REGISTRY.get_sample_value("plait_policy_revision") is None
    assert pick(one, "process_resident_memory_bytes")[0] > 0
