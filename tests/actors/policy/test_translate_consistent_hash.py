"""Istio's consistentHash: what it means, what is refused and where, what is told."""

import pytest

from plait.actors.messages.hashing import ConsistentHash, HashSource
from plait.actors.messages.traffic import Balancer, TrafficPolicy

HEADER = ConsistentHash(HashSource.HEADER, "x-user")
AT = "$.spec.trafficPolicy.loadBalancer.consistentHash"


def rule(translated, text, more=""):
    spec = f"  host: a\n  trafficPolicy: {{loadBalancer: {{consistentHash: {text}{more}}}}}\n"
    return translated(spec, "DestinationRule")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("{httpHeaderName: X-User}", HEADER),
        ("{useSourceIp: true}", ConsistentHash(HashSource.SOURCE_IP)),
        ("{useSourceIp: false, httpHeaderName: X-User}", HEADER),
        ("{httpQueryParameterName: Id}", ConsistentHash(HashSource.QUERY, "Id")),
        ("{httpCookie: {name: c}}", ConsistentHash(HashSource.COOKIE, "c")),
        ("{httpCookie: {name: c, ttl: 0s}}", ConsistentHash(HashSource.COOKIE, "c", ttl=0.0)),
        (
            "{httpCookie: {name: c, path: /a, ttl: 90m, attributes: [{name: SameSite, value: Lax}, {name: Secure}]}}",
            ConsistentHash(HashSource.COOKIE, "c", "/a", 5400.0, (("SameSite", "Lax"), ("Secure", ""))),
        ),
        (
            "{httpHeaderName: x-user, ringHash: {minimumRingSize: 2000}}",
            ConsistentHash(HashSource.HEADER, "x-user", minimum_ring=2000),
        ),
        ("{httpHeaderName: x-user, ringHash: {}}", HEADER),
        ("{httpHeaderName: x-user, maglev: {}}", ConsistentHash(HashSource.HEADER, "x-user", table=65_537)),
        (
            "{httpHeaderName: x-user, maglev: {tableSize: 4999999}}",
            ConsistentHash(HashSource.HEADER, "x-user", table=4_999_999),
        ),
        ("{httpHeaderName: x-user, ringHash: {minimumRingSize: 0}}", HEADER),
    ],
)
def test_it_says_what_the_key_is_and_how_it_leads(translated, text, meaning):
    translation = rule(translated, text)
    assert not translation.warnings
    assert translation.rule.policy == TrafficPolicy(Balancer.RANDOM, meaning)


@pytest.mark.parametrize(
    ("text", "path", "code"),
    [
        ("{}", "", "required"),
        ("{useSourceIp: false}", "", "required"),
        ("{ringHash: {}}", "", "required"),
        ("{httpHeaderName: a, useSourceIp: true}", ".useSourceIp", "invalid_value"),
        ("{httpHeaderName: a, httpCookie: {name: c}}", ".httpCookie", "invalid_value"),
        ("{httpHeaderName: ''}", ".httpHeaderName", "invalid_value"),
        ("{httpHeaderName: 'a b'}", ".httpHeaderName", "invalid_value"),
        ("{httpQueryParameterName: ''}", ".httpQueryParameterName", "required"),
        ("{httpCookie: {}}", ".httpCookie.name", "required"),
        ("{httpCookie: {name: 'a;b'}}", ".httpCookie.name", "invalid_value"),
        ("{httpCookie: {name: c, ttl: 1s, path: '/; Secure'}}", ".httpCookie.path", "invalid_value"),
        ('{httpCookie: {name: c, ttl: 1s, path: "/\\r\\nx: y"}}', ".httpCookie.path", "invalid_value"),
        ("{httpCookie: {name: c, ttl: -1s}}", ".httpCookie.ttl", "invalid_value"),
        ("{httpCookie: {name: c, ttl: 60}}", ".httpCookie.ttl", "invalid_value"),
        ("{httpCookie: {name: c, ttl: 1s, attributes: [{}]}}", ".httpCookie.attributes[0].name", "invalid_value"),
        (
            "{httpCookie: {name: c, ttl: 1s, attributes: [{name: a, value: ';'}]}}",
            ".httpCookie.attributes[0].value",
            "invalid_value",
        ),
        ("{httpHeaderName: a, ringHash: {minimumRingSize: -1}}", ".ringHash.minimumRingSize", "invalid_value"),
        ("{httpHeaderName: a, ringHash: {minimumRingSize: 8388609}}", ".ringHash.minimumRingSize", "invalid_value"),
        ("{httpHeaderName: a, maglev: {tableSize: 0}}", ".maglev.tableSize", "invalid_value"),
        ("{httpHeaderName: a, maglev: {tableSize: 1}}", ".maglev.tableSize", "invalid_value"),
        ("{httpHeaderName: a, maglev: {tableSize: 65536}}", ".maglev.tableSize", "invalid_value"),
        ("{httpHeaderName: a, maglev: {tableSize: 5000011}}", ".maglev.tableSize", "invalid_value"),
        ("{httpHeaderName: a, maglev: {}, ringHash: {}}", ".maglev", "invalid_value"),
        ("{httpHeaderName: a, maglev: {}, ringHash: {minimumRingSize: 9}}", ".maglev", "invalid_value"),
        ("{header: a}", ".header", "unknown_field"),
    ],
)
def test_a_mistake_is_told_at_its_place(translated, text, path, code):
    found = {(one.code, one.path) for one in rule(translated, text).problems}
    assert (code, AT + path) in found
    assert len(found) == 1 or (code == "unknown_field" and len(found) == 2)


def test_simple_excludes_it(translated):
    (problem,) = rule(translated, "{httpHeaderName: a}", ", simple: RANDOM").problems
    assert (problem.code, problem.path) == ("invalid_value", AT)
    assert "exclude" in problem.message


@pytest.mark.parametrize(
    ("text", "path", "code", "ring"),
    [
        ("{httpHeaderName: a, minimumRingSize: 500}", ".minimumRingSize", "deprecated", 500),
        (
            "{httpHeaderName: a, ringHash: {minimumRingSize: 100000}}",
            ".ringHash.minimumRingSize",
            "approximated",
            65_536,
        ),
        ("{httpCookie: {name: c, path: /}}", ".httpCookie", "no_effect", 0),
    ],
)
def test_what_is_not_as_it_looks_is_told(translated, text, path, code, ring):
    translation = rule(translated, text)
    assert [(one.code, one.path) for one in translation.warnings] == [(code, AT + path)]
    assert translation.rule.policy.hash.minimum_ring == ring


def test_subsets_and_ports_inherit_it_as_a_block(translated):
    spec = (
        "  host: a\n  trafficPolicy:\n    loadBalancer: {consistentHash: {httpHeaderName: x-user}}\n"
        "    portLevelSettings:\n    - {port: {number: 1}}\n"
        "    - {port: {number: 2}, loadBalancer: {consistentHash: {useSourceIp: true}}}\n"
        "  subsets:\n"
        "  - {name: v1, trafficPolicy: {tls: {mode: DISABLE}}}\n"
        "  - {name: v2, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}\n"
    )
    found = translated(spec, "DestinationRule").rule
    assert found.policy.hash == HEADER
    assert dict(found.ports) == {
        1: TrafficPolicy(),
        2: TrafficPolicy(Balancer.RANDOM, ConsistentHash(HashSource.SOURCE_IP)),
    }
    assert [one.policy for one in found.subsets] == [found.policy, TrafficPolicy(Balancer.ROUND_ROBIN)]
