"""Which destination policy holds for whom: by namespace of caller, service and root, by host, export and labels."""

import pytest

from plait.actors.messages.error import UnknownSubset
from plait.actors.messages.rule import Destination, DestinationPolicy, RouteRule, RuleSet, Subset
from plait.actors.messages.traffic import Balancer, TrafficPolicy
from plait.actors.routing.decide import decide
from plait.actors.routing.table import compile_table
from plait.actors.routing.upstream import Upstreams

RANDOM, TURNS = TrafficPolicy(Balancer.RANDOM), TrafficPolicy(Balancer.ROUND_ROBIN)


def about(name, service="reviews", **more):
    return DestinationPolicy(name, service, subsets=(Subset("v", {"from": name}),), **more)


def chosen(policies, namespace="default", service="reviews", **labels):
    """The name of the policy that a caller's subset comes from."""
    found = Upstreams(policies)(service, "v")
    return found.for_caller(namespace, labels).labels.get("from", "") if found.choices else found.labels.get("from", "")


OWN, HOME, ROOT, OTHER = (
    about(f"{space}/p", "reviews_home") for space in ("caller", "home", "istio-system", "elsewhere")
)


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ([OWN, HOME, ROOT, OTHER], "caller/p"),
        ([HOME, ROOT, OTHER], "home/p"),
        ([ROOT, OTHER], "istio-system/p"),
        ([OTHER], ""),
        ([], ""),
    ],
)
def test_the_callers_namespace_comes_before_the_services_and_that_before_the_root(policies, expected):
    for order in (policies, policies[::-1]):
        assert chosen(order, "caller", "reviews_home") == expected


def test_without_private_policies_there_is_nothing_to_choose():
    assert Upstreams([HOME, ROOT])("reviews_home", "v").choices == ()
    assert Upstreams([HOME, ROOT])("reviews_home", "v").labels == {"from": "home/p"}
    assert not Upstreams([HOME])("reviews_home", "w").known
    assert Upstreams([])("reviews_home", "").known


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (["*", "*.local", "*.default.svc.cluster.local", "reviews"], "default/p3"),
        (["*", "*.local", "*.default.svc.cluster.local"], "default/p2"),
        (["*", "*.local", "*.shop.svc.cluster.local"], "default/p1"),
        (["*", "*.example.com"], "default/p0"),
        (["*.example.com", "ratings"], ""),
    ],
)
def test_the_narrowest_host_of_a_namespace_holds(hosts, expected):
    policies = [about(f"default/p{number}", host) for number, host in enumerate(hosts)]
    assert chosen(policies) == chosen(policies[::-1]) == expected


def test_a_wildcard_of_the_callers_comes_before_the_services_own():
    assert chosen([about("caller/p", "*"), about("default/p")], "caller") == "caller/p"
    assert chosen([about("caller/p", "*"), about("default/p")], "other") == "default/p"


@pytest.mark.parametrize(("namespace", "expected"), [("a", "default/p"), ("default", "default/p"), ("b", ""), ("", "")])
def test_a_policy_holds_where_it_is_exported_to(namespace, expected):
    assert chosen([about("default/p", export_to=("a", "default"))], namespace) == expected


@pytest.mark.parametrize(
    ("namespace", "labels", "expected"),
    [
        ("default", {"app": "web", "tier": "1"}, "default/picky"),
        ("default", {"app": "db"}, "default/p"),
        ("default", {}, "default/p"),
        ("other", {"app": "web"}, "default/p"),
    ],
)
def test_a_selector_limits_the_callers(namespace, labels, expected):
    picky = about("default/picky", callers={"app": "web"}, export_to=("default",))
    assert chosen([about("default/p"), picky], namespace, **labels) == expected


def test_settings_of_a_port_replace_all_for_routes_that_name_it():
    bare = Subset("bare", {})
    own = Subset("own", {}, TrafficPolicy(), ((80, TURNS), (81, RANDOM)))
    upstream = Upstreams([DestinationPolicy("default/p", "reviews", RANDOM, (bare, own), ports=((80, TURNS),))])
    expected = {("", None): RANDOM, ("", 80): TURNS, ("", 81): RANDOM, ("bare", 80): TURNS, ("own", 81): RANDOM}
    assert {key: upstream("reviews", *key).policy for key in expected} == expected
    assert upstream("reviews", "own", 82).policy == TrafficPolicy()
    assert upstream("reviews", "", 80).owner != upstream("reviews", "", 81).owner


def test_what_did_not_change_is_taken_over():
    first = Upstreams([about("default/a"), about("default/w", "*"), about("default/b", "ratings")])
    kept, changed = first("reviews", "v"), first("ratings", "v")
    again = Upstreams([about("default/a"), about("default/w", "*"), about("default/c", "ratings")], first)
    assert again("reviews", "v") is kept
    assert again("ratings", "v") != changed
    wider = Upstreams([about("default/a"), about("default/b", "ratings")], first)
    assert wider("reviews", "v") is not kept


def test_a_decision_is_the_callers(rules_of, request_of):
    routes = (RouteRule("r", (), (Destination("reviews", "v", 1), Destination("reviews", "v", 1))),)
    rule_set = RuleSet("default/r", ("reviews.default.svc.cluster.local",), routes=routes)
    table = compile_table(rules_of(rule_set, about("shop/p"), about("default/p", export_to=("default",))))
    for namespace, expected in (("shop", "shop/p"), ("default", "default/p")):
        reasons = []
        decision = decide(table, request_of(source_namespace=namespace), lambda: 0.0, reasons)
        assert decision.upstream.labels == {"from": expected}
        assert any(f"destination policy: {expected}" in one.text for one in reasons)
    with pytest.raises(UnknownSubset, match="for callers of namespace 'far'"):
        decide(table, request_of(source_namespace="far"), lambda: 0.0)


def test_a_service_without_a_rule_set_is_used_as_the_callers_policy_says(rules_of, request_of):
    table = compile_table(
        rules_of(DestinationPolicy("shop/p", "reviews", RANDOM), DestinationPolicy("default/p", "reviews", TURNS))
    )
    policies = {
        space: decide(table, request_of(source_namespace=space), lambda: 0.0).upstream.policy
        for space in ("shop", "default", "far", "")
    }
    assert policies == {"shop": RANDOM, "default": TURNS, "far": TURNS, "": TURNS}
