"""Conditions hold or fail as Istio's do."""

import pytest

from plait.actors.messages.rule import MatchKind, RouteMatch, StringMatch
from plait.actors.routing.matcher import conditions, without_port
from plait.actors.routing.regex import BadPattern, full_match


def holds(match, view):
    return all(one.test(view) for one in conditions(match))


def is_(text):
    return StringMatch(MatchKind.EXACT, text)


def starts(text):
    return StringMatch(MatchKind.PREFIX, text)


def like(text):
    return StringMatch(MatchKind.REGEX, text)


PRESENT = StringMatch(MatchKind.PRESENT)


@pytest.mark.parametrize(
    ("match", "path", "held"),
    [
        (RouteMatch(uri=is_("/a")), "/a", True),
        (RouteMatch(uri=is_("/a")), "/A", False),
        (RouteMatch(uri=is_("/a")), "/a/", False),
        (RouteMatch(uri=is_("/a"), ignore_uri_case=True), "/A", True),
        (RouteMatch(uri=starts("/foo")), "/foobar", True),
        (RouteMatch(uri=starts("/foo")), "/fo", False),
        (RouteMatch(uri=starts("/Foo"), ignore_uri_case=True), "/fOObar", True),
        (RouteMatch(uri=starts("")), "/", True),
        (RouteMatch(uri=like("/a.*")), "/abc", True),
        (RouteMatch(uri=like("/a")), "/abc", False),
        (RouteMatch(uri=like("a")), "/a", False),
        (RouteMatch(uri=like("/(a|ab)")), "/ab", True),
        (RouteMatch(uri=like("/é+")), "/éé", True),
        (RouteMatch(uri=like("")), "/", False),
    ],
)
def test_paths(match, path, held, request_of):
    assert holds(match, request_of(path=path)) is held


@pytest.mark.parametrize(
    ("match", "headers", "held"),
    [
        (is_("jason"), [("end-user", "jason")], True),
        (is_("jason"), [("end-user", "Jason")], False),
        (is_("jason"), [], False),
        (is_(""), [("end-user", "")], True),
        (is_(""), [], False),
        (is_("a,b"), [("end-user", "a"), ("x", "y"), ("end-user", "b")], True),
        (starts("ja"), [("end-user", "jason")], True),
        (like("j.*n"), [("end-user", "jason")], True),
        (PRESENT, [("end-user", "")], True),
        (PRESENT, [], False),
    ],
)
def test_headers(match, headers, held, request_of):
    assert holds(RouteMatch(headers=(("end-user", match),)), request_of(headers=headers)) is held


@pytest.mark.parametrize(
    ("match", "headers", "held"),
    [
        (is_("jason"), [("end-user", "jason")], False),
        (is_("jason"), [("end-user", "not-jason")], True),
        (is_("jason"), [], True),
        (PRESENT, [("end-user", "jason")], False),
        (PRESENT, [("end-user", "")], False),
        (PRESENT, [], True),
        (like(".*"), [("end-user", "jason")], False),
        (like(".*"), [("end-user", "")], False),
        (like(".*"), [], False),
    ],
)
def test_without_headers_a_missing_one_is_the_empty_text_except_for_presence(match, headers, held, request_of):
    assert holds(RouteMatch(without_headers=(("end-user", match),)), request_of(headers=headers)) is held


def test_baggage_is_seen_as_headers_where_no_header_has_the_name(request_of):
    match = RouteMatch(headers=(("end-user", is_("jason")),))
    assert holds(match, request_of(baggage={"end-user": "jason"}))
    assert not holds(match, request_of(baggage={"end-user": "jason"}, headers=[("end-user", "jane")]))


@pytest.mark.parametrize(
    ("name", "value"), [(":method", "GET"), (":path", "/"), (":scheme", "http"), ("host", "bookinfo.example.com")]
)
def test_pseudo_headers_are_the_requests_own_parts(name, value, request_of):
    assert holds(RouteMatch(headers=((name, is_(value)),)), request_of())
    assert not holds(RouteMatch(headers=((name, is_("other")),)), request_of())


@pytest.mark.parametrize(
    ("match", "query", "held"),
    [
        (is_("1"), "q=1", True),
        (is_("1"), "q=2&q=1", False),
        (is_("1"), "a=0&q=1&b=2", True),
        (is_("1"), "xq=1", False),
        (is_(""), "q", True),
        (is_(""), "q=", True),
        (is_(""), "", False),
        (starts("v"), "q=v2", True),
        (like("[0-9]+"), "q=12", True),
        (like("[0-9]+"), "q=1x", False),
        (PRESENT, "q", True),
        (PRESENT, "qq=1", False),
    ],
)
def test_query_parameters(match, query, held, request_of):
    assert holds(RouteMatch(query=(("q", match),)), request_of(query=query)) is held


@pytest.mark.parametrize(
    ("match", "given", "held"),
    [
        (RouteMatch(method=is_("GET")), {}, True),
        (RouteMatch(method=is_("GET")), {"method": "POST"}, False),
        (RouteMatch(scheme=is_("https")), {"scheme": "https"}, True),
        (RouteMatch(scheme=is_("https")), {}, False),
        (RouteMatch(authority=is_("a.b")), {"authority": "a.b:8080"}, True),
        (RouteMatch(authority=is_("a.b:8080")), {"authority": "a.b:8080"}, True),
        (RouteMatch(authority=is_("a.b")), {"authority": "a.bc"}, False),
        (RouteMatch(port=80), {"port": 80}, True),
        (RouteMatch(port=80), {"port": 81}, False),
        (RouteMatch(port=80), {}, False),
        (RouteMatch(source_namespace="shop"), {"source_namespace": "shop"}, True),
        (RouteMatch(source_namespace="shop"), {}, False),
        (RouteMatch(source_labels={"app": "web"}), {"source_labels": {"app": "web", "version": "v1"}}, True),
        (RouteMatch(source_labels={"app": "web"}), {"source_labels": {"app": "x"}}, False),
        (RouteMatch(), {}, True),
    ],
)
def test_the_other_conditions(match, given, held, request_of):
    assert holds(match, request_of(**given)) is held


def test_all_conditions_of_a_match_hold_together(request_of):
    match = RouteMatch(uri=is_("/"), method=is_("GET"), headers=(("x", PRESENT),))
    assert holds(match, request_of(headers=[("x", "1")]))
    assert not holds(match, request_of(headers=[("x", "1")], method="POST"))


def test_a_failure_says_what_was_wanted_and_what_was_there(request_of):
    first, second = conditions(RouteMatch(method=is_("POST"), headers=(("end-user", is_("jason")),)))
    assert first.failure(request_of()) == "method wants exact 'POST', but it is 'GET'"
    assert second.failure(request_of()) == "header end-user wants exact 'jason', but it is absent"


@pytest.mark.parametrize("pattern", ["(?=a)", r"(a)\1", "a{2000}", "(", "[", "a" * 1025, "\ud800"])
def test_what_is_no_re2_is_refused(pattern):
    with pytest.raises(BadPattern):
        full_match(pattern)


def test_texts_that_are_no_utf8_do_not_match_and_do_not_raise():
    assert not full_match("a+")("\udcff")


def test_a_hostile_text_is_matched_in_linear_time():
    assert not full_match("(a+)+b")("a" * 50_000)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("a:80", "a"),
        ("a", "a"),
        ("a:", "a:"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
        ("::1", "::1"),
        ("a:b", "a:b"),
        ("", ""),
    ],
)
def test_a_port_is_cut_off_a_host(text, host):
    assert without_port(text) == host
