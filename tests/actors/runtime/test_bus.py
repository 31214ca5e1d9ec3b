"""What every bus promises: one suite for the lean one (on both event loops), nats-py and the one in memory."""

import asyncio
import contextvars
import random

import pytest
from plait.actors.messages.error import BusUnavailable, Disconnected, NoResponders, TooLarge
from plait.actors.runtime import lean, natspy
from plait.actors.runtime.bus import BusState
from plait.actors.runtime.memory import MemoryServer

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["lean-asyncio", "lean-uvloop", "natspy", "memory"])
def kind(request):
    return request.param


@pytest.fixture
def anyio_backend(kind):
    return ("asyncio", {"use_uvloop": kind == "lean-uvloop"})


class World:
    """A server of one kind, which can go away and come back, and its connections."""

    def __init__(self, kind, start_nats):
        self.kind = kind
        self.buses = []
        self.memory = MemoryServer() if kind == "memory" else None
        self.server = None if self.memory else start_nats()

    async def connect(self, name="test"):
        if self.memory:
            bus = self.memory.connect(name)
        else:
            module = natspy if self.kind == "natspy" else lean
            bus = await module.connect(self.server.url, name, rng=random.Random(1))
        self.buses.append(bus)
        return bus

    def go_away(self):
        if self.memory:
            for bus in self.buses:
                self.memory.disconnect(bus)
        else:
            self.server.kill()

    def come_back(self):
        if self.memory:
            for bus in self.buses:
                self.memory.reconnect(bus)
        else:
            self.server.start()


@pytest.fixture
async def world(kind, start_nats):
    world = World(kind, start_nats)
    yield world
    for bus in world.buses:
        await bus.close()


def ask(bus, subject, payload=b"", reply=b"rsp.a.1"):
    """A future of the answer, as an error where it is one."""
    answer = asyncio.get_running_loop().create_future()

    def done(result):
        answer.set_exception(result) if isinstance(result, Exception) else answer.set_result(result)

    bus.request(subject, payload, reply, done)
    return asyncio.wait_for(answer, 3)


def echo(bus, subject=b"echo"):
    return bus.subscribe(subject, lambda s, reply, payload, headers: bus.publish(reply, payload))


async def test_a_connection_says_who_it_is(world):
    one, two = await world.connect(), await world.connect()
    assert one.state is BusState.CONNECTED
    assert one.identity.server == two.identity.server != ""
    assert one.identity.client != two.identity.client
    assert one.token != two.token
    assert len(one.token) >= 22
    assert one.token.replace("-", "").replace("_", "").isalnum()
    assert one.max_payload == 1024 * 1024


async def test_messages_arrive_in_order_with_subject_reply_and_headers(world):
    one, two = await world.connect(), await world.connect()
    got = []
    two.subscribe(b"news.*.x", lambda *message: got.append(message))
    await two.flush()
    headers = b"NATS/1.0\r\nA: b\r\n\r\n"
    one.publish(b"news.a.x", b"1")
    one.publish(b"news.b.x", b"", reply=b"back")
    one.publish(b"news.c.y", b"not this")
    one.publish(b"news.c.x", b"3" * 100_000, headers=headers)
    one.publish(b"news.c.x", b"4\r\n", reply=b"back", headers=headers)
    await one.flush()
    await two.flush()
    assert got == [
        (b"news.a.x", b"", b"1", b""),
        (b"news.b.x", b"back", b"", b""),
        (b"news.c.x", b"", b"3" * 100_000, headers),
        (b"news.c.x", b"back", b"4\r\n", headers),
    ]


async def test_many_requests_get_each_its_own_answer(world):
    one, two = await world.connect(), await world.connect()
    echo(two)
    await two.flush()
    one.inbox(b"rsp.a.*")
    asked = [ask(one, b"echo", b"%d" % n, b"rsp.a.%d" % n) for n in range(300)]
    assert await asyncio.gather(*asked) == [b"%d" % n for n in range(300)]
    assert not one.waiting


