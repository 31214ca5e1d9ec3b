"""Every client has its time and no more; the clock is turned by hand."""

from plait.gateway.limit import Limits

GET = b"GET /a HTTP/1.1\r\nHost: t\r\n\r\n"


def test_a_slow_header_runs_out_of_time(connect, echo):
    client = connect(echo)
    client.wait(30)
    for byte in GET[:-1]:
        client.send(bytes([byte]))
        client.wait(0.2)
    for _ in range(9):
        client.wait(0.5)
        assert client.statuses == []
    client.wait(1.5)
    assert client.statuses == [408]
    assert client.transport.ended


def test_a_stalled_loop_costs_punctual_clients_nothing(connect, echo):
    client = connect(echo)
    client.send(GET[:10])
    client.clock.now += 3600
    client.roster.sweep()
    assert not client.transport.gone
    client.send(GET[10:])
    assert client.statuses == [200]


def test_a_body_must_make_progress(connect):
    slow, fast = connect(), connect()
    head = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n"
    slow.send(head)
    fast.send(head)
    for _ in range(20):
        fast.send(b"a" * 1024)
        slow.send(b"a" * 100)
        fast.wait(0.5)
    assert slow.statuses == [408]
    assert not fast.transport.gone


def test_a_resting_connection_is_closed_after_a_while_and_an_open_exchange_is_not(connect, echo):
    resting, waiting = connect(echo), connect()
    resting.send(GET)
    waiting.send(GET)
    resting.wait(59)
    assert not resting.transport.closed
    resting.wait(3)
    assert resting.transport.closed
    waiting.wait(600)
    waiting.exchanges[0].reply(204, [], b"")
    assert waiting.statuses == [204]


def test_one_connection_too_many_is_told_so(connect, echo):
    limits = Limits(connections=1)
    first, second = connect(echo, limits), connect(echo, limits)
    assert second.statuses == [503]
    second.lose()
    first.lose()
    third = connect(echo, limits)
    third.send(GET)
    assert third.statuses == [200]


def test_draining_closes_resting_connections_and_lets_answers_end(connect, echo):
    resting, open_, reading = connect(echo), connect(), connect(echo)
    open_.send(GET)
    reading.send(GET[:9])
    resting.roster.drain()
    assert resting.transport.closed
    assert not open_.transport.gone
    open_.exchanges[0].reply(200, [], b"")
    assert b"connection: close" in open_.answers[0]
    assert open_.transport.closed
    reading.send(GET[9:])
    assert b"connection: close" in reading.answers[0]
