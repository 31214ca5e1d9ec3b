"""A bundle is one unit: what it names must be there, what it takes away must not be named."""

import msgspec
import pytest

from plait.actors.messages.rule import Rule


def rule(name, *subsets, host=""):
    named = "".join(f"  - {{name: {one}, labels: {{version: {one}}}}}\n" for one in subsets)
    return (
        f"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {name}}}\n"
        f"spec:\n  host: {host or name}\n  subsets:\n{named}"
    )


def service(name, subset="", *, host="", gateway="", hosts=""):
    goal = f"{{host: {host or name}, subset: {subset}}}" if subset else f"{{host: {host or name}}}"
    bound = f"  gateways: [{gateway}]\n" if gateway else ""
    return (
        f"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\n"
        f"spec:\n  hosts: ['{hosts or name}']\n{bound}  http:\n  - route:\n    - destination: {goal}\n"
    )


def gateway(name, host="*"):
    return (
        f"---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: {name}}}\n"
        f"spec:\n  servers:\n  - port: {{number: 80, name: http, protocol: HTTP}}\n    hosts: ['{host}']\n"
    )


def test_a_bundle_is_applied_whole(policies):
    outcome = policies.apply(rule("reviews", "v1") + service("reviews", "v1"))
    assert outcome.accepted
    assert outcome.applied == ("DestinationRule/default/reviews", "VirtualService/default/reviews")
    assert [key for key, _ in outcome.rules] == ["DestinationRule/default/reviews", "VirtualService/default/reviews"]
    for key, value in outcome.rules:
        assert msgspec.msgpack.decode(value, type=Rule) == policies.in_force[key].rule


def test_a_bundle_with_one_mistake_changes_nothing(policies):
    outcome = policies.check(rule("reviews", "v1") + service("reviews", "v1").replace("http:", "htpp:"))
    assert not outcome.accepted
    assert (outcome.documents, outcome.applied, outcome.rules) == ({}, (), ())


def test_an_unknown_subset_is_refused_with_the_nearest_name(policies):
    policies.apply(rule("reviews", "stable", "canary"))
    (problem,) = policies.check(service("reviews", "canari")).problems
    assert (problem.code, problem.document) == ("unknown_subset", "VirtualService/default/reviews")
    assert (problem.path, problem.line) == ("$.spec.http[0].route[0].destination.subset", 9)
    assert problem.hint == "did you mean 'canary'?"


def test_a_subset_without_any_destination_rule_is_refused(policies):
    (problem,) = policies.check(service("reviews", "v1")).problems
    assert (problem.code, problem.hint) == ("unknown_subset", "")


@pytest.mark.parametrize("host", ["reviews", "reviews.default", "reviews.default.svc.cluster.local"])
def test_all_spellings_of_a_service_find_its_subsets(policies, host):
    policies.apply(rule("reviews", "v1", host=host))
    assert policies.check(service("x", "v1", host="reviews.default.svc")).accepted


def test_a_refused_destination_rule_is_not_also_told_as_unknown_subset(policies):
    bundle = rule("reviews", "v1") + "  colour: red\n" + service("reviews", "v1")
    assert [one.code for one in policies.check(bundle).problems] == ["unknown_field"]


def test_an_unknown_gateway_is_refused(policies):
    policies.apply(gateway("edge"))
    (problem,) = policies.check(service("a", gateway="mesh, edg")).problems
    assert (problem.code, problem.path) == ("unknown_gateway", "$.spec.gateways[1]")
    assert problem.hint == "did you mean 'default/edge'?"


def test_two_destination_rules_for_one_host_are_refused(policies):
    policies.apply(rule("reviews", "v1"))
    (problem,) = policies.check(rule("other", "v2", host="reviews.default")).problems
    assert (problem.code, problem.document, problem.path) == (
        "duplicate_host",
        "DestinationRule/default/other",
        "$.spec.host",
    )
    assert "DestinationRule/default/reviews" in problem.message
    assert policies.check(rule("other", "v2", host="reviews"), delete=["DestinationRule/default/reviews"]).accepted


def test_rules_for_one_host_in_several_namespaces_or_for_several_callers_do_not_clash(policies):
    policies.apply(rule("reviews", "v1"))
    elsewhere = rule("reviews", "v2", host="reviews.default").replace("name: reviews", "name: reviews, namespace: shop")
    assert policies.check(elsewhere).accepted
    picky = rule("picky", "v2").replace("spec:", "spec:\n  workloadSelector: { matchLabels: { app: web } }", 1)
    assert policies.check(picky).accepted
    (problem,) = policies.check(rule("wild", "v2", host="'*'") + rule("wilder", "v2", host="'*'")).problems
    assert (problem.code, problem.document) == ("duplicate_host", "DestinationRule/default/wilder")


def test_a_subset_of_a_wildcards_rule_is_one_of_every_service(policies):
    policies.apply(rule("wild", "v1", host="'*.default.svc.cluster.local'") + service("reviews", "v1"))
    (problem,) = policies.check("", delete=["DestinationRule/default/wild"]).problems
    assert (problem.code, problem.document) == ("unknown_subset", "DestinationRule/default/wild")


