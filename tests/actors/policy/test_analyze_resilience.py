"""Resilience, RateLimit and Fault: what they name must be there, what they say must be able to do something."""

import msgspec
import pytest

from plait.actors.messages.resilience import Resilience
from plait.actors.policy.analyze_resilience import BLOCKS
from plait.actors.policy.finding import of_text
from plait.actors.policy.world import FILES, World

MESH = World(
    {"ratings": [{"version": "v1"}], "reviews": [{"version": "v1"}]}, [], now=1_795_554_000.0
)  # 2026-11-24T21:00:00Z
SUBSETS = """---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ratings}
spec:
  host: ratings
  trafficPolicy: {loadBalancer: {%s}}
  subsets: [{name: v1, labels: {version: v1}}]
"""
HASHED = SUBSETS % "consistentHash: {httpHeaderName: end-user}"
LASTS = ", owner: me, reason: why, expires: '2026-11-24T23:00:00Z'"


def document(kind, spec, name="one"):
    return f"---\napiVersion: plait.dev/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"


def findings(*texts, world=MESH):
    return [(one.level, one.code, one.path) for one in of_text("".join(texts), {}, world)]


@pytest.mark.parametrize(
    ("kind", "spec", "path"),
    [
        ("Resilience", "host: ratings, subset: v9, hedging: {}", "$.spec.subset"),
        (
            "Resilience",
            "host: reviews, fallbacks: [{destination: {host: ratings, subset: v9}}]",
            "$.spec.fallbacks[0].destination.subset",
        ),
        ("RateLimit", "host: ratings, subset: v9, limits: [{requests: 1}]", "$.spec.subset"),
        ("Fault", "host: ratings, subset: v9, drop: true" + LASTS, "$.spec.subset"),
    ],
)
def test_a_subset_that_nobody_defines_is_refused(kind, spec, path):
    assert findings(SUBSETS % "", document(kind, spec)) == [("error", "unknown_subset", path)]
    assert findings(SUBSETS % "", document(kind, spec.replace("v9", "v1"))) == []


@pytest.mark.parametrize(
    ("kind", "spec", "code", "path"),
    [
        ("Resilience", "host: rating, hedging: {}", "unknown_rule_host", "$.spec.host"),
        ("RateLimit", "host: rating, limits: [{requests: 1}]", "unknown_rule_host", "$.spec.host"),
        ("Fault", "host: rating, drop: true" + LASTS, "unknown_rule_host", "$.spec.host"),
        ("Fault", "host: ratings, source: {host: rating}, drop: true" + LASTS, "unknown_host", "$.spec.source.host"),
        (
            "Resilience",
            "host: ratings, fallbacks: [{destination: {host: rating}}]",
            "unknown_host",
            "$.spec.fallbacks[0].destination.host",
        ),
        (
            "RateLimit",
            "host: ratings, limits: [{requests: 1, callers: [rating]}]",
            "unknown_host",
            "$.spec.limits[0].callers[0]",
        ),
    ],
)
def test_a_service_that_is_not_there_is_warned_of(kind, spec, code, path):
    assert findings(document(kind, spec)) == [("warning", code, path)]
    known = (
        spec.replace("host: rating,", "host: reviews,").replace("rating}", "reviews}").replace("rating]", "reviews]")
    )
    assert findings(document(kind, known)) == []


def test_gateways_are_callers_and_wildcards_hosts():
    limits = "host: '*', limits: [{requests: 1, callers: [plait-gateway]}]"
    assert findings(document("RateLimit", limits)) == []
    source = "host: ratings, source: {host: plait-gateway}, drop: true"
    assert findings(document("Fault", source + LASTS)) == []


