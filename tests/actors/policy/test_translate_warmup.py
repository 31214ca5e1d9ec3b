"""Istio's warmup and warmupDurationSecs: what they mean, what is refused and where, what is told."""

import pytest

from plait.actors.messages.traffic import Warmup

AT = "$.spec.trafficPolicy.loadBalancer."


def rule(translated, text):
    return translated(f"  host: a\n  trafficPolicy: {{loadBalancer: {{{text}}}}}\n", "DestinationRule")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("warmup: {duration: 30s}", Warmup(30.0)),
        ("warmup: {duration: 1m30s, minimumPercent: 0, aggression: 2}", Warmup(90.0, 0.0, 2.0)),
        ("simple: ROUND_ROBIN, warmup: {duration: 2s, minimumPercent: 100, aggression: 0.5}", Warmup(2.0, 100.0, 0.5)),
        ("simple: RANDOM", None),
    ],
)
def test_it_says_how_new_instances_begin(translated, text, meaning):
    translation = rule(translated, text)
    assert (translation.problems, translation.warnings) == ((), ())
    assert translation.rule.policy.warmup == meaning


@pytest.mark.parametrize(
    ("text", "path", "code"),
    [
        ("warmup: {}", "warmup.duration", "required"),
        ("warmup: {duration: 30}", "warmup.duration", "invalid_value"),
        ("warmup: {duration: 0s}", "warmup.duration", "invalid_value"),
        ("warmup: {duration: -1s}", "warmup.duration", "invalid_value"),
        ("warmup: {duration: 30s, minimumPercent: 101}", "warmup.minimumPercent", "invalid_value"),
        ("warmup: {duration: 30s, minimumPercent: -1}", "warmup.minimumPercent", "invalid_value"),
        ("warmup: {duration: 30s, aggression: 0}", "warmup.aggression", "invalid_value"),
        ("warmup: {duration: 30s, aggression: .nan}", "warmup.aggression", "invalid_type"),
        ("warmup: {window: 30s}", "warmup.window", "unknown_field"),
        ("warmup: {duration: 30s}, warmupDurationSecs: 30s", "warmupDurationSecs", "invalid_value"),
        ("slowStart: {duration: 30s}", "slowStart", "unknown_field"),
    ],
)
def test_a_mistake_is_told_once_and_where(translated, text, path, code):
    problems = rule(translated, text).problems
    assert [(one.code, one.path) for one in problems] == [(code, AT + path)]


@pytest.mark.parametrize(
    ("text", "path", "code", "meaning"),
    [
        ("warmupDurationSecs: 45s", "warmupDurationSecs", "deprecated", Warmup(45.0)),
        ("warmup: {duration: 0.5s}", "warmup", "no_effect", Warmup(0.5)),
        ("consistentHash: {useSourceIp: true}, warmup: {duration: 9s}", "warmup", "no_effect", Warmup(9.0)),
    ],
)
def test_what_is_not_as_it_seems_is_told(translated, text, path, code, meaning):
    translation = rule(translated, text)
    assert [(one.code, one.path) for one in translation.warnings] == [(code, AT + path)]
    assert translation.rule.policy.warmup == meaning
