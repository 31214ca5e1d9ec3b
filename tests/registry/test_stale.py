"""A node that has lost its control connection alone is stale: called as before, and seen to learn nothing new."""

import msgspec
import pytest

from plait.actors.messages.codec import encode
from plait.actors.messages.instance import Connection, Heartbeat

from .conftest import SUBJECTS

pytestmark = pytest.mark.anyio

DATA, CONTROL, AGAIN = Connection("S", 1), Connection("S", 2), Connection("S", 3)


async def public(world, name="r1"):
    found = (await world.resolve("reviews"))["instances"]
    return next((one["health"], one["stale"]) for one in found if one["id"] == name)


async def test_a_lost_control_connection_makes_a_node_stale_until_it_is_back(world, until):
    registry = await world.start()
    one = world.instance("r1", data=DATA, control=CONTROL)
    await world.join(one)
    await world.join(world.instance("r2", node="n2", data=Connection("S", 7), control=Connection("S", 8)))
    assert await public(world) == ("healthy", False)
    world.disconnect(CONTROL)
    await until(lambda: registry.catalog.instances["reviews.r1"].control == Connection())
    assert await public(world) == ("healthy", True)
    assert await public(world, "r2") == ("healthy", False)
    await world.join(msgspec.structs.replace(one, control=AGAIN, incarnation=2))
    assert await public(world) == ("healthy", False)
    assert len(world.pushed) == 4


async def test_a_lost_data_connection_takes_a_stale_node_out(world, until):
    registry = await world.start()
    await world.join(world.instance("r1", data=DATA, control=CONTROL))
    world.disconnect(CONTROL)
    world.disconnect(DATA)
    await until(lambda: not registry.catalog.instances)


async def test_a_node_that_joins_when_its_control_connection_is_gone_already_is_stale_soon(world, until):
    registry = await world.start()
    world.disconnect(CONTROL)
    await world.system.flush()
    await world.join(world.instance("r1", data=DATA, control=CONTROL))
    await until(lambda: registry.catalog.instances["reviews.r1"].control == Connection())


async def test_a_heartbeat_by_the_data_connection_says_the_same_where_the_bus_tells_nothing(world, until):
    registry = await world.start()
    one = world.instance("r1", data=DATA, control=CONTROL)
    await world.join(one)
    beat = Heartbeat("n1", 1, DATA, Connection(), (("reviews", "r1", 1),))
    for _ in range(3):
        world.bus.publish(SUBJECTS.heartbeat("n1"), encode(beat))
    await until(lambda: registry.catalog.instances["reviews.r1"].control == Connection())
    assert await public(world) == ("healthy", True)
    assert len(world.pushed) == 2, "it is written once"