def test_a_host_outside_needs_a_service_entry_for_fallbacks_too():
    spec = "host: ratings, fallbacks: [{destination: {host: api.example.com}}]"
    assert ("error", "invalid_value", "$.spec.fallbacks[0].destination.host") in findings(document("Resilience", spec))


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("algorithm: RENDEZVOUS", "$.spec.loadBalancer.algorithm"),
        ("boundedLoad: 125", "$.spec.loadBalancer.boundedLoad"),
    ],
)
def test_what_is_about_hashed_calls_needs_a_consistent_hash(said, path):
    spec = document("Resilience", f"host: ratings, loadBalancer: {{{said}}}")
    assert findings(SUBSETS % "", spec) == [("warning", "no_effect", path)]
    assert findings(HASHED, spec) == []
    anywhere = document("Resilience", f"host: '*', loadBalancer: {{{said}}}")
    assert findings(HASHED, anywhere) == []


def test_every_block_of_a_resilience_is_looked_at():
    fields = [one.name for one in msgspec.structs.fields(Resilience) if one.default is None]
    assert list(BLOCKS) == fields


def test_of_two_documents_that_say_the_same_the_later_name_is_told():
    first = document("Resilience", "host: ratings, hedging: {}, admission: {}", "a")
    second = document("Resilience", "host: ratings, hedging: {delay: p99}, circuitBreaker: {}", "b")
    told = of_text(second + first, {}, MESH)
    assert [(one.document, one.code, one.path) for one in told] == [
        ("Resilience/default/b", "conflicting_blocks", "$.spec.hedging")
    ]
    assert "'default/a'" in told[0].message


@pytest.mark.parametrize("about", ["host: reviews", "host: ratings, subset: v1", "host: '*'"])
def test_documents_about_other_destinations_do_not_clash(about):
    wider = document("Resilience", "host: ratings, hedging: {}", "a")
    assert findings(SUBSETS % "", wider, document("Resilience", f"{about}, hedging: {{}}", "b")) == []


def test_what_says_nothing_or_asks_itself_again_is_told():
    assert findings(document("Resilience", "host: ratings")) == [("warning", "no_effect", "$.spec")]
    again = document("Resilience", "host: ratings, fallbacks: [{destination: {host: ratings}}]")
    assert findings(again) == [("warning", "no_effect", "$.spec.fallbacks[0].destination")]
    subset = document("Resilience", "host: ratings, subset: v1, concurrency: {}")
    assert findings(SUBSETS % "", subset) == [("warning", "no_effect", "$.spec.concurrency")]


def test_routes_that_no_rule_names_are_told():
    routes = """---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ratings}
spec:
  hosts: [ratings]
  http: [{name: all, route: [{destination: {host: ratings}}]}]
"""
    limit = document("RateLimit", "host: ratings, limits: [{requests: 1, routes: [all, al]}]")
    assert findings(routes, limit) == [("warning", "no_effect", "$.spec.limits[0].routes[1]")]
    fallback = document("Resilience", "host: ratings, fallbacks: [{routes: [al], empty: NONE}]")
    assert findings(routes, fallback) == [("warning", "no_effect", "$.spec.fallbacks[0].routes[0]")]


def test_a_fault_that_is_over_is_told_where_the_time_is_known():
    over = document("Fault", "host: ratings, drop: true, owner: me, reason: why, expires: '2001-01-01T00:00:00Z'")
    assert findings(over) == [("warning", "no_effect", "$.spec.expires")]
    assert findings(over, world=FILES) == []
    assert findings(over.replace("2001", "2027")) == [("warning", "no_effect", "$.spec.expires")]


def test_a_fault_in_force_does_not_hold_its_subset_up(policies):
    policies.apply(SUBSETS % "")
    policies.apply(document("Fault", "host: ratings, subset: v1, drop: true" + LASTS))
    policies.apply(delete=["DestinationRule/default/ratings"])


def test_a_fallback_in_force_holds_its_subset_up(policies):
    policies.apply(SUBSETS % "")
    policies.apply(document("Resilience", "host: reviews, fallbacks: [{destination: {host: ratings, subset: v1}}]"))
    (problem,) = policies.check("", delete=["DestinationRule/default/ratings"]).problems
    assert (problem.code, problem.document) == ("unknown_subset", "DestinationRule/default/ratings")
    assert "Resilience/default/one" in problem.message
