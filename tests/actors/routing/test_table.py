"""Which routes a request meets: hosts at gateways, services in the mesh, order and precedence."""

import pytest

from plait.actors.messages.error import NoRoute
from plait.actors.messages.rule import DestinationPolicy, GatewayPolicy, RouteMatch, Server, Subset
from plait.actors.messages.traffic import Balancer, TrafficPolicy
from plait.actors.routing.decide import decide
from plait.actors.routing.host import covers, narrower, spellings
from plait.actors.routing.route import BadRule
from plait.actors.routing.table import compile_table

EDGE = ("default/edge",)


def gate(name="default/edge", *servers, selector=None):
    return GatewayPolicy(name, selector or {}, servers or (Server(80, "HTTP", ("*",)),))


def goes(table, view):
    try:
        return decide(table, view, lambda: 0.0).service
    except NoRoute:
        return None


@pytest.mark.parametrize(
    ("authority", "service"),
    [
        ("a.example.com", "exact"),
        ("A.Example.COM:8080", "exact"),
        ("b.example.com", "wild"),
        ("b.example.com:12345", "wild"),
        ("x.y.example.com", "wild"),
        ("x.deep.example.com", "deep"),
        ("example.com", "all"),
        ("localhost", "all"),
        ("", "all"),
        ("[::1]:80", "all"),
    ],
)
def test_the_most_specific_host_wins(rules_of, rule_set, to, request_of, authority, service):
    table = compile_table(
        rules_of(
            gate(),
            rule_set("w", ["*.example.com"], to("wild"), gateways=EDGE),
            rule_set("a", ["*"], to("all"), gateways=EDGE),
            rule_set("d", ["*.deep.example.com"], to("deep"), gateways=EDGE),
            rule_set("e", ["a.example.com"], to("exact"), gateways=EDGE),
        )
    )
    assert goes(table, request_of(gateway=EDGE, authority=authority)) == service


def test_a_gateway_answers_only_for_its_servers_hosts(rules_of, rule_set, to, request_of):
    server = Server(80, "HTTP", ("*.example.com", "other.org"))
    table = compile_table(rules_of(gate("default/edge", server), rule_set("a", ["*"], to("a"), gateways=EDGE)))
    for authority, found in [("a.example.com", "a"), ("other.org", "a"), ("example.com", None), ("x.org", None)]:
        assert goes(table, request_of(gateway=EDGE, authority=authority)) == found


def test_the_most_specific_host_wins_even_where_the_server_has_one_host_only(
    rules_of, rule_set, to, request_of, prefix, on_path
):
    server = Server(80, "HTTP", ("a.example.com", "*.org"))
    table = compile_table(
        rules_of(
            gate("default/edge", server),
            rule_set("a", ["*"], to("all"), gateways=EDGE, order=1),
            rule_set("b", ["*.example.com"], to("wild"), gateways=EDGE, order=2),
            rule_set("c", ["a.example.com"], to("exact", on_path(prefix("/x"))), gateways=EDGE, order=3),
            rule_set("d", ["*.example.com", "*.org"], to("late"), gateways=EDGE, order=4),
        )
    )
    for authority, path, service in [
        ("a.example.com", "/x", "exact"),
        ("a.example.com", "/", None),
        ("b.org", "/", "late"),
    ]:
        assert goes(table, request_of(gateway=EDGE, authority=authority, path=path)) == service


def test_a_servers_host_may_be_for_one_namespace_only(rules_of, rule_set, to, request_of):
    server = Server(80, "HTTP", ("a.com", "b.com", "c.com"), "", ("shop", ".", "*"))
    table = compile_table(
        rules_of(gate("default/edge", server), rule_set("a", ["a.com", "b.com", "c.com"], to("a"), gateways=EDGE))
    )
    assert [goes(table, request_of(gateway=EDGE, authority=host)) for host in ("a.com", "b.com", "c.com")] == [
        None,
        "a",
        "a",
    ]


def test_a_gateway_without_rules_has_no_route(rules_of, request_of):
    table = compile_table(rules_of(gate()))
    assert goes(table, request_of(gateway=EDGE)) is None
    assert goes(table, request_of(gateway=("default/unknown",))) is None