async def test_a_request_that_nobody_hears_fails_at_once(world):
    one = await world.connect()
    one.inbox(b"rsp.a.*")
    with pytest.raises(NoResponders):
        await ask(one, b"nobody")


async def test_a_forgotten_request_is_never_answered(world):
    one, two = await world.connect(), await world.connect()
    echo(two)
    one.inbox(b"rsp.a.*")
    await two.flush()
    answers = []
    one.request(b"echo", b"", b"rsp.a.1", answers.append)
    one.forget(b"rsp.a.1")
    assert await ask(one, b"echo", b"2", b"rsp.a.2") == b"2"
    assert answers == []


async def test_one_member_of_a_queue_group_gets_each_message(world):
    one, two = await world.connect(), await world.connect()
    left, right, all_of_them = [], [], []
    two.subscribe(b"job", lambda *message: left.append(message), queue=b"workers")
    two.subscribe(b"job", lambda *message: right.append(message), queue=b"workers")
    two.subscribe(b">", lambda *message: all_of_them.append(message))
    await two.flush()
    for _ in range(100):
        one.publish(b"job", b"")
    await one.flush()
    await two.flush()
    assert len(left) + len(right) == len(all_of_them) == 100
    assert left
    assert right


async def test_nothing_arrives_after_unsubscribe(world):
    one = await world.connect()
    got = []
    subscription = one.subscribe(b"x", lambda *message: got.append(message))
    one.publish(b"x", b"")
    await one.flush()
    subscription.unsubscribe()
    subscription.unsubscribe()
    one.publish(b"x", b"")
    await one.flush()
    assert len(got) == 1


async def test_callbacks_run_in_an_empty_context(world):
    variable = contextvars.ContextVar("span", default="none")
    variable.set("start-up")
    one = await world.connect()
    seen = []

    def deliver(subject, reply, payload, headers):
        seen.append(variable.get())
        one.publish(reply, payload)

    one.subscribe(b"x", deliver)
    one.inbox(b"rsp.a.*")
    one.listen(lambda state: seen.append(variable.get()))
    one.request(b"x", b"", b"rsp.a.1", lambda answer: seen.append(variable.get()))
    await one.flush()
    await one.flush()
    one.request(b"x", b"", b"rsp.a.2", lambda answer: seen.append(variable.get()))
    await one.close()  # the state, then the request that still waits
    assert seen == ["none"] * 4


async def test_a_raising_callback_is_logged_and_harms_nobody(world, caplog):
    one = await world.connect()
    got = []

    def bad(*_):
        raise ZeroDivisionError

    one.subscribe(b"x", bad)
    one.subscribe(b"x", lambda *message: got.append(message))
    one.inbox(b"rsp.a.*")
    one.request(b"x", b"", b"rsp.a.1", bad)
    one.publish(b"rsp.a.1", b"answer")
    one.publish(b"x", b"")
    await one.flush()
    await one.flush()
    assert len(got) == 2
    assert caplog.text.count("raised") >= 2
    assert one.state is BusState.CONNECTED


async def test_what_is_too_large_is_refused_before_it_can_end_the_connection(world):
    one = await world.connect()
    answers = []
    with pytest.raises(TooLarge, match="1048577 bytes"):
        one.publish(b"x", b"x" * (1024 * 1024 + 1))
    with pytest.raises(TooLarge):
        one.publish(b"x", b"x" * (1024 * 1024 - 10), headers=b"NATS/1.0\r\nA: b\r\n\r\n")
    with pytest.raises(TooLarge):
        one.request(b"x" * 5000, b"", b"rsp.a.1", answers.append)
    with pytest.raises(TooLarge):
        one.publish(b"x" * 2500, b"", reply=b"y" * 2500)
    with pytest.raises(TooLarge):
        one.subscribe(b"x" * 5000, lambda *_: None)
    one.publish(b"x" * 4000, b"x" * 1024 * 1024)
    await one.flush()
    assert one.state is BusState.CONNECTED
    assert answers == []


