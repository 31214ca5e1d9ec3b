"""Istio's connectionPool: which limits it sets, and what it is told to change nothing."""

import pytest

from plait.actors.messages.traffic import Pool
from plait.actors.policy.translate_connection_pool import IDLE

AT = "$.spec.trafficPolicy.connectionPool"


def rule(translated, text, more=""):
    spec = f"  host: a\n  trafficPolicy: {{connectionPool: {text}}}\n{more}"
    return translated(spec, "DestinationRule")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("{}", Pool()),
        ("{tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 2}}", Pool(per_instance=1, pending=2)),
        ("{http: {http2MaxRequests: 3, maxRetries: 4}}", Pool(requests=3, retries=4)),
        ("{tcp: {maxConnections: 2147483647}}", Pool(per_instance=2**31 - 1)),
    ],
)
def test_it_sets_the_limits_and_leaves_the_others_finite(translated, text, meaning):
    translation = rule(translated, text)
    assert not translation.warnings
    assert translation.rule.policy.pool == meaning


def test_zero_says_nothing_and_is_told_so(translated):
    translation = rule(translated, "{tcp: {maxConnections: 0}, http: {http1MaxPendingRequests: 7}}")
    assert translation.rule.policy.pool == Pool(pending=7)
    assert [(one.code, one.path) for one in translation.warnings] == [("no_effect", f"{AT}.tcp.maxConnections")]
    assert "100" in translation.warnings[0].message


VALUES = {"tcpKeepalive": "{time: 7200s}", "h2UpgradePolicy": "UPGRADE", "useClientProtocol": "true"}
VALUES |= {"maxRequestsPerConnection": "1", "maxConcurrentStreams": "5", "http2KeepAlive": "{interval: 1s}"}


@pytest.mark.parametrize(("part", "name"), [(part, name) for part, names in IDLE.items() for name in names])
def test_what_is_about_connections_is_told_to_change_nothing(translated, part, name):
    translation = rule(translated, f"{{{part}: {{{name}: {VALUES.get(name, '30s')}}}}}")
    assert translation.rule.policy.pool == Pool()
    assert [(one.code, one.path) for one in translation.warnings] == [("no_effect", f"{AT}.{part}.{name}")]


@pytest.mark.parametrize(
    ("text", "path", "code"),
    [
        ("{tcp: {maxConnections: -1}}", "tcp.maxConnections", "invalid_value"),
        ("{tcp: {maxConnections: many}}", "tcp.maxConnections", "invalid_type"),
        ("{tcp: {maxConnection: 1}}", "tcp.maxConnection", "unknown_field"),
        ("{http: {maxRequests: 1}}", "http.maxRequests", "unknown_field"),
        ("{http: {h2UpgradePolicy: PERHAPS}}", "http.h2UpgradePolicy", "invalid_value"),
        ("{tcp: {connectTimeout: 5}}", "tcp.connectTimeout", "invalid_value"),
    ],
)
def test_mistakes_are_told_where_they_are(translated, text, path, code):
    assert [(one.path, one.code) for one in rule(translated, text).problems] == [(f"{AT}.{path}", code)]


def test_a_subset_inherits_the_limits_or_has_its_own(translated):
    subsets = """\
  subsets:
    - {name: v1, labels: {version: v1}, trafficPolicy: {loadBalancer: {simple: RANDOM}}}
    - {name: v2, labels: {version: v2}, trafficPolicy: {connectionPool: {http: {http2MaxRequests: 9}}}}
"""
    found = rule(translated, "{tcp: {maxConnections: 5}}", subsets).rule
    assert [one.policy.pool for one in found.subsets] == [Pool(per_instance=5), Pool(requests=9)]
