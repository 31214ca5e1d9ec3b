"""One connection of the lean bus against a scripted server: handshake, complaints, joined writes, the stall barrier."""

import asyncio
import contextlib
import json
import random

import pytest

from plait.actors.bus.address import address
from plait.actors.bus.bus import BusState
from plait.actors.bus.lean import LeanBus, connect
from plait.actors.bus.lean_dial import Dialer
from plait.actors.bus.lean_wire import Wire
from plait.actors.bus.login import NOBODY
from plait.actors.messages.error import BusUnavailable, Disconnected, Overloaded

pytestmark = pytest.mark.anyio

INFO = b'INFO {"server_id":"S","client_id":7,"max_payload":1000,"unknown":[1]}\r\n'


class Transport:
    """Keeps what is written."""

    def __init__(self, wire):
        self.wire = wire
        self.written = []
        self.closing = False

    def write(self, data):
        self.written.append(data)

    def is_closing(self):
        return self.closing

    def close(self):
        if not self.closing:
            asyncio.get_running_loop().call_soon(self.wire.connection_lost, None)
        self.closing = True

    abort = close


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
async def line():
    """A bus with a wire whose server is the test: (bus, wire, transport, clock), already welcome."""
    clock = Clock()
    to = address("nats://ann:pw@127.0.0.1:1")
    bus = LeanBus([to], Dialer("me", NOBODY, 1.0, 1.0, clock), random.Random(1), clock, queue_limit=100)
    wire = Wire(bus, to, "me", 1.0, clock)
    transport = Transport(wire)
    wire.connection_made(transport)
    wire.data_received(INFO + b"PONG\r\n")
    yield bus, wire, transport, clock
    await bus.close()


async def test_connect_is_said_once_with_all_that_is_needed_and_a_later_info_brings_new_limits(line):
    bus, wire, transport, _ = line
    wire.data_received(b'INFO {"max_payload":50}\r\n')
    said = b"".join(transport.written)
    assert said.count(b"CONNECT ") == said.count(b"PING\r\n") == 1
    options = json.loads(said.split(b"\r\n")[0].removeprefix(b"CONNECT "))
    assert options == options | {
        "verbose": False,
        "pedantic": False,
        "no_responders": True,
        "headers": True,
        "protocol": 1,
        "name": "me",
        "user": "ann",
        "pass": "pw",
    }
    assert {"lang", "version"} <= set(options)
    assert (bus.identity.server, bus.identity.client) == ("S", 7)
    assert bus.max_payload == 50


async def test_a_ping_is_answered(line):
    _, wire, transport, _ = line
    wire.data_received(b"PING\r\n")
    assert transport.written[-1] == b"PONG\r\n"


async def test_writes_of_a_turn_leave_as_one_and_in_order(line):
    bus, _, transport, _ = line
    before = len(transport.written)
    bus.publish(b"a", b"1")
    bus.publish(b"b", b"22", reply=b"r")
    bus.publish(b"c", b"333", headers=b"H")
    assert len(transport.written) == before
    await asyncio.sleep(0)
    assert transport.written[before:] == [
        b"PUB a 1\r\n1\r\nPUB b r 2\r\n22\r\nHPUB c 1 4\r\nH333\r\n",
    ]


async def test_what_callbacks_write_leaves_when_the_chunk_is_read(line):
    bus, wire, transport, _ = line
    bus.subscribe(b"x", lambda subject, reply, payload, headers: bus.publish(reply, payload))
    await asyncio.sleep(0)
    before = len(transport.written)
    wire.data_received(b"MSG x 1 r.1 1\r\na\r\nMSG x 1 r.2 1\r\nb\r\n")
    assert transport.written[before:] == [b"PUB r.1 1\r\na\r\nPUB r.2 1\r\nb\r\n"]
    await asyncio.sleep(0)
    assert len(transport.written) == before + 1


async def test_a_paused_transport_gets_nothing_until_it_resumes(line):
    bus, wire, transport, _ = line
    wire.pause_writing()
    before = len(transport.written)
    sent = 0
    with contextlib.suppress(Overloaded):
        while sent < 100:
            bus.publish(b"a", b"%d" % sent)
            sent += 1
    assert 1 < sent < 20
    with pytest.raises(Overloaded):
        bus.request(b"a", b"", b"r.1", lambda _: None)
    assert not bus.waiting
    wire.data_received(b"PING\r\n")
    assert len(transport.written) == before
    wire.resume_writing()
    assert transport.written[before:] == [b"".join(b"PUB a 1\r\n%d\r\n" % n for n in range(sent)) + b"PONG\r\n"]
    bus.publish(b"a", b"again")


