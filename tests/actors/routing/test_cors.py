"""CORS: whose preflights are answered, what answers carry, and who gets nothing."""

import pytest

from plait.actors.messages.rule import Cors, MatchKind, StringMatch
from plait.actors.routing.cors import CrossOrigin

EXACT, PREFIX, REGEX, _ = MatchKind
POLICY = Cors(
    (StringMatch(EXACT, "cors.com"), StringMatch(REGEX, r"https://.*\.shop")),
    ("POST", "GET"),
    ("X-Foo-Bar", "X-Foo-Baz"),
    ("X-Seen",),
    86400.0,
    True,
)
ASKS = ("access-control-request-method", "DELETE")


def preflight(request_of, policy, origin="cors.com", **more):
    given = {"method": "OPTIONS", "headers": [("origin", origin), ASKS]} | more
    return CrossOrigin(policy).preflight(request_of(**given))


def test_a_preflight_is_told_all_that_is_allowed(request_of):
    assert preflight(request_of, POLICY) == [
        ("access-control-allow-origin", "cors.com"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "POST,GET"),
        ("access-control-allow-headers", "X-Foo-Bar,X-Foo-Baz"),
        ("access-control-max-age", "86400"),
    ]


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "GET"},
        {"headers": [("origin", "cors.com")]},
        {"headers": [ASKS]},
        {"headers": [("origin", ""), ASKS]},
        {"headers": [("origin", "cors.com"), ("access-control-request-method", "")]},
        {"origin": "evil.com"},
        {"origin": "https://a.shop.evil"},
    ],
)
def test_what_is_no_preflight_of_an_allowed_origin_reaches_the_service(request_of, request_):
    assert preflight(request_of, POLICY, **request_) is None


def test_other_origins_preflights_are_answered_without_permission_where_they_are_not_forwarded(request_of):
    policy = Cors((StringMatch(EXACT, "cors.com"),), forward_unmatched=False)
    assert preflight(request_of, policy, "evil.com") == []
    assert preflight(request_of, policy) == [("access-control-allow-origin", "cors.com")]
    assert preflight(request_of, policy, method="GET") is None


@pytest.mark.parametrize(
    ("policy", "more"),
    [
        (Cors(max_age=0.0), [("access-control-max-age", "0")]),
        (Cors(max_age=90.5), [("access-control-max-age", "90")]),
        (Cors(max_age=None), []),
        (Cors(credentials=False), []),
        (Cors(credentials=None), []),
        (Cors(credentials=True), [("access-control-allow-credentials", "true")]),
    ],
)
def test_zero_is_told_from_unset(request_of, policy, more):
    policy = Cors((StringMatch(EXACT, "*"),), max_age=policy.max_age, credentials=policy.credentials)
    assert preflight(request_of, policy, "o") == [("access-control-allow-origin", "o"), *more]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("origin", "cors.com")], True),
        ([("origin", "https://a.shop")], True),
        ([("origin", "evil.com")], False),
        ([("origin", "CORS.com")], False),
        ([], False),
    ],
)
def test_answers_carry_the_origin_where_it_is_allowed(request_of, headers, expected):
    told = [
        ("access-control-allow-origin", headers[0][1] if headers else ""),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "X-Seen"),
    ]
    assert CrossOrigin(POLICY).fields(request_of(headers=headers)) == (told if expected else [])


def test_without_origins_nobody_is_allowed_and_a_star_allows_everybody(request_of):
    view = request_of(headers=[("origin", "anybody")])
    assert CrossOrigin(Cors()).fields(view) == []
    assert CrossOrigin(Cors((StringMatch(EXACT, "*"),))).fields(view) == [("access-control-allow-origin", "anybody")]