def test_ports_tell_a_gateways_servers_apart(rules_of, rule_set, to, request_of):
    servers = (Server(80, "HTTP", ("a.com",)), Server(81, "HTTP", ("b.com",)))
    table = compile_table(rules_of(gate("default/edge", *servers), rule_set("a", ["*"], to("a"), gateways=EDGE)))
    assert goes(table, request_of(gateway=EDGE, authority="a.com", port=80)) == "a"
    assert goes(table, request_of(gateway=EDGE, authority="a.com", port=81)) is None
    assert goes(table, request_of(gateway=EDGE, authority="a.com")) == "a"


def test_gateways_that_share_a_listener_are_joined(rules_of, rule_set, to, request_of):
    table = compile_table(
        rules_of(
            gate("default/one"),
            gate("default/two"),
            rule_set("a", ["a.com"], to("a"), gateways=["default/one"]),
            rule_set("b", ["b.com"], to("b"), gateways=["default/two"]),
        )
    )
    both = ("default/one", "default/two")
    assert goes(table, request_of(gateway=both, authority="a.com")) == "a"
    assert goes(table, request_of(gateway=both, authority="b.com")) == "b"
    assert goes(table, request_of(gateway="default/one", authority="b.com")) is None


def test_rule_sets_of_one_host_are_joined_oldest_first_catch_alls_last(
    rules_of, rule_set, to, request_of, prefix, on_path
):
    table = compile_table(
        rules_of(
            gate(),
            rule_set("z", ["a.com"], to("any"), to("never", on_path(prefix("/b"))), gateways=EDGE, order=1),
            rule_set("a", ["a.com"], to("b", on_path(prefix("/b"))), gateways=EDGE, order=2),
            rule_set("b", ["a.com"], to("bc", on_path(prefix("/bc"))), to("x", RouteMatch()), gateways=EDGE, order=3),
        )
    )
    for path, service in [("/b", "never"), ("/bc", "never"), ("/c", "any")]:
        assert goes(table, request_of(gateway=EDGE, authority="a.com", path=path)) == service


def test_one_rule_set_keeps_its_order_even_after_a_catch_all(rules_of, rule_set, to, request_of, prefix, on_path):
    table = compile_table(
        rules_of(gate(), rule_set("a", ["*"], to("any"), to("b", on_path(prefix("/b"))), gateways=EDGE))
    )
    assert goes(table, request_of(gateway=EDGE, path="/b")) == "any"


def test_gateways_are_selected_by_labels(rules_of):
    table = compile_table(
        rules_of(
            gate("default/b", selector={"istio": "ingressgateway"}), gate("default/a"), gate("x/c", selector={"a": "b"})
        )
    )
    assert table.selected({"istio": "ingressgateway", "app": "x"}) == ("default/a", "default/b")
    assert table.selected({}) == ("default/a",)


def test_rules_of_a_gateway_do_not_hold_in_the_mesh(rules_of, rule_set, to, request_of):
    host = "reviews.default.svc.cluster.local"
    table = compile_table(rules_of(gate(), rule_set("a", [host], to("other"), gateways=EDGE)))
    assert goes(table, request_of(service="reviews")) == "reviews"
    for authority in ("reviews", "reviews.default", "reviews.default.svc", host):
        assert goes(table, request_of(gateway=EDGE, authority=authority)) == "other"
    reasons = []
    decide(table, request_of(service="reviews"), lambda: 0.0, reasons)
    assert [one.rule_set for one in reasons] == ["default/a", ""]
    assert "bound to gateways only" in reasons[0].text


def test_in_the_mesh_the_oldest_rule_set_of_a_service_counts_alone(rules_of, rule_set, to, request_of, exact, on_path):
    host = "reviews.default.svc.cluster.local"
    table = compile_table(
        rules_of(
            rule_set("a", [host], to("young"), order=2),
            rule_set("z", [host], to("old", on_path(exact("/old"))), order=1),
        )
    )
    assert goes(table, request_of(path="/old")) == "old"
    assert goes(table, request_of(path="/")) is None


def test_services_of_other_namespaces_are_others(rules_of, rule_set, to, request_of):
    table = compile_table(rules_of(rule_set("a", ["reviews.shop.svc.cluster.local"], to("x"))))
    assert goes(table, request_of(service="reviews_shop")) == "x"
    assert goes(table, request_of(service="reviews")) == "reviews"


def test_a_wildcard_holds_for_many_services(rules_of, rule_set, to, request_of):
    table = compile_table(
        rules_of(
            rule_set("w", ["*.shop.svc.cluster.local"], to("wild")),
            rule_set("a", ["reviews.shop.svc.cluster.local"], to("x")),
        )
    )
    assert goes(table, request_of(service="ratings_shop")) == "wild"
    assert goes(table, request_of(service="reviews_shop")) == "x"
    assert goes(table, request_of(service="ratings")) == "ratings"


