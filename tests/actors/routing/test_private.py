"""Rule sets that only some namespaces see."""

import pytest

from plait.actors.messages.error import NoRoute
from plait.actors.messages.rule import Destination, GatewayPolicy, RouteRule, RuleSet, Server
from plait.actors.routing.decide import decide
from plait.actors.routing.table import compile_table

HOST = "reviews.default.svc.cluster.local"


def to(name, export_to=(), order=1, host=HOST, gateways=("mesh",)):
    goal = name.partition("/")[2]
    return RuleSet(name, (host,), gateways, (RouteRule(destinations=(Destination(goal),)),), order, export_to)


@pytest.fixture
def goes(rules_of, request_of):
    """Where a caller of each namespace goes."""

    def make(*rules, namespaces=("default", "shop", "far")):
        table = compile_table(rules_of(*rules))
        return [
            decide(table, request_of(source_namespace=one, service="reviews"), lambda: 0.0).service
            for one in namespaces
        ]

    return make


def test_a_rule_set_holds_for_callers_of_the_namespaces_that_it_is_exported_to(goes):
    assert goes(to("default/a", ("shop",))) == ["reviews", "a", "reviews"]
    assert goes(to("default/a", ("default", "shop"))) == ["a", "a", "reviews"]
    assert goes(to("default/a")) == ["a", "a", "a"]


def test_what_is_named_comes_before_what_all_see_and_the_own_before_both(goes):
    public, named, own = to("default/public", order=1), to("far/named", ("shop",), 2), to("shop/own", ("shop",), 3)
    assert goes(public, named) == ["public", "named", "public"]
    assert goes(public, named, own) == ["public", "own", "public"]


def test_the_oldest_of_those_that_are_named_counts(goes):
    assert goes(to("default/b", ("shop",), 2), to("default/c", ("shop", "far"), 1)) == ["reviews", "c", "c"]


def test_a_wildcard_stands_behind_every_host_in_full(goes):
    wild = to("default/wild", ("shop",), host="*.default.svc.cluster.local")
    assert goes(wild) == ["reviews", "wild", "reviews"]
    assert goes(wild, to("default/public", order=9)) == ["public", "public", "public"]


def test_a_gateway_serves_what_its_namespace_sees(rules_of, request_of):
    gateway = GatewayPolicy("edge/gate", {}, (Server(80, "HTTP", ("*",)),))
    for export_to, seen in (((), True), (("edge",), True), (("default",), False)):
        rule = to("default/a", export_to, host="shop.example", gateways=("edge/gate",))
        table = compile_table(rules_of(gateway, rule))
        view = request_of(gateway=("edge/gate",), authority="shop.example", service="")
        if seen:
            assert decide(table, view, lambda: 0.0).service == "a"
        else:
            with pytest.raises(NoRoute):
                decide(table, view, lambda: 0.0)


def test_reasons_say_that_a_rule_set_is_not_seen(rules_of, request_of):
    table = compile_table(rules_of(to("default/a", ("shop",))))
    reasons = []
    decide(table, request_of(source_namespace="far"), lambda: 0.0, reasons)
    assert (reasons[0].rule_set, reasons[0].text) == ("default/a", "is not exported to the caller's namespace 'far'")
