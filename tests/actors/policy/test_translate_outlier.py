"""Istio's outlierDetection: what a block means, what it leaves out included, and what of it has no effect."""

import pytest

from plait.actors.messages.traffic import Outlier

AT = "$.spec.trafficPolicy.outlierDetection"
ISTIO = {"max_ejection_percent": 10.0, "success_rate_hosts": 0, "failure_percentage": 0.0}


def rule(translated, text):
    return translated(f"  host: a\n  trafficPolicy: {{outlierDetection: {text}}}\n", "DestinationRule")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("{}", {}),
        ("{consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 3m, maxEjectionPercent: 100}",
         {"consecutive_5xx": 1, "interval": 1.0, "base_ejection": 180.0, "max_ejection_percent": 100.0}),
        ("{consecutive5xxErrors: 0}", {"consecutive_5xx": 0, "enabled": False}),
        ("{consecutive5xxErrors: 0, consecutiveGatewayErrors: 3}",
         {"consecutive_5xx": 0, "consecutive_gateway_errors": 3}),
        ("{splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2, minHealthPercent: 40}",
         {"split": True, "consecutive_local_failures": 2, "min_health_percent": 40.0}),
        ("{outlierDetectionHttpErrorCodes: [429, 401, 402, 429]}", {"codes": ((401, 402), (429, 429))}),
    ],
)  # fmt: skip
def test_a_block_means_what_it_means_in_istio(translated, text, meaning):
    translation = rule(translated, text)
    assert not translation.warnings
    assert translation.rule.policy.outlier == Outlier(**{**ISTIO, **meaning})


def test_without_a_block_the_meshs_own_defaults_hold(translated):
    assert translated("  host: a\n", "DestinationRule").rule.policy.outlier is None
    assert Outlier().enabled
    assert Outlier().max_ejection_percent == 50.0


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{consecutiveErrors: 7}", "consecutiveErrors"),
        ("{consecutiveLocalOriginFailures: 3}", "consecutiveLocalOriginFailures"),
        ("{maxEjectionPercent: 0}", "maxEjectionPercent"),
    ],
)
def test_what_has_no_effect_is_told(translated, text, field):
    translation = rule(translated, text)
    assert [(one.code, one.path) for one in translation.warnings] == [("no_effect", f"{AT}.{field}")]
    assert translation.rule.policy.outlier.max_ejection_percent == 10.0


@pytest.mark.parametrize(
    ("text", "path", "code"),
    [
        ("{consecutive5xx: 5}", "consecutive5xx", "unknown_field"),
        ("{consecutive5xxErrors: -1}", "consecutive5xxErrors", "invalid_value"),
        ("{interval: 0s}", "interval", "invalid_value"),
        ("{baseEjectionTime: 30}", "baseEjectionTime", "invalid_value"),
        ("{maxEjectionPercent: 101}", "maxEjectionPercent", "invalid_value"),
        ("{outlierDetectionHttpErrorCodes: [99]}", "outlierDetectionHttpErrorCodes[0]", "invalid_value"),
    ],
)
def test_mistakes_are_told_with_their_place(translated, text, path, code):
    problems = rule(translated, text).problems
    assert [(one.code, one.path) for one in problems] == [(code, f"{AT}.{path}")]


def test_a_subset_and_a_port_have_blocks_of_their_own(translated):
    spec = (
        "  host: a\n"
        "  trafficPolicy:\n"
        "    outlierDetection: {consecutive5xxErrors: 7}\n"
        "    portLevelSettings:\n"
        "    - {port: {number: 80}, outlierDetection: {consecutive5xxErrors: 3}}\n"
        "    - {port: {number: 81}}\n"
        "  subsets:\n"
        "  - {name: v1, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 2}}}\n"
        "  - {name: v2, trafficPolicy: {loadBalancer: {simple: RANDOM}}}\n"
    )
    policy = translated(spec, "DestinationRule").rule
    assert [subset.policy.outlier.consecutive_5xx for subset in policy.subsets] == [2, 7]
    (_, at_80), (_, at_81) = policy.ports
    assert (at_80.outlier.consecutive_5xx, at_81.outlier) == (3, None)


def test_a_code_that_is_no_number_is_told_beside_those_that_are(translated):
    block = "{outlierDetectionHttpErrorCodes: [429, '503', null]}"
    found = translated(f"  host: reviews\n  trafficPolicy: {{outlierDetection: {block}}}\n", kind="DestinationRule")
    assert found.problems
    assert {one.code for one in found.problems} == {"invalid_type"}
