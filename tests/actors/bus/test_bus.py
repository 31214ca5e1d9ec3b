"""What every bus promises about messages: one suite for the lean one (on both loops), nats-py and the one in memory."""

import asyncio
import contextvars
import random

import pytest

from plait.actors.bus.bus import BusState
from plait.actors.messages.error import NoResponders, TooLarge

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["lean-asyncio", "lean-uvloop", "natspy", "memory"])
def kind(request):
    return request.param


@pytest.fixture
def anyio_backend(kind):
    return ("asyncio", {"use_uvloop": kind == "lean-uvloop"})


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
    world.echo(two)
    await two.flush()
    one.inbox(b"rsp.a.*")
    asked = [world.ask(one, b"echo", b"%d" % n, b"rsp.a.%d" % n) for n in range(300)]
    assert await asyncio.gather(*asked) == [b"%d" % n for n in range(300)]
    assert not one.waiting


async def test_a_request_that_nobody_hears_fails_at_once(world):
    one = await world.connect()
    one.inbox(b"rsp.a.*")
    with pytest.raises(NoResponders):
        await world.ask(one, b"nobody")


async def test_a_second_answer_to_a_request_is_dropped(world):
    one, two = await world.connect(), await world.connect()

    def twice(subject, reply, payload, headers):
        two.publish(reply, b"first")
        two.publish(reply, b"second")

    two.subscribe(b"twice", twice)
    await two.flush()
    one.inbox(b"rsp.a.*")
    answers = []
    one.request(b"twice", b"", b"rsp.a.1", answers.append)
    await one.flush()
    await two.flush()
    await one.flush()
    assert answers == [b"first"]


async def test_a_forgotten_request_is_never_answered(world):
    one, two = await world.connect(), await world.connect()
    world.echo(two)
    one.inbox(b"rsp.a.*")
    await two.flush()
    answers = []
    one.request(b"echo", b"", b"rsp.a.1", answers.append)
    one.forget(b"rsp.a.1")
    assert await world.ask(one, b"echo", b"2", b"rsp.a.2") == b"2"
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
