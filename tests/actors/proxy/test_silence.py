"""Instances that second attempts overtake again and again: who answers at all is slow and stays, who does not goes."""

import asyncio

import pytest

from plait.actors.messages.error import DeadlineExceeded
from tests.actors.proxy.test_race import NEVER, World
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(network):
    world = World(network)
    await world.learn()
    return world


async def overtake(world, name, times):
    """Have this instance be overtaken so often."""
    for _ in range(times):
        for other in world.far:
            world.endpoint(other).active = 0 if other == name else 50
        body, _ = await world.timed()
        assert body != name
    await asyncio.sleep(0.02)


def out(world):
    return {one.id for one in world.cluster.members if world.cluster.ejected(one)}


async def test_one_that_never_answers_is_ejected_though_nobody_had_to_wait_for_it(world):
    world.hang("a")
    await overtake(world, "a", 8)
    assert out(world) == set()
    await asyncio.sleep(1.0)
    assert out(world) == {"a"}
    assert len(world.far["a"].cancelled) == 8
    assert world.near.wire.waiting == {}
    assert world.endpoint("a").silence.listening == 0


async def test_one_that_is_slow_but_answers_stays(world):
    world.hang("a", after=0.4)
    for _ in range(4):
        await overtake(world, "a", 8)
        await asyncio.sleep(1.0)
    assert out(world) == set()
    assert world.endpoint("a").tally.failures == 0
    assert world.endpoint("a").tally.good > 60 + 5  # 120 answers of both while it was well


async def test_the_first_losers_and_all_beyond_a_row_are_told_to_stop_at_once(world):
    world.hang("a")
    await overtake(world, "a", 3)
    assert len(world.far["a"].cancelled) == 3
    await overtake(world, "a", 5)
    assert len(world.far["a"].cancelled) == 3
    await overtake(world, "a", 2)
    assert len(world.far["a"].cancelled) == 5
    assert world.endpoint("a").silence.listening == 5


async def test_a_good_answer_begins_the_count_anew(world):
    world.hang("a")
    await overtake(world, "a", 3)
    world.hang("a", after=0.01)
    assert (await world.timed())[0] == "a"
    world.hang("a")
    await overtake(world, "a", 3)
    assert len(world.far["a"].cancelled) == 6


async def test_a_call_is_listened_to_no_longer_than_its_own_time_lasts(world):
    world.hang("a")
    await overtake(world, "a", 3)
    for other in world.far:
        world.endpoint(other).active = 0 if other == "a" else 50
    begin = asyncio.get_running_loop().time()
    assert (await world.timed(limit=begin + 0.3))[0] != "a"
    await asyncio.sleep(0.2)
    assert world.endpoint("a").silence.listening == 1
    await asyncio.sleep(0.06)
    assert world.endpoint("a").silence.listening == 0
    assert world.endpoint("a").tally.failures == 1


async def test_who_is_cancelled_at_the_deadline_it_inherited_has_waited_in_vain(world):
    world.hang("a")
    endpoint, before = world.endpoint("a"), world.endpoint("a").tally.failures
    for wait, failures in ((0.3, 1), (0.1, 0)):  # at its end; and long before
        world.endpoint("a").tally.failures = before
        for other in world.far:
            world.endpoint(other).active = 0 if other == "a" else 50
        now = asyncio.get_running_loop().time()
        call = world.near.call("echo", method="POST")
        call.expires = now + 0.3
        task = asyncio.ensure_future(world.near.proxy.send(call))
        await asyncio.sleep(wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert endpoint.tally.failures - before == failures


async def test_where_the_time_of_the_callers_ends_again_and_again_the_hung_one_is_ejected(world):
    world.hang("a", NEVER)
    for _ in range(5):
        for other in world.far:
            world.endpoint(other).active = 0 if other == "a" else 50
        call = world.near.call("echo", method="POST")
        call.expires = asyncio.get_running_loop().time() + 0.2
        with pytest.raises((TimeoutError, DeadlineExceeded)):
            await asyncio.wait_for(world.near.proxy.send(call), 0.2)
    assert out(world) == {"a"}
