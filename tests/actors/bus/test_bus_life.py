"""What every bus promises about its end and its return: loss, reconnect, drain and close."""

import asyncio

import pytest

from plait.actors.bus.bus import BusState
from plait.actors.messages.error import BusUnavailable, Disconnected, NoResponders

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["lean-asyncio", "lean-uvloop", "natspy", "memory"])
def kind(request):
    return request.param


@pytest.fixture
def anyio_backend(kind):
    return ("asyncio", {"use_uvloop": kind == "lean-uvloop"})


async def test_losing_the_server_fails_who_waits_and_refuses_what_is_new(world, until):
    one = await world.connect()
    states = []
    one.listen(states.append)
    one.subscribe(b"x", lambda *_: None)
    one.inbox(b"rsp.a.*")
    answer = world.ask(one, b"x")
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
    world.echo(two, b"old")
    gone = world.echo(two, b"gone")
    one.inbox(b"rsp.a.*")
    world.go_away()
    await until(lambda: {one.state, two.state} == {BusState.RECONNECTING})
    world.echo(two, b"new")
    gone.unsubscribe()
    world.come_back()
    await until(lambda: {one.state, two.state} == {BusState.CONNECTED})
    assert states == [BusState.RECONNECTING, BusState.CONNECTED]
    await two.flush()
    assert await world.ask(one, b"old", b"1") == b"1"
    assert await world.ask(one, b"new", b"2") == b"2"
    with pytest.raises(NoResponders):
        await world.ask(one, b"gone")
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
    answer = world.ask(one, b"silent")
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
