"""What a handler sees of a request, and what it may give back."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors import Reply, Request, Response
from plait.actors.messages.envelope import CallFrame, ReplyFrame
from plait.actors.service.response import respond


class Book(msgspec.Struct):
    title: str


def request(query="", headers=(), body=b"", baggage=None, attempt=1):
    return Request(
        CallFrame(1, 1, attempt, "POST", "shop", "/a", query, list(headers), body, None, "", "", baggage or {}), {}
    )


def test_the_plain_parts_are_what_was_sent():
    asked = request(body=b"\0")
    assert (asked.method, asked.path, asked.authority, asked.body) == ("POST", "/a", "shop", b"\0")


def test_headers_are_found_in_any_case_and_joined_where_there_are_several():
    headers = request(headers=[("x-a", "1"), ("x-b", "2"), ("x-a", "3")]).headers
    assert (headers["X-A"], headers["x-b"], headers.get("X-C"), headers.get("x-c", "-")) == ("1, 3", "2", None, "-")
    names = ["x-a", "x-b", "x-envoy-attempt-count"]
    assert ("X-B" in headers, "x-c" in headers, sorted(headers), len(headers)) == (True, False, names, 3)
    assert headers.fields == [("x-a", "1"), ("x-b", "2"), ("x-a", "3"), ("x-envoy-attempt-count", "1")]
    with pytest.raises(KeyError):
        headers["x-c"]


def test_the_number_of_the_attempt_stands_among_the_headers_whatever_the_caller_says():
    assert request(attempt=2, headers=[("x-envoy-attempt-count", "7")]).headers["x-envoy-attempt-count"] == "2"


def test_what_travels_as_baggage_is_visible_as_headers_and_wins():
    headers = request(headers=[("end-user", "forged"), ("x", "1")], baggage={"end-user": "jason"}).headers
    assert (headers["end-user"], headers["x"]) == ("jason", "1")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=1&a=2", {"a": "2"}),
        ("a=&b", {"a": "", "b": ""}),
        ("a=x%20y+z&%C3%BC=%2B", {"a": "x y z", "ü": "+"}),
        ("&&=&a", {"": "", "a": ""}),
    ],
)
def test_the_query_is_read_as_browsers_write_it(query, expected):
    assert request(query=query).query == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], {}),
        (["a=1; b=2"], {"a": "1", "b": "2"}),
        (["a=1", "b=2"], {"a": "1", "b": "2"}),
        (['a="quoted"; flag; b = 2 '], {"a": "quoted", "b": "2"}),
        (["day=Mon, 01 Jan; b=2"], {"day": "Mon, 01 Jan", "b": "2"}),
        (["a=b=c"], {"a": "b=c"}),
        ([";;; =", ""], {"": ""}),
    ],
)
def test_cookies_are_read_from_all_their_fields(fields, expected):
    assert request(headers=[("cookie", field) for field in fields]).cookies == expected


@given(st.text(), st.text(), st.binary())
def test_nothing_that_a_client_sends_breaks_the_reading(query, cookie, body):
    asked = request(query=query, headers=[("cookie", cookie)], body=body)
    assert isinstance(asked.query, dict)
    assert isinstance(asked.cookies, dict)
    assert isinstance(asked.form(), dict)


def test_a_form_and_json_are_read_from_the_body():
    assert request(body=b"user=jason&pass=a%26b").form() == {"user": "jason", "pass": "a&b"}
    assert request(body=b'{"a": [1]}').json() == {"a": [1]}
    with pytest.raises(msgspec.DecodeError):
        request(body=b"{").json()


class Text(str):
    """As libraries for HTML make them."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "body", "kind"),
    [
        ("hällo", "hällo".encode(), "text/plain; charset=utf-8"),
        (Text("<p>"), b"<p>", "text/plain; charset=utf-8"),
        (b"\0\1", b"\0\1", "application/octet-stream"),
        (Book("x"), b'{"title":"x"}', "application/json"),
        ({"a": 1}, b'{"a":1}', "application/json"),
        ([1, "2"], b'[1,"2"]', "application/json"),
        (7, b"7", "application/json"),
        (None, b"null", "application/json"),
    ],
)
def test_what_a_handler_returns_becomes_a_response_of_its_kind(value, body, kind):
    response = respond(value)
    assert (response.status, response.body, response.headers) == (200, body, [("content-type", kind)])


def test_nothing_at_all_has_no_type():
    assert Response().headers == []


def test_a_response_is_taken_as_it_is_with_its_names_in_lower_case():
    made = Response("<p>", 201, {"X-A": "1"}, content_type="text/html")
    assert respond(made) is made
    assert made.headers == [("content-type", "text/html"), ("x-a", "1")]
    assert Response(headers={"Retry-After": 5}).headers == [("retry-after", "5")]
    assert Response(headers=[("Set-Cookie", "a"), ("Set-Cookie", "b")]).headers == [
        ("set-cookie", "a"),
        ("set-cookie", "b"),
    ]


def test_a_redirect_names_its_place():
    made = Response.redirect("/login")
    assert (made.status, made.headers, made.body) == (302, [("location", "/login")], b"")


def test_a_reply_tells_what_came():
    reply = Reply(ReplyFrame(1, 204, [("x", "1")], b'{"a":1}'))
    assert (reply.status, reply.ok, reply.headers["X"], reply.body, reply.json()) == (
        204,
        True,
        "1",
        b'{"a":1}',
        {"a": 1},
    )
    assert [Reply(ReplyFrame(1, status, [], b"")).ok for status in (199, 200, 299, 300, 500)] == [
        False,
        True,
        True,
        False,
        False,
    ]
