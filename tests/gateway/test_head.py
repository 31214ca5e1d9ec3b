"""Heads: what is read from a good one, and which ones are refused although httptools would take them."""

import pytest

from plait.gateway.error_body import Refusal
from plait.gateway.head import HeadReader, check_beginning
from plait.gateway.limit import Limits

LIMITS = Limits()


def read(*lines: bytes, first: bytes = b"GET /a?b=c HTTP/1.1", host: bytes = b"Host: t") -> HeadReader:
    reader = HeadReader(LIMITS)
    given = [line for line in (first, host, *lines) if line]
    reader.read(b"\r\n".join(given) + b"\r\n\r\n")
    return reader


def status(*lines: bytes, **other: bytes) -> int:
    with pytest.raises(Refusal) as refused:
        read(*lines, **other)
    return refused.value.status


def test_a_plain_head_is_read():
    head = read(b"X-One: 1", b"Accept:  a, b \t", b"x-one: 2", b"a_b: c", b"Empty:")
    assert (head.method, head.authority, head.path, head.query) == ("GET", "t", "/a", "b=c")
    assert head.headers == [("x-one", "1"), ("accept", "a, b"), ("x-one", "2"), ("a_b", "c"), ("empty", "")]
    assert head.keep_alive
    assert head.modern
    assert (head.length, head.chunked, head.continues, head.upgrade) == (0, False, False, None)


def test_values_beyond_ascii_are_read_as_latin_1():
    assert read(b"X: \xe9\xff").headers == [("x", "\xe9\xff")]


def test_nothing_of_a_head_stays_for_the_next_one():
    reader = HeadReader(LIMITS)
    reader.read(b"POST / HTTP/1.0\r\nContent-Length: 5\r\nConnection: x\r\nX: 1\r\nExpect: 100-continue\r\n\r\n")
    reader.renew()
    reader.read(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
    assert (reader.length, reader.headers, reader.continues, reader.keep_alive) == (0, [], False, True)


def test_fields_between_neighbours_do_not_travel():
    head = read(
        b"Connection: keep-alive, X-Secret",
        b"Keep-Alive: 5",
        b"Proxy-Connection: keep-alive",
        b"Proxy-Authorization: x",
        b"TE: trailers",
        b"Trailer: x",
        b"X-Secret: 1",
        b"X-Open: 2",
    )
    assert head.headers == [("x-open", "2")]


@pytest.mark.parametrize(
    ("first", "connection", "keep"),
    [
        (b"GET / HTTP/1.1", b"", True),
        (b"GET / HTTP/1.1", b"Connection: close", False),
        (b"GET / HTTP/1.1", b"Connection: x, CLOSE", False),
        (b"GET / HTTP/1.0", b"", False),
        (b"GET / HTTP/1.0", b"Connection: Keep-Alive", True),
        (b"GET / HTTP/1.0", b"Connection: x, keep-alive", True),
        (b"GET / HTTP/1.0", b"Connection: keep-alive, close", False),
    ],
)
def test_the_connection_is_kept_as_the_version_and_the_client_say(first, connection, keep):
    assert read(connection, first=first).keep_alive is keep


@pytest.mark.parametrize(
    ("host", "authority"),
    [
        (b"t", "t"),
        (b"Example.COM:80", "example.com:80"),
        (b"a_b-c.d", "a_b-c.d"),
        (b"127.0.0.1:8080", "127.0.0.1:8080"),
        (b"[::1]", "[::1]"),
        (b"[FE80::1]:443", "[fe80::1]:443"),
        (b"t \t", "t"),
    ],
)
def test_a_host_has_one_spelling(host, authority):
    assert read(host=b"Host: " + host).authority == authority


@pytest.mark.parametrize(
    "host",
    [
        b"", b"a b", b"u@h", b"h/x", b"a,b", b"h:99999", b"h:65536", b"h:", b"h:+1", b"h:8x", b":80", b"[::1", b"[x]",
        b"::1", b"[::1]x", b"[::1]:", b"[fe80::1%25eth0]", b"h%20", b"h?x", b"h#x", b"h\\x", b"\xe9", b'h"', b"a" * 254,
    ],
)  # fmt: skip
def test_any_other_host_is_refused(host):
    assert status(host=b"Host: " + host) == 400


def test_an_absolute_target_names_the_authority():
    head = read(first=b"GET http://Other:81?x=1 HTTP/1.1")
    assert (head.authority, head.path, head.query) == ("other:81", "/", "x=1")
    assert read(first=b"GET HTTP://o/a/../b HTTP/1.1").path == "/b"
    assert status(first=b"GET http://u@o/ HTTP/1.1") == 400
    assert status(first=b"GET http:///x HTTP/1.1") == 400
    assert status(first=b"GET https://o/ HTTP/1.1") == 421
    assert status(first=b"GET ftp://o/ HTTP/1.1") == 400
    assert status(first=b"GET http://o/ HTTP/1.1", host=b"") == 400


def test_only_options_may_ask_for_the_whole_server():
    assert read(first=b"OPTIONS * HTTP/1.1").path == "*"
    assert status(first=b"GET * HTTP/1.1") == 400


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "PROPFIND", "M-SEARCH", "BREW", "get", "A" * 32, "x_1"])
def test_any_method_that_fits_a_subject_is_taken(method):
    assert read(first=f"{method} / HTTP/1.1".encode()).method == method


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (b"CONNECT t:80 HTTP/1.1", 501),
        (b"TRACE / HTTP/1.1", 501),
        (b"trace / HTTP/1.1", 501),
        (b"A.B / HTTP/1.1", 501),
        (b"A*B / HTTP/1.1", 501),
        (b"A" * 33 + b" / HTTP/1.1", 501),
        (b"G(T / HTTP/1.1", 400),
        (b"G\x01T / HTTP/1.1", 400),
        (b" / HTTP/1.1", 400),
        (b"GET /", 505),
        (b"GET", 400),
        (b"GET / HTTP/1.2", 505),
        (b"GET / HTTP/2.0", 505),
        (b"PRI * HTTP/2.0", 505),
        (b"GET / HTTP/01.1", 400),
        (b"GET / HTTP/1.1x", 400),
        (b"GET / HTTP/1.1 ", 400),
        (b"GET / http/1.1", 400),
        (b"GET  / HTTP/1.1", 400),
        (b"GET\t/ HTTP/1.1", 400),
        (b"GET /a b HTTP/1.1", 400),
        (b"GET x HTTP/1.1", 400),
        (b"GET /" + b"a" * 8192 + b" HTTP/1.1", 414),
    ],
)
def test_a_bad_request_line_is_refused(first, expected):
    assert status(first=first) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b"Content-Length: 6", b"Transfer-Encoding: chunked"], 400),
        ([b"Transfer-Encoding: chunked", b"Content-Length: 0"], 400),
        ([b"Content-Length: 5", b"Content-Length: 6"], 400),
        ([b"Content-Length: 5", b"Content-Length: 5"], 400),
        ([b"Content-Length: 0", b"Content-Length: 0"], 400),
        ([b"Content-Length: 5, 5"], 400),
        ([b"Content-Length: +5"], 400),
        ([b"Content-Length: -1"], 400),
        ([b"Content-Length: 0x5"], 400),
        ([b"Content-Length: 1_0"], 400),
        ([b"Content-Length: 1 0"], 400),
        ([b"Content-Length:"], 400),
        ([b"Content-Length: \xd9\xa5"], 400),
        ([b"Content-Length: " + b"1" * 20], 400),
        ([b"Content-Length: 524289"], 413),
        ([b"Transfer-Encoding: gzip"], 501),
        ([b"Transfer-Encoding: chunked, gzip"], 400),
        ([b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"], 400),
        ([b"Transfer-Encoding : chunked"], 400),
        ([b"Transfer-Encoding:\x0bchunked"], 400),
        ([b"Host: b"], 400),
        ([b"Expect: tea"], 417),
        ([b" folded: x"], 400),
        ([b"X Y: a"], 400),
        ([b"X : a"], 400),
        ([b"no-colon"], 400),
        ([b": a"], 400),
        ([b"X(a): b"], 400),
        ([b"X\xc3\xa9: b"], 400),
        ([b"X: a\rb"], 400),
        ([b"X: a\nb"], 400),
        ([b"x%d: y" % number for number in range(100)], 431),
    ],
)
def test_bad_fields_are_refused(lines, expected):
    assert status(*lines, first=b"POST / HTTP/1.1") == expected


