"""What becomes of a delegate's routes in the place of the route that names it, and which matches clash."""

# ruff: noqa: E501 (the tables below are read by the line)

import pytest

from plait.actors.messages.rule import (
    Cors,
    Destination,
    Fault,
    HeaderChange,
    MatchKind,
    Mirror,
    RetryPolicy,
    Rewrite,
    RouteMatch,
    RouteRule,
    RuleSet,
    StringMatch,
)
from plait.actors.routing.decide import decide
from plait.actors.routing.delegate import Clash, expand, merge
from plait.actors.routing.table import compile_table

EXACT, PREFIX, REGEX, PRESENT = (lambda value, kind=kind: StringMatch(kind, value) for kind in MatchKind)
M = RouteMatch
THERE = (Destination("there"),)
ROOT, OWN = HeaderChange(set=(("x", "root"),)), HeaderChange(set=(("x", "own"),))


@pytest.mark.parametrize(
    ("root", "own", "merged"),
    [
        ((), (), ()),
        ((M(name="r"),), (), (M(name="r"),)),
        ((), (M(name="o"),), (M(name="o"),)),
        ((M(name="r"),), (M(name="o"),), (M(name="r-o"),)),
        ((M(uri=PREFIX("/a")),), (M(uri=PREFIX("/a/b")),), (M(uri=PREFIX("/a/b")),)),
        ((M(uri=PREFIX("/a")),), (M(uri=EXACT("/ab")),), (M(uri=EXACT("/ab")),)),
        ((M(uri=PREFIX("/A"), ignore_uri_case=True),), (M(uri=EXACT("/aB"), ignore_uri_case=True),), (M(uri=EXACT("/aB"), ignore_uri_case=True),)),
        ((M(uri=PREFIX("/a"), ignore_uri_case=True),), (M(method=EXACT("GET")),), (M(uri=PREFIX("/a"), method=EXACT("GET"), ignore_uri_case=True),)),
        ((M(uri=REGEX("/a.*")),), (M(uri=REGEX("/a.*")),), (M(uri=REGEX("/a.*")),)),
        ((M(headers=(("x", PRESENT("")),)),), (M(headers=(("x", EXACT("1")),)),), (M(headers=(("x", EXACT("1")),)),)),
        ((M(headers=(("x", EXACT("1")),)),), (M(headers=(("x", PRESENT("")),)),), (M(headers=(("x", EXACT("1")),)),)),
        ((M(headers=(("x", EXACT("1")),)),), (M(headers=(("y", EXACT("2")),)),), (M(headers=(("x", EXACT("1")), ("y", EXACT("2")))),)),
        ((M(without_headers=(("x", EXACT("1")),)),), (M(without_headers=(("y", EXACT("1")),)),), (M(without_headers=(("x", EXACT("1")), ("y", EXACT("1")))),)),
        ((M(query=(("q", PREFIX("a")),)),), (M(query=(("q", EXACT("ab")),)),), (M(query=(("q", EXACT("ab")),)),)),
        ((M(port=80, source_labels={"a": "1"}),), (M(source_labels={"b": "2"}, source_namespace="n"),), (M(port=80, source_labels={"a": "1", "b": "2"}, source_namespace="n"),)),
        ((M(gateways=("g", "mesh")),), (M(gateways=("g",), stat_prefix="s"),), (M(gateways=("g",), stat_prefix="s"),)),
        ((M(uri=PREFIX("/a")), M(uri=PREFIX("/b"))), (M(uri=EXACT("/b1")), M(uri=EXACT("/a1"))), (M(uri=EXACT("/b1")), M(uri=EXACT("/a1")))),
        ((M(uri=PREFIX("/a")), M(uri=PREFIX("/b"))), (M(method=EXACT("GET")),), (M(uri=PREFIX("/a"), method=EXACT("GET")), M(uri=PREFIX("/b"), method=EXACT("GET")))),
    ],
)  # fmt: skip
def test_matches_are_those_of_both(root, own, merged):
    assert merge(RouteRule(matches=root), RouteRule(matches=own, destinations=THERE)).matches == merged


@pytest.mark.parametrize(
    ("root", "own"),
    [
        (M(uri=PREFIX("/a/b")), M(uri=PREFIX("/a"))),
        (M(uri=PREFIX("/a")), M(uri=EXACT("/b"))),
        (M(uri=EXACT("/a")), M(uri=PREFIX("/a"))),
        (M(uri=EXACT("/a")), M(uri=EXACT("/b"))),
        (M(uri=REGEX("/a.*")), M(uri=EXACT("/a"))),
        (M(uri=PREFIX("/a")), M(uri=REGEX("/a.*"))),
        (M(uri=PREFIX("/a"), ignore_uri_case=True), M(uri=PREFIX("/a"))),
        (M(method=EXACT("GET")), M(method=EXACT("POST"))),
        (M(scheme=EXACT("http")), M(scheme=EXACT("https"))),
        (M(authority=PREFIX("a.")), M(authority=PREFIX("b."))),
        (M(headers=(("x", EXACT("1")),)), M(headers=(("x", EXACT("2")),))),
        (M(query=(("q", EXACT("1")),)), M(query=(("q", EXACT("2")),))),
        (M(without_headers=(("x", EXACT("1")),)), M(without_headers=(("x", EXACT("2")),))),
        (M(port=80), M(port=81)),
        (M(source_namespace="a"), M(source_namespace="b")),
        (M(source_labels={"a": "1"}), M(source_labels={"a": "2"})),
        (M(gateways=("g",)), M(gateways=("g", "mesh"))),
    ],
)
def test_a_match_that_cannot_hold_clashes(root, own):
    with pytest.raises(Clash, match="its match 0 lies outside"):
        merge(RouteRule(matches=(root,)), RouteRule(matches=(own,), destinations=THERE))


