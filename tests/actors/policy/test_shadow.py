"""A match is dead when an earlier one takes all that it could, and only then."""

import random

import pytest

from plait.actors.messages.rule import Destination, MatchKind, RouteMatch, RouteRule, RuleSet, StringMatch
from plait.actors.policy.shadow import shadows
from plait.actors.routing.matcher import conditions

A = Destination("a")


def exact(value):
    return StringMatch(MatchKind.EXACT, value)


def prefix(value):
    return StringMatch(MatchKind.PREFIX, value)


def regex(value):
    return StringMatch(MatchKind.REGEX, value)


def dead(*routes):
    rules = RuleSet("default/a", ("a",), routes=tuple(RouteRule(matches=one, destinations=(A,)) for one in routes))
    return [(one.route, one.match, one.by_route, one.by_match) for one in shadows(rules)]


def test_what_follows_a_route_that_takes_everything_is_dead():
    assert dead((), (RouteMatch(uri=exact("/x")),)) == [(1, 0, 0, -1)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (RouteMatch(uri=prefix("/a")), RouteMatch(uri=exact("/a/b"))),
        (RouteMatch(uri=prefix("/a")), RouteMatch(uri=prefix("/ab"))),
        (RouteMatch(uri=prefix("/")), RouteMatch(uri=regex("/a.*"))),
        (RouteMatch(uri=prefix("/A"), ignore_uri_case=True), RouteMatch(uri=exact("/ab"))),
        (RouteMatch(method=exact("GET")), RouteMatch(method=exact("GET"), uri=prefix("/x"))),
        (RouteMatch(headers=(("a", StringMatch(MatchKind.PRESENT)),)), RouteMatch(headers=(("a", exact("1")),))),
        (RouteMatch(source_labels={"app": "a"}), RouteMatch(source_labels={"app": "a", "version": "v1"})),
        (RouteMatch(), RouteMatch(gateways=("default/edge",))),
    ],
)
def test_a_narrower_match_behind_a_wider_one_is_dead(first, second):
    assert dead((first,), (second,)) == [(1, 0, 0, 0)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (RouteMatch(uri=exact("/a")), RouteMatch(uri=prefix("/a"))),
        (RouteMatch(uri=prefix("/a")), RouteMatch(uri=prefix("/a"), ignore_uri_case=True)),
        (RouteMatch(uri=regex("/a")), RouteMatch(uri=exact("/a"))),
        (RouteMatch(uri=prefix("/a"), headers=(("x", exact("1")),)), RouteMatch(uri=prefix("/a"))),
        (RouteMatch(without_headers=(("x", exact("1")),)), RouteMatch()),
        (RouteMatch(port=80), RouteMatch()),
        (RouteMatch(gateways=("mesh",)), RouteMatch()),
        (RouteMatch(source_namespace="a"), RouteMatch(source_namespace="b")),
    ],
)
def test_a_match_that_takes_something_else_is_alive(first, second):
    assert dead((first,), (second,)) == []


def test_a_delegate_does_not_shadow_what_follows():
    root = RouteRule(matches=(RouteMatch(uri=prefix("/a")),), delegate="default/b")
    rules = RuleSet("default/a", ("a",), routes=(root, RouteRule(matches=(RouteMatch(uri=exact("/a/b")),))))
    assert list(shadows(rules)) == []


def test_no_request_reaches_a_match_that_is_said_to_be_dead(request_of):
    rng = random.Random(7)
    present = StringMatch(MatchKind.PRESENT)
    paths = ["", "/", "/a", "/A", "/ab", "/a/b", "/b"]

    def some():
        kind = rng.choice((MatchKind.EXACT, MatchKind.PREFIX))
        return RouteMatch(
            uri=rng.choice((None, StringMatch(kind, rng.choice(paths)), regex(".*"))),
            ignore_uri_case=rng.random() < 0.3,
            method=rng.choice((None, exact("GET"), prefix("P"))),
            headers=tuple((name, rng.choice((exact("1"), present))) for name in "ab" if rng.random() < 0.3),
            without_headers=tuple(("c", exact("1")) for _ in range(rng.random() < 0.2)),
        )  # fmt: skip

    views = [
        request_of(method=method, path=path, headers=[(name, "1") for name in headers])
        for method in ("GET", "POST")
        for path in paths[1:]
        for headers in ("", "a", "b", "ab", "c", "abc")
    ]
    said = 0
    for _ in range(300):
        matches = [some() for _ in range(5)]
        tests = [[one.test for one in conditions(match)] for match in matches]
        for route, _, by, _ in dead(*((one,) for one in matches)):
            said += 1
            for view in views:
                assert not all(test(view) for test in tests[route]) or all(test(view) for test in tests[by])
    assert said > 100