async def test_the_largest_payload_arrives_whole(world, until):
    one = await world.connect()
    got = []
    one.subscribe(b"x", lambda subject, reply, payload, headers: got.append(payload))
    payload = random.Random(2).randbytes(1024 * 1024)
    one.publish(b"x", payload)
    await until(lambda: got)
    assert got == [payload]


async def test_losing_the_server_fails_who_waits_and_refuses_what_is_new(world, until):
    one = await world.connect()
    states = []
    one.listen(states.append)
    one.subscribe(b"x", lambda *_: None)
    one.inbox(b"rsp.a.*")
    answer = ask(one, b"x")
    await one.flush()
    world.go_away()
    with pytest.raises(Disconnected):
        await answer
    assert one.state is BusState.RECONNECTING
    for _ in range(3):
        with pytest.raises(BusUnavailable):
            one.publish(b"x", b"")
    with pytest.raises(BusUnavailable):
        one.request(b"x", b"", b"rsp.a.2", lambda _: None)
    with pytest.raises(BusUnavailable):
        await one.flush()
    assert not one.waiting
    assert states == [BusState.RECONNECTING]


async def test_subscriptions_and_inboxes_outlive_the_connection(world, until):
    one, two = await world.connect(), await world.connect()
    before = one.identity
    states = []
    one.listen(states.append)
    echo(two, b"old")
    gone = echo(two, b"gone")
    one.inbox(b"rsp.a.*")
    world.go_away()
    await until(lambda: {one.state, two.state} == {BusState.RECONNECTING})
    echo(two, b"new")
    gone.unsubscribe()
    world.come_back()
    await until(lambda: {one.state, two.state} == {BusState.CONNECTED})
    assert states == [BusState.RECONNECTING, BusState.CONNECTED]
    await two.flush()
    assert await ask(one, b"old", b"1") == b"1"
    assert await ask(one, b"new", b"2") == b"2"
    with pytest.raises(NoResponders):
        await ask(one, b"gone")
    assert one.identity != before
    await one.close()


async def test_drain_delivers_what_is_on_its_way_and_waits_for_answers(world, until):
    one, two = await world.connect(), await world.connect()
    got, answers = [], []
    one.subscribe(b"job", lambda *message: got.append(message))
    one.inbox(b"rsp.a.*")
    asked = []
    two.subscribe(b"slow", lambda s, reply, p, h: asked.append(reply))
    await one.flush()
    await two.flush()
    one.request(b"slow", b"", b"rsp.a.1", answers.append)
    for _ in range(10):
        two.publish(b"job", b"")
    await two.flush()
    draining = asyncio.ensure_future(one.drain())
    await until(lambda: len(got) == 10 and asked and one.state is BusState.DRAINING)
    for _ in range(5):  # gives a drain that does not wait the time to be wrong
        await two.flush()
    two.publish(b"job", b"too late")
    two.publish(asked[0], b"at last")
    await asyncio.wait_for(draining, 3)
    assert answers == [b"at last"]
    assert len(got) == 10
    assert one.state is BusState.CLOSED


async def test_drain_ends_after_its_time_and_fails_who_still_waits(world):
    one = await world.connect()
    one.subscribe(b"silent", lambda *_: None)
    one.inbox(b"rsp.a.*")
    answer = ask(one, b"silent")
    await asyncio.wait_for(one.drain(timeout=0.1), 2)
    with pytest.raises(Disconnected):
        await answer


async def test_a_closed_connection_stays_closed(world):
    one = await world.connect()
    await one.close()
    await one.close()
    await one.drain()
    assert one.state is BusState.CLOSED
    with pytest.raises(BusUnavailable, match="closed"):
        one.publish(b"x", b"")
    with pytest.raises(BusUnavailable):
        await one.flush()
