"""The kind Resilience of `plait.dev/v1`."""

import pytest

from plait.actors.messages.mirroring import MirrorDiff
from plait.actors.messages.resilience import (
    Balancing,
    Breaker,
    Detection,
    FailureShare,
    Hedge,
    Resilience,
    SuccessRate,
)
from plait.actors.messages.traffic import Balancer
from plait.actors.policy.document import read_documents
from plait.actors.policy.translate import translate


def of(spec, version="plait.dev/v1"):
    text = f"apiVersion: {version}\nkind: Resilience\nmetadata: {{name: a}}\nspec: {spec}\n"
    documents, problems = read_documents(text)
    assert problems == []
    return translate(documents[0])


def test_a_document_is_about_one_destination():
    assert of("{host: reviews, subset: v2}").rule == Resilience("default/a", "reviews", "v2")
    assert of("{host: reviews.shop.svc.cluster.local}").rule == Resilience("default/a", "reviews_shop")


def test_an_algorithm_that_istio_has_no_word_for():
    rule = of("{host: reviews, loadBalancer: {algorithm: PEAK_EWMA}}").rule
    assert rule == Resilience("default/a", "reviews", "", Balancing(Balancer.PEAK_EWMA))


def test_a_breaker_has_defaults_for_what_is_left_out():
    assert of("{host: a, circuitBreaker: {}}").rule.breaker == Breaker()
    text = "{failurePercent: 20, slowCall: 300ms, slowCallPercent: 30, minimumCalls: 5, "
    text += "window: 20s, openTime: 1s, maxOpenTime: 8s, scope: ROUTE}"
    found = of(f"{{host: a, circuitBreaker: {text}}}")
    assert found.rule.breaker == Breaker(20.0, 0.3, 30.0, 5, 20.0, 1.0, 8.0, False, True)
    assert not found.warnings
    assert of("{host: a, circuitBreaker: {scope: INSTANCE}}").rule.breaker == Breaker(routes=False)


def test_a_breaker_that_never_opens_is_told_so():
    found = of("{host: a, circuitBreaker: {failurePercent: 0, slowCallPercent: 10}}")
    paths = ["$.spec.circuitBreaker", "$.spec.circuitBreaker.slowCallPercent"]
    assert [(one.code, one.path) for one in found.warnings] == [("no_effect", path) for path in paths]


@pytest.mark.parametrize(
    ("block", "balancing"),
    [
        ("{}", None),
        ("{algorithm: REPORTED_LOAD}", Balancing(Balancer.REPORTED_LOAD)),
        ("{algorithm: RENDEZVOUS}", Balancing(None, rendezvous=True)),
        ("{boundedLoad: 125}", Balancing(None, bound=1.25)),
        ("{algorithm: RENDEZVOUS, boundedLoad: 100}", Balancing(None, rendezvous=True, bound=1.0)),
    ],
)
def test_what_is_hashed_is_led_by_rendezvous_and_within_bounds(block, balancing):
    assert of(f"{{host: reviews, loadBalancer: {block}}}").rule.balancing == balancing