FIELDS = {
    "timeout": (0.0, 5.0),
    "retries": (RetryPolicy(0), RetryPolicy(5)),
    "fault": (Fault(1.0, 1.0), Fault(2.0, 2.0)),
    "rewrite": (Rewrite("/own"), Rewrite("/root")),
    "mirrors": ((Mirror("a", percent=0.0),), (Mirror("b"),)),
    "cors": (Cors(methods=("GET",)), Cors()),
    "request_headers": (OWN, ROOT),
    "response_headers": (OWN, ROOT),
}


@pytest.mark.parametrize("field", FIELDS)
def test_what_the_delegate_leaves_out_is_the_roots(field):
    own, root = FIELDS[field]
    with_own, with_root = RouteRule(destinations=THERE, **{field: own}), RouteRule(**{field: root})
    assert getattr(merge(with_root, RouteRule(destinations=THERE)), field) == root
    assert getattr(merge(with_root, with_own), field) == own
    assert getattr(merge(RouteRule(), with_own), field) == own


def test_headers_are_taken_as_a_whole():
    merged = merge(RouteRule(request_headers=ROOT), RouteRule(destinations=THERE, response_headers=OWN))
    assert (merged.request_headers, merged.response_headers) == (None, OWN)


def root_of(*routes):
    return RuleSet("default/root", ("reviews.default.svc.cluster.local",), routes=routes)


PART = RuleSet(
    "shop/part",
    (),
    (),
    (
        RouteRule("old", (M(headers=(("x", EXACT("1")),)),), (Destination("old"),)),
        RouteRule("new", (), (Destination("new"),)),
    ),
)


def test_a_delegate_stands_where_it_is_named():
    first, last = RouteRule("first", destinations=THERE), RouteRule("last", destinations=THERE)
    handing = RouteRule("to", (M(uri=PREFIX("/a")),), delegate="shop/part")
    routes = expand(root_of(first, handing, last), {"shop/part": PART}).routes
    assert [one.name for one in routes] == ["first", "to-old", "to-new", "last"]
    assert expand(root_of(first), {}) == root_of(first)


def test_a_decision_and_its_reasons_name_both(rules_of, request_of):
    handing = RouteRule("to", (M(uri=PREFIX("/a")),), delegate="shop/part")
    table = compile_table(rules_of(root_of(handing, RouteRule("rest", (), THERE)), PART))
    reasons = []
    decision = decide(table, request_of(path="/a", headers=[("x", "1")]), lambda: 0.0, reasons)
    assert (decision.service, decision.route) == ("old", "to-old")
    assert decision.rule_set == reasons[-1].rule_set == "default/root http[0] → shop/part http[0]"
    assert decide(table, request_of(path="/a"), lambda: 0.0).service == "new"
    assert decide(table, request_of(path="/b"), lambda: 0.0).service == "there"
    assert decide(table, request_of(service="part.shop"), lambda: 0.0).rule_set == ""


def test_a_change_of_the_delegate_is_a_change_of_the_root(rules_of, request_of):
    root = root_of(RouteRule(delegate="shop/part"))
    first = compile_table(rules_of(root, PART))
    other = RuleSet("shop/part", (), (), (RouteRule(destinations=(Destination("newer"),)),))
    second = compile_table(rules_of(root, other), previous=first)
    assert decide(first, request_of(), lambda: 0.0).service == "new"
    assert decide(second, request_of(), lambda: 0.0).service == "newer"


@pytest.mark.parametrize(
    "forced", [(), (RuleSet("shop/part", (), (), (RouteRule("b", (M(uri=EXACT("/b")),), (Destination("b"),)),)),)]
)
def test_a_route_whose_delegate_is_forced_out_answers_for_it(rules_of, request_of, forced):
    handing = RouteRule("to", (M(uri=PREFIX("/a")),), delegate="shop/part")
    table = compile_table(rules_of(root_of(handing, RouteRule("rest", (), THERE)), *forced))
    decision = decide(table, request_of(path="/a"), lambda: 0.0)
    assert decision.action.answer.status == 503
    assert decide(table, request_of(path="/b"), lambda: 0.0).service == "there"