async def test_the_stall_barrier_stands_from_the_gap_to_its_own_pong_even_within_a_chunk(line):
    bus, wire, transport, clock = line
    seen = []
    bus.subscribe(b"x", lambda subject, reply, payload, headers: seen.append((payload, bus.stalled)))
    pings = b"".join(transport.written).count(b"PING")
    wire.send_ping(lambda came: None)  # one of before the gap
    clock.now += 0.05
    wire.data_received(b"MSG x 1 1\r\na\r\n")
    clock.now += 0.15
    wire.data_received(b"MSG x 1 1\r\nb\r\nPONG\r\nMSG x 1 1\r\nc\r\n")
    wire.data_received(b"MSG x 1 1\r\nd\r\nPONG\r\nMSG x 1 1\r\ne\r\n")
    assert seen == [(b"a", False), (b"b", True), (b"c", True), (b"d", True), (b"e", False)]
    assert b"".join(transport.written).count(b"PING") == pings + 2


async def test_a_second_gap_before_the_pong_keeps_the_barrier_up(line):
    bus, wire, _, clock = line
    for _ in range(2):
        clock.now += 0.2
        wire.data_received(b"+OK\r\n")
    wire.data_received(b"PONG\r\n")
    assert bus.stalled
    wire.data_received(b"PONG\r\n")
    assert not bus.stalled


async def test_a_line_that_leaves_a_ping_unanswered_raises_the_barrier_though_the_loop_ran(line):
    bus, wire, _, clock = line
    seen = []
    bus.subscribe(b"x", lambda subject, reply, payload, headers: seen.append((payload, bus.stalled)))

    def runs(seconds):
        end = clock.now + seconds
        while clock.now < end:
            clock.now += 0.05
            wire._tick()

    runs(1.0)  # the PING of every second has gone out
    wire.data_received(b"MSG x 1 1\r\na\r\nPONG\r\n")
    runs(1.0)
    runs(0.2)
    wire.data_received(b"MSG x 1 1\r\nb\r\n")
    runs(0.15)
    wire.data_received(b"MSG x 1 1\r\nc\r\nPONG\r\nMSG x 1 1\r\nd\r\nPONG\r\nMSG x 1 1\r\ne\r\n")
    assert seen == [(b"a", False), (b"b", False), (b"c", True), (b"d", True), (b"e", False)]


async def test_a_long_line_is_no_silent_one(line):
    bus, wire, _, clock = line
    stalled, due, seen = [], [], len(wire._pongs)
    for tick in range(2000):  # 100 s, each PONG 0.4 s after its PING
        clock.now += 0.05
        wire._tick()
        stalled.append(bus.stalled)
        due += [tick + 8] * (len(wire._pongs) - seen)
        while due and due[0] <= tick:
            due.pop(0)
            wire.data_received(b"PONG\r\n")
        seen = len(wire._pongs)
    assert sum(stalled[:120]) > 0
    assert sum(stalled[120:]) == 0


async def test_losing_the_connection_lifts_the_barrier_and_ends_a_flush(line):
    bus, wire, _, clock = line
    answers = []
    bus.request(b"x", b"", b"r.1", answers.append)
    flushing = asyncio.ensure_future(bus.flush())
    await asyncio.sleep(0)
    clock.now += 0.2
    wire.data_received(b"+OK\r\n")
    assert bus.stalled
    wire.connection_lost(None)
    assert not bus.stalled
    assert isinstance(answers[0], Disconnected)
    with pytest.raises(BusUnavailable, match="lost"):
        await asyncio.wait_for(flushing, 1)


@pytest.mark.parametrize("said", [b"-ERR 'Slow Consumer'\r\n", b"nonsense\r\n", b"MSG x 1 -1\r\n", b"INFO [1]\r\n"])
async def test_a_fatal_complaint_and_nonsense_end_the_connection(line, said):
    _, wire, transport, _ = line
    wire.data_received(said)
    assert transport.closing


async def test_a_flush_without_a_pong_ends_in_time_and_its_late_pong_is_not_taken_for_another(line):
    bus, wire, _, _ = line
    with pytest.raises(BusUnavailable, match="no PONG"):
        await bus.flush(timeout=0.01)
    second = asyncio.ensure_future(bus.flush())
    await asyncio.sleep(0)
    wire.data_received(b"PONG\r\n")
    await asyncio.sleep(0)
    assert not second.done()
    wire.data_received(b"PONG\r\n")
    await asyncio.wait_for(second, 1)


@pytest.mark.parametrize(
    ("greeting", "why"),
    [
        (b'INFO {"tls_required":true}\r\n', "no TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no verb of NATS"),
        (b"", "closed the connection"),
    ],
)
async def test_who_is_no_server_for_us_is_refused_with_the_reason(greeting, why):
    async def greet(reader, writer):
        writer.write(greeting)
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        with pytest.raises(BusUnavailable, match=why):
            await connect(f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}", "me")


async def test_reconnecting_does_not_outlive_close(nats_server, start_nats, until):
    server = start_nats()
    bus = await connect(server.url, "me")
    server.kill()
    await until(lambda: bus.state is BusState.RECONNECTING)
    await bus.close()
    server.start()
    others = [task for task in asyncio.all_tasks() if "reconnect" in repr(task.get_coro())]
    assert others == []
    assert bus.state is BusState.CLOSED