@pytest.mark.parametrize("byte", [*range(9), *range(10, 32), 127])
def test_a_control_character_in_a_value_is_refused(byte):
    assert status(b"X: a" + bytes([byte]) + b"b") == 400


def test_a_hundred_fields_are_taken():
    assert len(read(*(b"x%d: y" % number for number in range(99))).headers) == 99


def test_transfer_coding_needs_http_1_1():
    assert status(b"Transfer-Encoding: chunked", first=b"POST / HTTP/1.0", host=b"") == 400


def test_http_1_0_may_go_without_a_host_but_http_1_1_may_not():
    assert read(first=b"GET / HTTP/1.0", host=b"").authority == ""
    assert status(host=b"") == 400


def test_an_upgrade_is_seen_only_where_the_connection_asks_for_it():
    assert read(b"Connection: Upgrade", b"Upgrade: websocket").upgrade == "websocket"
    assert read(b"Upgrade: websocket").upgrade is None
    plain = read(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: x")
    assert (plain.upgrade, plain.headers) == (None, [])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x16\x03\x01", 400),
        (b" ", 400),
        (b"GET / HTTP/1.1\n", 400),
        (b"GET / HTTP/1.1\rX", 400),
        (b"A" * 40, 501),
        (b"GET /" + b"a" * 9000, 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 33000, 431),
    ],
)
def test_a_hopeless_beginning_is_refused_before_its_end(data, expected):
    with pytest.raises(Refusal) as refused:
        check_beginning(data, LIMITS)
    assert refused.value.status == expected


def test_every_beginning_of_a_good_head_is_let_through():
    head = b"\r\nGET /a HTTP/1.1\r\nHost: t\r\nX: \xe9\t1\r\n\r\n"
    for end in range(1, len(head)):
        check_beginning(head[:end], LIMITS)
