"""A policy store that comes back empty takes nothing from anybody: engines write it again, nodes keep theirs."""

import pytest

from plait.actors.policy.change import Asked
from plait.actors.table.memory_store import MemoryKeyValue
from tests.policy_world import service

pytestmark = pytest.mark.anyio


def lose(world, *engines):
    world.store = MemoryKeyValue()
    for engine in engines:
        engine._store = engine._standing.history._archive._store = world.store


async def status(world):
    return await world.ask("status")


async def test_an_engine_that_lives_writes_its_policy_again_and_nodes_go_on(world, until):
    one, two = await world.start("one"), await world.start("two")
    node = await world.node()
    await world.apply(service("a"))
    await world.apply(service("b"))
    await until(lambda: node.revision == one.active == two.active == 2)
    lose(world, one, two)
    for engine in (one, two):
        engine._news()
    await until(lambda: node.revision == one.active == two.active == 3)
    assert await world.names() == ["a", "b"]
    assert list(world.store._entries) == ["r.3"], "one engine wrote it, the other found it"
    three = await world.start("three")
    assert three.active == 3
    assert (await world.apply(service("c")))["revision"] == 4
    await until(lambda: node.revision == 4)
    assert await world.names() == ["a", "b", "c"]


async def test_a_new_engine_with_an_empty_store_takes_nothing_from_the_nodes_and_says_so(world, until):
    one = await world.start("one")
    node = await world.node()
    for name in ("a", "b", "c"):
        await world.apply(service(name))
    await until(lambda: node.revision == 3)
    rules = dict(node._entries)
    await world.supervisor.stop_child("one")
    lose(world, one)
    two = await world.start("two")
    node._say(3, "active")
    await until(lambda: two._turn.forgotten() != "", 5)
    assert "nodes go on deciding by revision 3" in (await status(world))["problem"]
    assert (node.revision, node._entries, two.active) == (3, rules, 0)
    told = await world.apply(service("d"))
    assert told["revision"] == 4
    assert [one["code"] for one in told["warnings"]] == ["policy_lost"]
    await until(lambda: node.revision == 4)
    assert await world.names() == ["d"]
    assert "problem" not in await status(world)
    assert (await world.apply(service("e")))["warnings"] == []


async def test_an_engine_that_began_in_the_empty_store_follows_one_that_wrote_the_old_policy_again(world, until):
    one = await world.start("one")
    for name in ("a", "b", "c"):
        await world.apply(service(name))
    world.store = MemoryKeyValue()
    two = await world.start("two")
    record = two._standing.history.next("apply", {}, "", "somebody", 0.0)
    await two._standing.history._archive.write(record)
    await two._standing.catch_up()
    assert two.active == 1
    one._store = one._standing.history._archive._store = world.store
    one._news()
    await until(lambda: one.active == two.active == 4)
    assert await world.names() == ["a", "b", "c"]


async def test_what_another_engine_has_just_written_is_not_taken_for_lost(world, until):
    one, two = await world.start("one"), await world.start("two")
    node = await world.node()
    await world.apply(service("a"))
    await until(lambda: node.revision == one.active == two.active == 1)
    one._rollout.nodes["n1"] = one._rollout.nodes["n1"]._replace(revision=2)
    record = two._standing.history.next("apply", {}, two._standing.history.digest, "somebody", 0.0)
    await two._standing.history._archive.write(record)
    assert (await world.apply(service("b")))["revision"] == 3
    assert await world.names() == ["a", "b"]


async def told(engine, name):
    return await engine._answer(Asked("apply", service(name).encode(), b""))


def held(engine):
    return [key.rpartition("/")[2] for key in sorted(engine._standing.history.held)]


@pytest.mark.parametrize("since", [1, 2, 3])
async def test_a_store_that_has_begun_anew_and_come_as_far_does_not_divide_the_engines(world, until, since):
    one = await world.start("one")
    await told(one, "a")
    one._subscriptions[-2].unsubscribe()  # it does not hear what others write
    world.store = MemoryKeyValue()
    two = await world.start("two")
    for n in range(since):
        await told(two, f"c{n}")
    one._store = one._standing.history._archive._store = world.store
    assert (await told(one, "b"))["revision"] == since + 2
    await until(lambda: one.active == two.active == since + 2)
    three = await world.start("three")
    assert held(one) == held(two) == held(three) == ["a", "b"]


async def test_an_engine_that_is_behind_does_not_undo_what_nodes_have(world, until):
    one, two = await world.start("one"), await world.start("two")
    node = await world.node()
    await told(one, "a")
    await until(lambda: one.active == two.active == 1)
    two._news = lambda: None
    await told(one, "b")
    await until(lambda: node.revision == 2)
    lose(world, one, two)
    await two._turn.catch_up()
    assert (two.active, list(world.store._entries)) == (1, [])
    assert "nodes go on deciding by revision 2" in two._turn.forgotten()
    await one._turn.catch_up()
    await two._turn.catch_up()
    assert one.active == two.active == 3
    assert held(one) == held(two) == ["a", "b"]
