"""The decision: first match wins, one draw, the index and the reasons change nothing."""

import random
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.actors.messages.error import NoRoute, UnknownSubset
from plait.actors.messages.rule import (
    Destination,
    Fault,
    MatchKind,
    RetryPolicy,
    RouteMatch,
    RouteRule,
    RuleSet,
    StringMatch,
)
from plait.actors.routing.decide import decide
from plait.actors.routing.table import compile_table

HOST = "reviews.default.svc.cluster.local"


def never():
    raise AssertionError("nothing is to be drawn here")


def table_of(*routes, revision=1):
    return compile_table({"VirtualService/default/r": RuleSet("default/r", (HOST,), routes=routes)}, revision)


def split(**shares):
    return RouteRule(destinations=tuple(Destination(service, weight=share) for service, share in shares.items()))


def test_a_service_without_rules_has_its_implicit_route(request_of):
    decision = decide(compile_table({}, 3), request_of(service="ratings"), never)
    assert (decision.rule_set, decision.route, decision.index) == ("", "", -1)
    assert (decision.service, decision.subset, decision.port) == ("ratings", "", None)
    assert (decision.timeout, decision.retries, decision.fault, decision.revision) == (None, None, None, 3)


def test_the_first_match_wins_whatever_comes_later(request_of, to, on_path, regex, exact):
    table = table_of(to("first", on_path(regex(".*"))), to("second", on_path(exact("/"))))
    assert decide(table, request_of(), never).service == "first"


def test_any_of_a_routes_matches_is_enough(request_of, to, on_path, exact):
    table = table_of(to("a", on_path(exact("/1")), on_path(exact("/2"))))
    assert decide(table, request_of(path="/2"), never).index == 0
    with pytest.raises(NoRoute, match=r"no route matches GET bookinfo\.example\.com/3"):
        decide(table, request_of(path="/3"), never)


def test_a_decision_says_all_of_its_route(request_of):
    fault, retries = Fault(1.0, 50.0, 503, 10.0), RetryPolicy(attempts=0)
    route = RouteRule("slow", (), (Destination("ratings", port=9080),), 0.0, retries, fault)
    decision = decide(table_of(route, revision=9), request_of(), never)
    assert (decision.rule_set, decision.route, decision.index) == ("default/r", "slow", 0)
    assert (decision.service, decision.subset, decision.port) == ("ratings", "", 9080)
    assert (decision.timeout, decision.retries, decision.fault) == (0.0, retries, fault)
    assert (decision.upstream.service, decision.upstream.known, decision.revision) == ("ratings", True, 9)


@pytest.mark.parametrize("fault", [Fault(), Fault(1.0, 0.0), Fault(0.0, 50.0), Fault(0.0, 0.0, 503, 0.0)])
def test_a_fault_that_hits_nobody_is_none(request_of, fault):
    route = RouteRule(destinations=(Destination("a"),), fault=fault)
    assert decide(table_of(route), request_of(), never).fault is None


def test_an_unknown_subset_is_an_error_of_its_own(request_of):
    table = table_of(RouteRule(destinations=(Destination("reviews", "v9"),)))
    with pytest.raises(UnknownSubset, match="subset 'v9' of 'reviews'"):
        decide(table, request_of(), never)


def test_a_single_destination_gets_all_whatever_its_weight(request_of):
    assert decide(table_of(split(a=0)), request_of(), never).service == "a"


def test_a_weight_of_zero_gets_nothing(request_of):
    assert decide(table_of(split(a=0, b=5)), request_of(), never).service == "b"
    assert decide(table_of(split(a=0, b=5, c=5)), request_of(), lambda: 0.0).service == "b"


@pytest.mark.parametrize(
    ("drawn", "service"), [(0.0, "a"), (0.799, "a"), (0.8, "b"), (0.899, "b"), (0.9, "c"), (0.9999, "c")]
)
def test_shares_lie_one_after_the_other(request_of, drawn, service):
    assert decide(table_of(split(a=8, b=1, c=1)), request_of(), lambda: drawn).service == service


@pytest.mark.parametrize("shares", [{"a": 50, "b": 25, "c": 25}, {"a": 80, "b": 10, "c": 10}, {"a": 1, "b": 2}])
def test_splits_keep_their_shares(request_of, shares):
    table, rng, view = table_of(split(**shares)), random.Random(11), request_of()
    seen = Counter(decide(table, view, rng.random).service for _ in range(10_000))
    for service, share in shares.items():
        assert abs(seen[service] / 10_000 - share / sum(shares.values())) < 0.015


