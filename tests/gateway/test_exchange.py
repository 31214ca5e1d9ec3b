"""Answers: whole or piece by piece, for every kind of client, and never with a smuggled line."""

import pytest

from plait.gateway.chunk import ChunkedBody
from plait.gateway.error_body import Refusal, default_code, status_body
from plait.gateway.limit import Limits

GET = b"GET /a HTTP/1.1\r\nHost: t\r\n\r\n"
HEAD = GET.replace(b"GET", b"HEAD")
OLD = b"GET /a HTTP/1.0\r\n\r\n"


def test_an_answer_in_pieces_is_chunked(connect):
    client = connect()
    client.send(GET)
    exchange = client.exchanges[0]
    exchange.start(200, [("x", "y"), ("content-length", "99")])
    exchange.send(b"hello")
    exchange.send(b"")
    exchange.send(b"a" * 17)
    exchange.end()
    assert client.answers == [
        b"HTTP/1.1 200 OK\r\nx: y\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n11\r\n"
        + b"a" * 17
        + b"\r\n0\r\n\r\n"
    ]
    client.send(GET)
    assert len(client.exchanges) == 2


def test_an_old_client_gets_pieces_up_to_the_end_of_the_connection(connect):
    client = connect()
    client.send(OLD.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n"))
    exchange = client.exchanges[0]
    exchange.start(200, [])
    exchange.send(b"hello")
    assert not client.transport.closed
    exchange.end()
    assert client.answers == [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello"]
    assert client.transport.closed


def test_an_old_client_that_asks_for_it_keeps_its_connection(connect, echo):
    client = connect(echo)
    client.send(OLD.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n"))
    assert b"connection: keep-alive\r\n" in client.answers[0]
    assert not client.transport.closed


def test_head_tells_the_length_and_sends_no_body(connect):
    client = connect()
    client.send(HEAD * 3)
    client.exchanges[0].reply(200, [], b"hello")
    client.exchanges[1].reply(200, [("content-length", "77")], b"")
    client.exchanges[2].start(200, [])
    client.exchanges[2].send(b"hello")
    client.exchanges[2].end()
    assert [answer.partition(b"\r\n\r\n")[2] for answer in client.answers] == [b"", b"", b""]
    assert b"content-length: 5" in client.answers[0]
    assert b"content-length: 77" in client.answers[1]


@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_no_body(connect, status):
    client = connect()
    client.send(GET * 2)
    client.exchanges[0].reply(status, [], b"hello")
    client.exchanges[1].start(status, [])
    client.exchanges[1].send(b"hello")
    client.exchanges[1].end()
    assert client.statuses == [status, status]
    assert b"hello" not in client.transport.written
    assert b"content-length" not in client.transport.written
    assert b"transfer-encoding" not in client.transport.written


def test_the_connection_decides_its_own_fields(connect):
    client = connect()
    client.send(GET)
    own = [
        "Connection",
        "keep-alive",
        "Transfer-Encoding",
        "upgrade",
        "TE",
        "trailer",
        "proxy-authenticate",
        "x-listed",
    ]
    fields = [*((name, "x-listed") for name in own), ("server", "other"), ("date", "never"), ("content-length", "3")]
    client.exchanges[0].reply(200, [*fields, ("Set-Cookie", "a"), ("set-cookie", "b")], b"hello")
    assert client.answers == [
        b"HTTP/1.1 200 OK\r\nset-cookie: a\r\nset-cookie: b\r\ncontent-length: 5\r\n\r\nhello",
    ]


@pytest.mark.parametrize(
    ("status", "name", "value"),
    [
        (200, "x", "a\r\nSet-Cookie: b"),
        (200, "x", "a\nb"),
        (200, "x", "a\rb"),
        (200, "x", "a\0b"),
        (200, "x", "\u20ac"),
        (200, "x: y", "a"),
        (200, "x\r\ny", "a"),
        (200, "", "a"),
        (200, "content-length\n", "5"),
        (100, "x", "y"),
        (99, "x", "y"),
        (600, "x", "y"),
    ],
)
def test_an_answer_that_cannot_be_sent_becomes_a_500(connect, status, name, value):
    client = connect()
    client.send(GET * 2)
    client.exchanges[0].reply(status, [(name, value)], b"secret")
    client.exchanges[1].start(status, [(name, value)])
    client.exchanges[1].send(b"secret")
    client.exchanges[1].end()
    assert client.statuses == [500, 500]
    assert b"secret" not in client.transport.written
    assert b"Set-Cookie" not in client.transport.written


def test_unknown_statuses_within_the_range_are_sent(connect):
    client = connect()
    client.send(GET)
    client.exchanges[0].reply(299, [], b"")
    assert client.statuses == [299]


def test_an_exchange_takes_one_answer(connect):
    client = connect()
    client.send(GET * 2)
    first, second = client.exchanges[0], None
    with pytest.raises(RuntimeError):
        first.send(b"x")
    first.reply(200, [], b"")
    for again in (lambda: first.reply(200, [], b""), lambda: first.start(200, []), lambda: first.send(b""), first.end):
        with pytest.raises(RuntimeError):
            again()
    second = client.exchanges[1]
    second.start(200, [])
    with pytest.raises(RuntimeError):
        second.reply(200, [], b"")
    second.end()
    assert client.statuses == [200, 200]


def test_a_stream_learns_when_the_client_falls_behind_and_catches_up(connect):
    client = connect()
    client.send(GET)
    exchange = client.exchanges[0]
    drained = []
    exchange.on_drained = lambda: drained.append(True)
    exchange.start(200, [])
    assert exchange.writable
    client.http.pause_writing()
    assert not exchange.writable
    client.http.resume_writing()
    assert exchange.writable
    assert drained == [True]


def test_a_failing_stream_is_cut_off(connect, caplog):
    def app(request, exchange):
        exchange.start(200, [])
        raise ZeroDivisionError

    client = connect(app)
    client.send(GET)
    assert client.transport.aborted


def test_errors_have_one_shape():
    assert status_body(404, "no", "x") == b'{"error":{"code":"not_found","message":"no","cause":"x"}}'
    assert default_code(418).value == "invalid_argument"
    assert default_code(599).value == "internal"


LIMITS = Limits(body_bytes=100, header_bytes=200)


@pytest.mark.parametrize(
    ("data", "body", "rest"),
    [
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello", b""),
        (b"0\r\n\r\nGET", b"", b"GET"),
        (b'1\r\na\r\n02;x\r\nbc\r\n0;y="z"\r\nA: b\r\nC:\r\n\r\n\r\n', b"abc", b"\r\n"),
    ],
)
def test_chunks_are_joined_whatever_their_pieces(data, body, rest):
    for step in range(1, len(data) + 1):
        chunked, left = ChunkedBody(LIMITS), b""
        for at in range(0, len(data), step):
            piece = data[at : at + step]
            left += piece if chunked.complete else chunked.feed(piece)
        assert (bytes(chunked.body), left, chunked.complete) == (body, rest, True)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"0x5\r\n", 400), (b"+5\r\n", 400), (b"-5\r\n", 400), (b"0_5\r\n", 400), (b" 5\r\n", 400), (b"5 \r\n", 400),
        (b"\r\n", 400), (b"g\r\n", 400), (b"5\nhello", 400), (b"5\rh", 400), (b"5;a\nb\r\n", 400), (b"5;a\0\r\n", 400),
        (b"0" * 17 + b"\r\n", 400), (b"0" * 500, 400), (b"5;" + b"a" * 256 + b"\r\n", 400), (b"5;" + b"a" * 300, 400),
        (b"5\r\nhelloX", 400), (b"5\r\nhello\n", 400), (b"5\r\nhello\rX", 400), (b"5\r\nhelloo\r\n", 400),
        (b"65\r\n", 413), (b"64\r\n" + b"a" * 100 + b"\r\n1\r\n", 413), (b"f" * 16 + b"\r\n", 413),
        (b"0\r\nX\r\n", 400), (b"0\r\nX Y: z\r\n", 400), (b"0\r\n x: z\r\n", 400), (b"0\r\nX: a\nb\r\n", 400),
        (b"0\r\n" + b"X: y\r\n" * 40, 431), (b"0\r\nX: " + b"y" * 300, 431),
        (b"1;" + b"a" * 200 + b"\r\na\r\n" + (b"1;" + b"a" * 250 + b"\r\na\r\n") * 66, 400),
    ],
)  # fmt: skip
def test_broken_chunks_are_refused(data, status):
    for step in (1, 3, len(data)):
        with pytest.raises(Refusal) as refused:
            feed(ChunkedBody(LIMITS), data, step)
        assert refused.value.status == status


def feed(chunked: ChunkedBody, data: bytes, step: int) -> None:
    for at in range(0, len(data), step):
        chunked.feed(data[at : at + step])
