"""The registry on a real server: deaths are seen by the server's own events, restarts lose nothing."""

import asyncio
import random
import time

import pytest

from plait.actors.bus import lean
from plait.actors.bus.ask import Asker
from plait.actors.bus.bus import BusState
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.codec import Codec, encode
from plait.actors.messages.instance import Instance, Join, Joined
from plait.actors.messages.subject import Subjects
from plait.actors.runtime.spec import ChildSpec
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings
from plait.actors.table.follower import Follower
from plait.actors.table.jetstream import open_bucket
from plait.registry.registry import Registry

pytestmark = pytest.mark.anyio
SUBJECTS = Subjects()
ACCOUNTS = """
accounts {
  SYS { users: [{ user: sys, password: "s", permissions: {
    publish: { deny: ">" }, subscribe: { allow: ["$SYS.ACCOUNT.*.CONNECT", "$SYS.ACCOUNT.*.DISCONNECT"] } } }] }
  MESH { jetstream: enabled, users: [{ user: mesh, password: "m" }] } }
system_account: SYS
no_auth_user: mesh
"""


@pytest.fixture
async def world(start_nats):
    class World:
        pass

    world = World()
    world.server = start_nats(ACCOUNTS)
    loop = asyncio.get_running_loop()
    world.surroundings = Surroundings(loop, Deadlines(loop), random.Random(1))
    world.supervisor = Supervisor("mesh", world.surroundings)
    world.control = await lean.connect(world.server.url, "registry")
    world.system = await lean.connect(world.server.url_for("sys:s"), "registry-system")
    world.node = await lean.connect(world.server.url, "n1")
    world.asker = Asker(world.node, SUBJECTS, "n1", world.surroundings.deadlines)
    world.kv = await open_bucket(
        Asker(world.control, SUBJECTS, "registry", world.surroundings.deadlines), "plait-default-registry"
    )

    async def start():
        def make():
            return Registry("registry", SUBJECTS, world.control, world.kv, world.system, wall_clock=time.time)

        return await world.supervisor.start_child(ChildSpec("registry", make, concurrency=8))

    async def join(name, data, incarnation=1):
        instance = Instance(name, "reviews", "v1", {}, "", "n1", incarnation, data)
        payload = encode(Join(instance))
        answer = await world.asker.ask("registry", SUBJECTS.registration("join", "reviews", name), payload, 2.0)
        return Codec[Joined](Joined).decode(answer)

    world.start, world.join = start, join
    world.follower = Follower(world.asker, "reg", "registry", lambda *_: None, random.Random(2))
    yield world
    await world.follower.stop()
    await world.supervisor.stop()
    for bus in (world.node, world.system, world.control):
        await bus.close()
    world.surroundings.deadlines.close()


async def test_a_lost_connection_takes_its_instances_out_within_milliseconds(world, until):
    await world.start()
    world.follower.start()
    await world.follower.ready(2)
    victims = [await lean.connect(world.server.url, f"victim-{n}") for n in range(5)]
    for n, victim in enumerate(victims):
        assert (await world.join(f"r{n}", victim.identity)).error == ""
    await until(lambda: len(world.follower.replica.entries) == 5)
    waits = []
    loop = asyncio.get_running_loop()
    for n, victim in enumerate(victims):
        start = loop.time()
        await victim.close()
        await until(lambda left=4 - n: len(world.follower.replica.entries) == left)
        waits.append(loop.time() - start)
    assert sorted(waits)[2] < 0.25, waits  # measured 5 ms; a busy machine takes longer
    assert world.follower.gaps == 0


async def test_a_restarted_server_and_registry_still_know_who_was_there(world, until):
    await world.start()
    data = world.node.identity
    for n in range(20):
        await world.join(f"r{n}", data)
    world.follower.start()
    await world.follower.ready(2)
    before = dict(world.follower.replica.entries)
    buses = (world.node, world.control, world.system)
    known = {bus: bus.identity for bus in buses}
    world.server.restart()
    assert world.follower.replica.entries == before
    await until(lambda: all(bus.identity != known[bus] and bus.state is BusState.CONNECTED for bus in buses), 10)
    await world.supervisor.stop_child("registry")
    await world.start()
    await until(lambda: not world.follower.stale)
    assert world.follower.replica.entries == before
    assert (await world.join("r0", world.node.identity, incarnation=2)).revision == 22