@pytest.mark.parametrize(
    ("block", "hedge"),
    [
        ("{}", Hedge(None, 0.95, 5.0)),
        ("{delay: p99}", Hedge(None, 0.99, 5.0)),
        ("{delay: p99.9, maxExtraPercent: 2.5}", Hedge(None, 0.999, 2.5)),
        ("{delay: 40ms}", Hedge(0.04, 0.95, 5.0)),
    ],
)
def test_calls_are_made_a_second_time_after_a_quantile_or_a_duration(block, hedge):
    found = of(f"{{host: reviews, hedging: {block}}}").rule.hedge
    assert (found.delay, found.max_extra_percent) == (hedge.delay, hedge.max_extra_percent)
    assert found.quantile == pytest.approx(hedge.quantile)


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("{host: reviews, loadBalancer: {boundedLoad: 99}}", "$.spec.loadBalancer.boundedLoad"),
        ("{host: reviews, loadBalancer: {boundedLoad: 1.25}}", "$.spec.loadBalancer.boundedLoad"),
        ("{host: reviews, loadBalancer: {boundedLoad: 125%}}", "$.spec.loadBalancer.boundedLoad"),
        ("{host: reviews, loadBalancer: {algorithm: ROUND_ROBIN}}", "$.spec.loadBalancer.algorithm"),
        ("{host: reviews, hedging: {delay: p49}}", "$.spec.hedging.delay"),
        ("{host: reviews, hedging: {delay: p100}}", "$.spec.hedging.delay"),
        ("{host: reviews, hedging: {delay: 50}}", "$.spec.hedging.delay"),
        ("{host: reviews, hedging: {delay: 0s}}", "$.spec.hedging.delay"),
        ("{host: reviews, hedging: {maxExtraPercent: -1}}", "$.spec.hedging.maxExtraPercent"),
        ("{host: reviews, hedging: {maxExtraPercent: 101}}", "$.spec.hedging.maxExtraPercent"),
        ("{host: reviews, hedging: {after: 1s}}", "$.spec.hedging.after"),
        ("{}", "$.spec.host"),
        ("{host: 'a b'}", "$.spec.host"),
        ("{host: reviews, loadBalancer: {algorithm: MAGIC}}", "$.spec.loadBalancer.algorithm"),
        ("{host: a, circuitBreaker: {minimumCalls: 0}}", "$.spec.circuitBreaker.minimumCalls"),
        ("{host: a, circuitBreaker: {failurePercent: 101}}", "$.spec.circuitBreaker.failurePercent"),
        ("{host: a, circuitBreaker: {openTime: 9}}", "$.spec.circuitBreaker.openTime"),
        ("{host: a, circuitBreaker: {openTime: 9s, maxOpenTime: 8s}}", "$.spec.circuitBreaker.maxOpenTime"),
        ("{host: a, circuitBreaker: {failureRateThreshold: 9}}", "$.spec.circuitBreaker.failureRateThreshold"),
        ("{host: reviews, loadbalancer: {}}", "$.spec.loadbalancer"),
    ],
)
def test_mistakes_are_refused_where_they_are(spec, path):
    found = of(spec)
    assert found.rule is None
    assert [one.path for one in found.problems] == [path]


def test_the_version_is_checked():
    assert [one.path for one in of("{host: reviews}", "networking.istio.io/v1").problems] == ["$.apiVersion"]


def test_answers_are_compared_with_those_to_copies():
    assert of("{host: reviews, mirrorDiff: {}}").rule.mirror_diff == MirrorDiff()
    text = "{host: reviews, mirrorDiff: {percent: 5, ignore: ['$.podname', '$.reviews[*].id'], maxBodyBytes: 100}}"
    assert of(text).rule.mirror_diff == MirrorDiff(5.0, ("$.podname", "$.reviews[*].id"), 100)
    assert [one.path for one in of("{host: reviews, mirrorDiff: {percent: 0}}").warnings] == [
        "$.spec.mirrorDiff.percent"
    ]


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ("{percent: 101}", "percent"),
        ("{ignore: ['$.ok', podname]}", "ignore[1]"),
        ("{maxBodyBytes: 0}", "maxBodyBytes"),
        ("{ignorePaths: []}", "ignorePaths"),
        (f"{{ignore: [{', '.join(['$.a'] * 65)}]}}", "ignore"),
    ],
)
def test_mistakes_in_a_comparison_are_refused_where_they_are(block, path):
    found = of(f"{{host: reviews, mirrorDiff: {block}}}")
    assert [one.path for one in found.problems] == [f"$.spec.mirrorDiff.{path}"]


def test_outlier_detection_compares_rates_where_a_document_asks_for_it():
    assert of("{host: a, outlierDetection: {successRate: {}}}").rule.detection == Detection(SuccessRate())
    assert of("{host: a, outlierDetection: {failurePercentage: {}}}").rule.detection == Detection(None, FailureShare())
    text = "{successRate: {minHosts: 3, minRequests: 50, deviations: 1.5, gapPercent: 10}, "
    text += "failurePercentage: {percent: 60, minHosts: 3, minRequests: 20}, shared: false}"
    found = of(f"{{host: a, outlierDetection: {text}}}")
    assert found.rule.detection == Detection(SuccessRate(3, 50, 1.5, 10.0), FailureShare(60.0, 3, 20), False)
    assert not found.warnings


def test_outlier_detection_that_says_nothing_is_told_so():
    found = of("{host: a, outlierDetection: {}}")
    assert found.rule.detection is None
    assert [(one.code, one.path) for one in found.warnings] == [("no_effect", "$.spec.outlierDetection")]


def test_what_a_destination_rule_says_of_outliers_is_not_said_here():
    (problem,) = of("{host: a, outlierDetection: {consecutive5xxErrors: 3}}").problems
    assert (problem.code, problem.path) == ("unknown_field", "$.spec.outlierDetection.consecutive5xxErrors")