def test_one_request_draws_once(request_of):
    drawn = []
    decide(table_of(split(a=1, b=1)), request_of(), lambda: drawn.append(1) or 0.5)
    assert drawn == [1]


def test_reasons_name_the_first_condition_that_failed(request_of, to, on_path, exact):
    post = RouteMatch(uri=exact("/"), method=exact("POST"))
    jason = RouteMatch(headers=(("end-user", exact("jason")),))
    table = table_of(to("a", on_path(exact("/x")), post, name="first"), to("b", jason), split(c=3, d=1))
    reasons = []
    decide(table, request_of(headers=[("end-user", "jane")]), lambda: 0.9, reasons)
    assert [(one.route, one.index, one.match, one.taken, one.text) for one in reasons] == [
        ("first", 0, 0, False, "path wants exact '/x', but it is '/'"),
        ("first", 0, 1, False, "method wants exact 'POST', but it is 'GET'"),
        ("", 1, 0, False, "header end-user wants exact 'jason', but it is 'jane'"),
        ("", 2, -1, True, "matches everything"),
        ("", 2, -1, True, "drawn: d, with a share of 25 %"),
    ]


def test_reasons_say_why_there_is_no_route(request_of):
    reasons = []
    with pytest.raises(NoRoute):
        decide(compile_table({}), request_of(gateway=("default/edge",)), never, reasons)
    assert "no rule set serves host 'bookinfo.example.com'" in reasons[0].text


# The index over many routes, and the reasons, must not change what is decided.

texts = st.sampled_from(["/", "/a", "/a/", "/a/b", "/ab", "/b", "/b/c", ""])
strings = st.builds(StringMatch, st.sampled_from([MatchKind.EXACT, MatchKind.PREFIX]), texts) | st.sampled_from(
    [StringMatch(MatchKind.REGEX, "/a.*"), StringMatch(MatchKind.REGEX, "/[ab]"), StringMatch(MatchKind.REGEX, ".*b")]
)
headers = st.sampled_from(
    [
        (),
        (("x", StringMatch(MatchKind.PRESENT)),),
        (("x", StringMatch(MatchKind.EXACT, "1")),),
        (("y", StringMatch(MatchKind.PREFIX, "2")),),
    ]
)
matches = st.builds(
    RouteMatch,
    uri=st.none() | strings,
    ignore_uri_case=st.booleans(),
    headers=headers,
    without_headers=headers,
)
routes = st.builds(
    lambda number, found, weights: RouteRule(
        str(number),
        tuple(found),
        tuple(Destination(f"s{place}", weight=weight) for place, weight in enumerate(weights)),
    ),
    st.integers(0, 99),
    st.lists(matches, min_size=1, max_size=3),
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
)


def outcome(table, view, seed, reasons=None):
    try:
        return decide(table, view, random.Random(seed).random, reasons)
    except NoRoute as error:
        return str(error)


@given(
    st.lists(routes, min_size=1, max_size=20),
    st.sampled_from(["/", "/a", "/A", "/a/b", "/a/b/c", "/abc", "/b", "/c", "/B/C", "*"]),
    st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(["1", "2", "23"])), max_size=3),
    st.integers(),
)
@settings(max_examples=400, deadline=None)
def test_with_reasons_and_without_the_decision_is_the_same(rules, path, fields, seed):
    view = SimpleNamespace(
        method="GET", scheme="http", authority="a", path=path, query="", headers=fields, baggage={}, gateway=(),
        port=None, service="reviews", source_service="", source_labels={}, source_namespace="default",
    )  # fmt: skip
    table = table_of(*rules)
    reasons = []
    assert outcome(table, view, seed) == outcome(table, view, seed, reasons)
    assert reasons


def test_many_routes_on_a_host_keep_their_order(request_of, to, on_path, exact, prefix):
    routes = []
    for number in range(500):
        routes += [to(f"e{number}", on_path(exact(f"/{number}"))), to(f"p{number}", on_path(prefix(f"/{number}")))]
    table = table_of(*routes, to("rest"))
    assert decide(table, request_of(path="/7"), never).service == "e7"
    assert decide(table, request_of(path="/499"), never).service == "p4"
    assert decide(table, request_of(path="/7/x"), never).service == "p7"
    assert decide(table, request_of(path="/x"), never).service == "rest"
