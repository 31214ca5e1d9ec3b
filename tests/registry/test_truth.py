"""A registry whose store has lost what it had, went back, or never had what somebody tells of."""

import pytest

from plait.actors.messages.codec import encode
from plait.actors.messages.instance import Connection
from plait.actors.messages.table import Delta, SnapshotRequest
from plait.actors.table.memory_store import MemoryKeyValue

from .conftest import SUBJECTS

pytestmark = pytest.mark.anyio


def lose(world, registry):
    """Give the registry an empty store in the place of the one it had."""
    world.store = MemoryKeyValue()
    registry._desk._store = registry._truth._store = registry._truth._epoch._store = world.store


async def test_whoever_lives_joins_again_when_the_store_is_lost(world, until):
    registry = await world.start()
    one = world.instance("r1", data=Connection("S", 1))
    for number in range(5):
        await world.join(one, "renew" if number else "join")
    await world.join(world.instance("r2", data=Connection("S", 1)))
    before = registry.catalog.epoch
    lose(world, registry)
    await until(lambda: registry.catalog.epoch > before, 5)
    assert registry.catalog.instances == {}
    for _ in range(2):
        answer = await world.beat(one, data=Connection("S", 1))
    assert answer.unknown == (("reviews", "r1"),)
    again = await world.join(world.instance("r1", incarnation=2, data=Connection("S", 1)))
    assert (again.error, again.revision) == ("", 2)
    assert await world.names() == ["r1"]


async def test_a_write_into_a_store_that_was_lost_is_told_in_the_epoch_that_begins(world, until):
    registry = await world.start()
    for name in ("r1", "r2", "r3"):
        await world.join(world.instance(name))
    lose(world, registry)
    assert not (await world.join(world.instance("r4"))).error
    await until(lambda: list(registry.catalog.instances) == ["reviews.r4"], 5)
    _, entries, epoch = await world.snapshot()
    assert (list(entries), epoch) == (["reviews.r4"], registry.catalog.epoch)


async def test_a_replica_that_knows_more_than_the_store_tells_that_it_went_back_but_not_again_and_again(world, until):
    registry = await world.start()
    await world.join(world.instance())
    before = registry.catalog.epoch
    for _ in range(5):
        ask = SnapshotRequest(0, 0, registry.catalog.revision + 10, registry.catalog.epoch)
        await world.asker.ask("registry", SUBJECTS.snapshot("reg", "n1"), encode(ask), 2.0)
        await until(lambda: registry.catalog.epoch > before)
    assert world.store.writes == 3, "the first epoch, the instance, and one more epoch"
    assert await world.names() == ["r1"]


@pytest.mark.parametrize("later", [0, 1])
async def test_changes_that_the_store_does_not_have_are_dropped(world, until, later):
    registry = await world.start()
    await world.join(world.instance())
    reads, entries = [], world.store.entries
    world.store.entries = lambda: (reads.append(1), entries())[1]
    stray = Delta(10**9, 10**9 + 1, (("reviews.x", b"\x90"),), registry.catalog.epoch + later)
    world.bus.publish(SUBJECTS.push("reg", "reviews"), encode(stray))
    await until(lambda: registry.catalog.gap)
    await until(lambda: registry._truth.strays == 1, 5)
    assert not registry.catalog.gap
    assert len(reads) == 1
    assert not (await world.join(world.instance("r2"))).error
    assert await world.names() == ["r1", "r2"]