def test_a_match_may_hold_at_one_gateway_only(rules_of, rule_set, to, request_of):
    host = "reviews.default.svc.cluster.local"
    here, there = RouteMatch(gateways=("mesh",)), RouteMatch(gateways=EDGE)
    table = compile_table(
        rules_of(gate(), rule_set("a", [host], to("in", here), to("out", there), gateways=["mesh", *EDGE]))
    )
    assert goes(table, request_of()) == "in"
    assert goes(table, request_of(gateway=EDGE, authority="reviews")) == "out"


def test_a_decision_has_the_subsets_labels_and_policy(rules_of, request_of):
    policy = DestinationPolicy(
        "default/reviews",
        "reviews",
        TrafficPolicy(Balancer.RANDOM),
        (Subset("v1", {"version": "v1"}), Subset("v2", {"version": "v2"}, TrafficPolicy(Balancer.ROUND_ROBIN))),
    )
    table = compile_table(rules_of(policy), 7)
    assert decide(table, request_of(), lambda: 0.0).upstream.policy.balancer is Balancer.RANDOM
    assert decide(table, request_of(), lambda: 0.0).revision == 7
    one, two = table.upstream("reviews", "v1"), table.upstream("reviews", "v2")
    assert (one.labels, one.policy.balancer, one.known) == ({"version": "v1"}, Balancer.RANDOM, True)
    assert (two.labels, two.policy.balancer) == ({"version": "v2"}, Balancer.ROUND_ROBIN)
    assert not table.upstream("reviews", "v3").known


def test_a_later_table_takes_over_what_did_not_change(rules_of, rule_set, to, request_of):
    v1 = DestinationPolicy("default/a", "a", subsets=(Subset("v1", {"version": "v1"}),))
    kept = rule_set("b", ["b.default.svc.cluster.local"], to("b"))
    changed = rule_set("a", ["a.default.svc.cluster.local"], to("a"))
    first = compile_table(rules_of(v1, kept, changed), 1)
    v2 = DestinationPolicy("default/a", "a", TrafficPolicy(Balancer.RANDOM))
    second = compile_table(rules_of(v2, kept, changed), 2, first)
    assert second.of_service("b").clauses[0] is first.of_service("b").clauses[0]
    assert second.of_service("a").clauses[0] is not first.of_service("a").clauses[0]
    assert decide(second, request_of(service="a"), lambda: 0.0).upstream.policy.balancer is Balancer.RANDOM
    assert decide(first, request_of(service="a"), lambda: 0.0).upstream.policy.balancer is Balancer.LEAST_REQUEST
    assert [decide(one, request_of(service="b"), lambda: 0.0).revision for one in (first, second)] == [1, 2]
    third = compile_table(rules_of(v2, kept, rule_set("a", ["a.default.svc.cluster.local"], to("c"))), 3, second)
    assert goes(third, request_of(service="a")) == "c"


def test_a_route_that_leads_nowhere_cannot_be_compiled(rules_of, rule_set):
    from plait.actors.messages.rule import RouteRule

    with pytest.raises(BadRule, match="default/a: route 0 leads nowhere"):
        compile_table(rules_of(rule_set("a", ["a.default.svc.cluster.local"], RouteRule())))


@pytest.mark.parametrize(
    ("pattern", "host", "covered", "common"),
    [
        ("*", "a.b", True, "a.b"),
        ("*.b", "a.b", True, "a.b"),
        ("*.b", "b", False, None),
        ("*.b", "*.a.b", True, "*.a.b"),
        ("*.a.b", "*.b", False, "*.a.b"),
        ("a.b", "a.b", True, "a.b"),
        ("a.b", "*", False, "a.b"),
        ("a.b", "c.b", False, None),
        ("*.b", "xb", False, None),
    ],
)
def test_host_patterns_cover_and_narrow(pattern, host, covered, common):
    assert covers(pattern, host) is covered
    assert narrower(pattern, host) == common


def test_a_service_has_short_names():
    assert spellings("a.shop.svc.cluster.local") == ("a.shop.svc.cluster.local", "a.shop.svc", "a.shop")
    assert spellings("a.default.svc.cluster.local")[-1] == "a"
    assert spellings("A.example.com") == ("a.example.com",)
    assert spellings("*.svc.cluster.local") == ("*.svc.cluster.local",)
