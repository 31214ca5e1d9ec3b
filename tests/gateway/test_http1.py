"""A connection takes requests in order, one at a time, whatever pieces its bytes come in."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.gateway.limit import Limits

GET = b"GET /a HTTP/1.1\r\nHost: t\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /c HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;x=y\r\nabc\r\n00A\r\n0123456789\r\n0\r\nX-Trailer: z\r\n\r\n"
)


def test_an_answer_has_the_form_that_the_edge_promises(connect, echo):
    client = connect(echo)
    client.send(GET)
    assert client.transport.written == (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nserver: plait\r\ndate: Sun, 09 Sep 2001 01:46:40 GMT\r\n"
        b"content-length: 8\r\n\r\nGET t/a 0"
    ).replace(b": 8", b": 9")
    assert not client.transport.gone


def test_the_application_sees_the_request_in_normal_form(connect):
    client = connect()
    client.send(b"PUT /a/../b%2f?q=%zz HTTP/1.1\r\nHOST: T:1\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nhi")
    request = client.requests[0]
    assert (request.method, request.scheme, request.authority) == ("PUT", "http", "t:1")
    assert (request.path, request.query, request.body) == ("/b%2F", "q=%zz", b"hi")
    assert request.headers == [("x-a", "1"), ("content-length", "2")]
    assert (request.peer, request.local_port) == ("192.0.2.7", 8080)


@pytest.mark.parametrize(
    "data",
    [
        GET + POST + CHUNKED + b"\r\n" + GET,
        b"\r\n" + POST + POST + GET + b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n" + GET,
        CHUNKED + b"GET / HTTP/1.1\r\nHost: t\r\nX : y\r\n\r\n" + GET,
        b"\r\n\r\n" + GET,
        CHUNKED[:-20] + b"\nX\r\n\r\n" + GET,
        POST + b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    ],
)
def test_the_pieces_in_which_bytes_come_make_no_difference(connect, echo, data):
    whole = connect(echo)
    whole.send(data)
    for step in range(1, 9):
        pieces = connect(echo)
        pieces.send(data, step)
        assert pieces.transport.written == whole.transport.written
        assert pieces.transport.gone == whole.transport.gone
    for cut in range(1, len(data)):
        halves = connect(echo)
        halves.send(data[:cut])
        halves.send(data[cut:])
        assert halves.transport.written == whole.transport.written


def test_pipelined_requests_are_answered_in_order_and_one_at_a_time(connect):
    client = connect()
    client.send(GET + POST + GET.replace(b"/a", b"/z"))
    for number, path in enumerate(["/a", "/p", "/z"], 1):
        assert [request.path for request in client.requests][-1] == path
        assert len(client.requests) == number
        client.exchanges[-1].reply(200, [], path.encode())
    assert [answer[-2:] for answer in client.answers] == [b"/a", b"/p", b"/z"]


def test_a_flood_of_pipelined_requests_is_held_within_bounds(connect):
    client = connect(limits=Limits(held_bytes=100))
    client.send(GET)
    client.send(GET * 3)
    assert not client.transport.paused
    client.send(GET)
    assert client.transport.paused
    client.exchanges[0].reply(200, [], b"")
    assert not client.transport.paused
    while len(client.statuses) < 5:
        client.exchanges[-1].reply(200, [], b"")
    assert len(client.requests) == 5


def test_a_thousand_pipelined_requests_do_not_nest(connect, echo):
    client = connect(echo, Limits(requests=0))
    client.send(GET * 5000)
    assert client.statuses == [200] * 5000


def test_a_slow_reader_gets_no_new_answers_until_it_caught_up(connect, echo):
    client = connect(echo)
    client.http.pause_writing()
    client.send(GET + GET)
    assert client.requests == []
    client.http.resume_writing()
    assert client.statuses == [200, 200]


def test_a_slow_reader_is_dropped_in_the_end(connect):
    client = connect()
    client.send(GET)
    client.exchanges[0].start(200, [])
    client.http.pause_writing()
    client.wait(59)
    assert not client.transport.aborted
    client.wait(3)
    assert client.transport.aborted
    assert client.exchanges[0].closed


def test_a_client_that_expects_a_word_before_the_body_gets_it(connect, echo):
    client = connect(echo)
    head = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    client.send(head)
    assert client.transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"hello")
    assert client.statuses == [100, 200]
    client.send(head + b"hello")
    assert client.statuses == [100, 200, 200]
    too_much = connect(echo)
    too_much.send(head.replace(b": 5", b": 9999999"))
    assert too_much.statuses == [413]


@pytest.mark.parametrize(
    "data",
    [
        b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 101\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n" + b"a" * 50 + b"\r\n33\r\n",
    ],
)
def test_a_body_too_large_is_refused_before_it_is_there(connect, echo, data):
    client = connect(echo, Limits(body_bytes=100))
    client.send(data)
    assert client.statuses == [413]
    assert client.requests == []


def test_the_last_request_of_a_connection_says_so(connect, echo):
    client = connect(echo, Limits(requests=2))
    client.send(GET * 3)
    assert client.statuses == [200, 200]
    assert b"connection: close\r\n" not in client.answers[0]
    assert b"connection: close\r\n" in client.answers[1]
    assert client.transport.ended


def test_a_refusal_is_json_and_the_last_word(connect, echo):
    client = connect(echo)
    client.send(GET + b"GET / HTTP/1.1\r\nHost: t\r\nX : y\r\n\r\n" + GET)
    assert client.statuses == [200, 400]
    head, _, body = client.answers[1].partition(b"\r\n\r\n")
    assert b"connection: close" in head
    error = json.loads(body)["error"]
    assert (error["code"], error["cause"]) == ("invalid_argument", "bad_header")
    client.send(GET * 3)
    assert client.statuses == [200, 400]
    client.wait(3)
    assert client.transport.aborted


def test_upgrades_are_refused(connect, echo):
    client = connect(echo)
    client.send(b"GET / HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert client.statuses == [501]


@pytest.mark.parametrize("leave", ["eof", "lost", "both"])
def test_a_client_that_leaves_is_reported_once(connect, leave):
    client = connect()
    client.send(GET)
    left = []
    client.exchanges[0].on_disconnect = lambda: left.append(True)
    if leave != "lost":
        assert not client.http.eof_received()
    if leave != "eof":
        client.lose()
    assert left == [True]
    assert client.exchanges[0].closed
    client.exchanges[0].reply(200, [], b"too late")
    assert client.transport.written == b""


def test_a_client_that_leaves_after_its_answer_is_not_reported(connect):
    client = connect()
    client.send(GET)
    left = []
    client.exchanges[0].on_disconnect = lambda: left.append(True)
    client.exchanges[0].reply(200, [], b"")
    client.http.eof_received()
    client.lose()
    assert left == []


def test_an_application_that_fails_is_answered_for(connect, caplog):
    def broken(request, exchange):
        raise ZeroDivisionError

    client = connect(broken)
    client.send(GET + GET)
    assert client.statuses == [500, 500]
    assert "the application failed" in caplog.text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    pieces=st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from(
                [GET, POST, CHUNKED, GET[:12], CHUNKED[70:], b"\r\n", b"\r\n\r\n", b"0\r\n", b"Host: t\r\n"]
            ),
        ),
        max_size=8,
    ),
    step=st.integers(0, 7),
)
def test_no_bytes_crash_a_connection(connect, echo, pieces, step):
    data = b"".join(pieces)
    client = connect(echo)
    client.send(data, step)
    whole = connect(echo)
    whole.send(data)
    client.lose()
    whole.lose()
    # Which fault is noticed first may depend on the pieces; what is served and what is refused does not.
    assert client.requests == whole.requests
    assert [min(status, 400) for status in client.statuses] == [min(status, 400) for status in whole.statuses]
    assert all(status in {100, 200, 400, 413, 414, 417, 421, 431, 501, 505} for status in client.statuses)
