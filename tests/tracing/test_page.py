"""One page out of those of several nodes: a form that Prometheus reads, each sample with its node."""

from prometheus_client.parser import text_string_to_metric_families

from plait.tracing.calls import Side, Way
from plait.tracing.metrics import Metrics
from plait.tracing.page import join


def rendered(service, count):
    metrics = Metrics(process=False)
    calls = metrics.calls(Way("source", Side("page", "v1"), Side(service, "v1")))
    for _ in range(count):
        calls.observe(200, 0, 0.001)
    metrics.policy_revision.set(count)
    return metrics.render().decode()


def read(page):
    families = list(text_string_to_metric_families(page.decode()))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    return {
        (sample.name, sample.labels["node"], sample.labels.get("destination_app", "")): sample.value
        for family in families
        for sample in family.samples
    }


def test_each_sample_has_its_node_and_each_metric_stands_once():
    found = read(join({"one": rendered("reviews", 3), "two": rendered("ratings", 5)}))
    assert found["istio_requests_total", "one", "reviews"] == 3
    assert found["istio_requests_total", "two", "ratings"] == 5
    assert found["plait_policy_revision", "one", ""] == 3
    assert found["plait_policy_revision", "two", ""] == 5


def test_who_did_not_answer_is_named():
    found = read(join({"one": rendered("reviews", 1)}, ["two"]))
    assert found["plait_node_answered", "one", ""] == 1
    assert found["plait_node_answered", "two", ""] == 0


def test_names_and_labels_with_odd_signs_break_nothing():
    metrics = Metrics(process=False)
    name = 'x"y\\z {}'
    metrics.calls(Way("source", Side(name, "v 1"), Side())).observe(200, 0, 0.001)
    page = join({'n"1': metrics.render().decode()})
    families = text_string_to_metric_families(page.decode())
    (sample,) = [one for family in families for one in family.samples if one.name == "istio_requests_total"]
    assert (sample.labels["node"], sample.labels["source_app"]) == ('n"1', name)


def test_no_page_at_all_is_a_page_too():
    assert read(join({}, ["one"])) == {("plait_node_answered", "one", ""): 0}
