"""Istio's localityLbSetting: what it means, what is refused and where, what is told; and what a subset takes over."""

import pytest

from plait.actors.messages.traffic import Balancer, Locality, TrafficPolicy

AT = "$.spec.trafficPolicy.loadBalancer.localityLbSetting"


def rule(translated, text):
    spec = f"  host: a\n  trafficPolicy: {{loadBalancer: {{localityLbSetting: {text}}}}}\n"
    return translated(spec, "DestinationRule")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("{}", Locality()),
        ("{enabled: false}", Locality(enabled=False)),
        (
            "{distribute: [{from: eu/a/*, to: {'eu/a/*': 80, us/b: 20}}, {from: '*', to: {eu: 100}}]}",
            Locality(distribute=(("eu/a/*", (("eu/a/*", 80), ("us/b", 20))), ("*", (("eu", 100),)))),
        ),
        ("{failover: [{from: eu, to: us}, {from: us, to: ap}]}", Locality(failover=(("eu", "us"), ("us", "ap")))),
        (
            "{failoverPriority: [topology.kubernetes.io/region, version=v1], enabled: true}",
            Locality(priority=("topology.kubernetes.io/region", "version=v1")),
        ),
        (
            "{failoverPriority: [version], failover: [{from: eu, to: us}]}",
            Locality(failover=(("eu", "us"),), priority=("version",)),
        ),
    ],
)
def test_it_says_where_calls_go(translated, text, meaning):
    translation = rule(translated, text)
    assert (translation.problems, translation.warnings) == ((), ())
    assert translation.rule.policy == TrafficPolicy(locality=meaning)


@pytest.mark.parametrize(
    ("text", "path", "code"),
    [
        ("{distribute: [{from: eu, to: {eu: 80, us: 19}}]}", ".distribute[0].to", "invalid_value"),
        ("{distribute: [{from: eu, to: {eu: 80, us: 21}}]}", ".distribute[0].to", "invalid_value"),
        ("{distribute: [{from: eu, to: {eu: 99}}]}", ".distribute[0].to", "invalid_value"),
        ("{distribute: [{from: eu, to: {eu: 0, us: 100}}]}", ".distribute[0].to.eu", "invalid_value"),
        ("{distribute: [{from: eu, to: {eu: -1, us: 100}}]}", ".distribute[0].to.eu", "invalid_value"),
        ("{distribute: [{from: eu, to: {eu: 50.5, us: 50}}]}", ".distribute[0].to.eu", "invalid_type"),
        ("{distribute: [{from: eu, to: {}}]}", ".distribute[0].to", "required"),
        ("{distribute: [{to: {eu: 100}}]}", ".distribute[0].from", "required"),
        ("{distribute: [{from: eu//1, to: {eu: 100}}]}", ".distribute[0].from", "invalid_value"),
        ("{distribute: [{from: eu/a/1/x, to: {eu: 100}}]}", ".distribute[0].from", "invalid_value"),
        ("{distribute: [{from: '*/a', to: {eu: 100}}]}", ".distribute[0].from", "invalid_value"),
        ("{distribute: [{from: eu/a*, to: {eu: 100}}]}", ".distribute[0].from", "invalid_value"),
        ("{distribute: [{from: eu, to: {'eu/*': 50, 'eu/a': 50}}]}", '.distribute[0].to["eu/a"]', "invalid_value"),
        ("{distribute: [{from: eu, to: {'eu/a': 50, 'eu': 50}}]}", ".distribute[0].to.eu", "invalid_value"),
        (
            "{distribute: [{from: eu, to: {eu: 100}}, {from: eu/a, to: {eu: 100}}]}",
            ".distribute[1].from",
            "invalid_value",
        ),
        ("{distribute: [{from: eu, to: {eu: 100}}], failover: [{from: eu, to: us}]}", ".failover", "invalid_value"),
        ("{failover: [{from: eu, to: eu}]}", ".failover[0].to", "invalid_value"),
        ("{failover: [{from: eu/a, to: us}]}", ".failover[0].from", "invalid_value"),
        ("{failover: [{from: eu, to: '*'}]}", ".failover[0].to", "invalid_value"),
        ("{failover: [{to: us}]}", ".failover[0].from", "required"),
        ("{failover: [{from: eu}]}", ".failover[0].to", "required"),
        ("{failoverPriority: ['']}", ".failoverPriority[0]", "invalid_value"),
        ("{failoverPriority: ['=a']}", ".failoverPriority[0]", "invalid_value"),
        ("{failoverPriority: ['a=b=c']}", ".failoverPriority[0]", "invalid_value"),
        (
            "{failoverPriority: [topology.kubernetes.io/zone], failover: [{from: eu, to: us}]}",
            ".failoverPriority[0]",
            "invalid_value",
        ),
        ("{failoverPriorities: [a]}", ".failoverPriorities", "unknown_field"),
        ("{enabled: 1}", ".enabled", "invalid_type"),
    ],
)
def test_a_mistake_is_told_once_and_where(translated, text, path, code):
    problems = rule(translated, text).problems
    assert [(one.code, one.path) for one in problems] == [(code, AT + path)]


def test_what_is_wrong_with_percentages_is_said_with_the_sum(translated):
    (problem,) = rule(translated, "{distribute: [{from: eu, to: {eu: 80, us: 10, ap: 5}}]}").problems
    assert problem.message == "the percentages add up to 95, not to 100"
    assert problem.hint == "80 + 10 + 5 = 95"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("{distribute: [{from: eu, to: {eu: 100}}], failoverPriority: [a]}", ".failoverPriority"),
        ("{failover: [{from: eu, to: us}, {from: eu, to: ap}]}", ".failover[1]"),
    ],
)
def test_what_changes_nothing_is_told(translated, text, path):
    translation = rule(translated, text)
    assert [(one.code, one.path) for one in translation.warnings] == [("no_effect", AT + path)]
    assert not translation.problems


def test_zone_aware_balancing_is_refused_with_the_reason(translated):
    spec = "  host: a\n  trafficPolicy: {loadBalancer: {zoneAwareLbSetting: {enabled: true}}}\n"
    (problem,) = translated(spec, "DestinationRule").problems
    assert problem.code == "unsupported_field"
    assert "localityLbSetting" in problem.message


def test_a_subset_whose_balancer_says_nothing_of_localities_has_none_and_one_without_balancer_has_its_rules(translated):
    translation = translated(
        "  host: a\n"
        "  trafficPolicy: {loadBalancer: {simple: RANDOM, localityLbSetting: {}, warmup: {duration: 9s}}}\n"
        "  subsets:\n"
        "  - {name: own, labels: {v: '1'}, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}\n"
        "  - {name: same, labels: {v: '2'}, trafficPolicy: {tls: {mode: DISABLE}}}\n",
        "DestinationRule",
    )
    own, same = (one.policy for one in translation.rule.subsets)
    assert own == TrafficPolicy(Balancer.ROUND_ROBIN)
    assert same == translation.rule.policy
    assert same.locality == Locality()