def test_the_same_document_twice_in_a_bundle_is_refused(policies):
    (problem,) = policies.check(rule("a", "v1") + rule("a", "v2")).problems
    assert (problem.code, problem.line) == ("duplicate_document", 10)
    assert "first in line 2" in problem.message


def test_deleting_what_is_still_named_is_refused_and_says_by_whom(policies):
    policies.apply(gateway("edge") + rule("reviews", "v1") + service("reviews", "v1") + service("web", gateway="edge"))
    (problem,) = policies.check("", delete=["DestinationRule/default/reviews"]).problems
    assert (problem.code, problem.document) == ("unknown_subset", "DestinationRule/default/reviews")
    assert "VirtualService/default/reviews ($.spec.http[0].route[0].destination.subset)" in problem.message
    (problem,) = policies.check("", delete=["Gateway/default/edge"]).problems
    assert (problem.code, problem.document) == ("unknown_gateway", "Gateway/default/edge")
    assert policies.check("", delete=["DestinationRule/default/reviews", "VirtualService/default/reviews"]).accepted


def test_taking_a_subset_out_that_is_still_named_is_refused(policies):
    policies.apply(rule("reviews", "v1", "v2") + service("reviews", "v2"))
    (problem,) = policies.check(rule("reviews", "v1")).problems
    assert (problem.document, problem.code, problem.line) == ("DestinationRule/default/reviews", "unknown_subset", 2)
    assert policies.check(rule("reviews", "v1") + service("reviews", "v1")).accepted


def test_deleting_what_is_not_there_is_refused(policies):
    policies.apply(rule("reviews", "v1"))
    (problem,) = policies.check("", delete=["DestinationRule/default/review"]).problems
    assert (problem.code, problem.hint) == ("not_found", "did you mean 'DestinationRule/default/reviews'?")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("DestinationRule/shop/ratings", "DestinationRule/default/ratings"),  # what is called so comes first
        ("DestinationRule/default/rating", "DestinationRule/default/ratings"),
        ("DestinatonRule/default/ratings", "DestinationRule/default/ratings"),
    ],
)
def test_what_is_not_there_is_asked_for_by_its_nearest_name(policies, key, meant):
    policies.apply(rule("reviews", "v1") + rule("shop", "v1") + rule("ratings", "v1") + service("ratings"))
    (problem,) = policies.check("", delete=[key]).problems
    assert problem.hint == f"did you mean {meant!r}?"


def test_a_delete_takes_the_rule_out(policies):
    policies.apply(rule("reviews", "v1"))
    outcome = policies.apply(delete=["DestinationRule/default/reviews"])
    assert outcome.rules == (("DestinationRule/default/reviews", None),)
    assert policies.in_force == {}


def test_the_same_again_changes_nothing(policies):
    policies.apply(rule("reviews", "v1") + service("reviews", "v1"))
    outcome = policies.check(rule("reviews", "v1") + service("reviews", "v1"))
    assert outcome.accepted
    assert outcome.documents == {}
    assert len(outcome.applied) == 2


def test_a_virtual_service_keeps_the_revision_that_brought_it(policies):
    policies.apply(service("a"))
    policies.apply(service("a", host="b"))
    assert policies.in_force["VirtualService/default/a"].rule.order == 1
    policies.apply(service("b"))
    assert policies.in_force["VirtualService/default/b"].rule.order == 3


def test_two_virtual_services_for_one_host_of_the_mesh_are_warned_of(policies):
    policies.apply(service("a", hosts="reviews"))
    (warning,) = policies.check(service("b", hosts="reviews")).warnings
    assert (warning.code, warning.document, warning.path) == (
        "conflicting_hosts",
        "VirtualService/default/b",
        "$.spec.hosts[0]",
    )


def test_a_host_that_no_server_answers_for_is_warned_of(policies):
    policies.apply(gateway("edge", "*.example.com"))
    (warning,) = policies.check(service("a", gateway="edge", hosts="a.example.org")).warnings
    assert (warning.code, warning.path) == ("host_not_in_gateway", "$.spec.hosts[0]")
    assert policies.check(service("a", gateway="edge", hosts="a.example.com")).warnings == ()


def test_a_gateway_that_does_not_see_a_rule_is_warned_of(policies):
    policies.apply(gateway("edge"))
    bound = service("reviews", gateway="edge", hosts="shop.example")
    (warning,) = policies.check(bound.replace("spec:", "spec:\n  exportTo: [shop]", 1)).warnings
    assert (warning.code, warning.path) == ("no_effect", "$.spec.gateways[0]")
    assert policies.check(bound.replace("spec:", "spec:\n  exportTo: [.]", 1)).warnings == ()


def test_problems_are_told_as_the_public_reply_has_them(policies):
    (problem,) = policies.check(service("reviews", "v1")).problems
    assert msgspec.to_builtins(problem) == {
        "code": "unknown_subset",
        "document": "VirtualService/default/reviews",
        "path": "$.spec.http[0].route[0].destination.subset",
        "line": 9,
        "message": "no DestinationRule defines subset 'v1' of service 'reviews'",
        "hint": "",
    }


def test_what_is_in_force_travels_to_a_store_and_back(policies):
    from plait.actors.policy.bundle import StoredDocument

    policies.apply(gateway("edge") + rule("reviews", "v1") + service("reviews", "v1"))
    for one in policies.in_force.values():
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=StoredDocument) == one
