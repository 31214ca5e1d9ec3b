"""Whole nodes on a ground that is no network: the very classes of real nodes, in virtual time, the same every run."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plait.mesh.options import Listen, NodeOptions
from plait.mesh.real_ground import RealGround
from tests.ground import EPOCH, Greeter, Namer, World, call, heard, play
from tests.integration.documents import entrance
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
async def world():
    world = World()
    yield world
    await world.stop()


async def mesh(world):
    control, shop = world.control(), world.node(name="shop", runs=[Greeter, Namer])
    await control.start()
    await shop.start()
    await heard(control, "greeter")
    return control, shop


async def test_a_call_from_one_node_reaches_the_service_of_another(world):
    control, _ = await mesh(world)
    reply = await call(control, "greeter", "/hello")
    assert (reply.status, reply.body) == (200, b'{"hello":"world"}')


async def test_a_request_comes_in_by_the_grounds_listener(world):
    control, _ = await mesh(world)
    (door,) = control.ground.doors
    assert control.http == ["http://h:80"]
    await world.apply(entrance("greeter"))
    answer = await door.ask("/hello")
    assert answer.startswith("HTTP/1.1 200 ")
    assert '{"hello":"world"}' in answer
    await control.stop()
    assert not door.open


async def test_the_admin_address_is_one_of_the_grounds_listeners(world):
    node = world.node("registry", "policy", admin=Listen("a", 0))
    await node.start()
    (door,) = node.ground.doors
    assert node.admin == "http://a:1"
    assert (await door.ask("/readyz")).endswith("ready\n")


async def test_a_registry_hears_of_deaths_by_the_grounds_system_connection(world):
    control, shop = await mesh(world)
    began = asyncio.get_running_loop().time()
    world.server.disconnect(shop.link.data)
    await heard(control, "greeter", 0)
    assert asyncio.get_running_loop().time() - began < 0.5  # silence alone would take 3.5 s
    world.server.reconnect(shop.link.data)


async def test_names_and_incarnations_come_from_the_grounds_chance_and_clock(world):
    made = []
    for again in (world, World()):
        control = again.control()
        await control.start()
        node = again.node(runs=[Namer])
        await node.start()
        (one,) = (one for one in node.proxy.instances.values() if one.service == "namer")
        made.append((node.name, one.id))
        assert EPOCH + 1000.0 <= one.incarnation / 1e9 <= node.ground.wall_clock()
        if again is not world:
            await again.stop()
    assert made[0] == made[1]


async def test_a_node_that_waits_tells_its_callback_and_nobody_else(world, capsys):
    node = world.node(name="early", runs=[Namer])
    starting = asyncio.ensure_future(node.start())
    await asyncio.sleep(2.5)
    control = world.control()
    await control.start()
    await asyncio.wait_for(starting, 10.0)
    assert set(node.told) == {"waiting for a registry on memory (mesh m)"}
    assert control.told == []
    assert capsys.readouterr() == ("", "")


async def test_a_node_that_went_without_a_word_is_followed_by_another_of_its_name(world):
    control, shop = await mesh(world)
    for bus in (shop.link.data, shop.link.control):
        world.server.disconnect(bus)  # nothing of it reaches anybody any more
    heir = world.node(name="shop", runs=[Greeter, Namer])
    await heir.start()
    await heard(control, "greeter", 1)
    assert (await call(control, "greeter", "/hello")).status == 200


def test_the_bus_carries_the_same_bytes_in_every_process_and_others_for_another_seed():
    # Sets of texts are in another order there: what depends on it differs.
    hashing = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    command, environment = [sys.executable, "-m", "tests.ground", "7"], {**os.environ, "PYTHONHASHSEED": hashing}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        here, other = play("7"), play("8")
        there = process.communicate(timeout=30)[0].strip()
    assert int(here.split()[0]) > 200
    assert here == there == play("7") != other  # nothing of one mesh stays in the process for the next


async def test_a_real_ground_is_the_systems_own_clocks_and_names_the_bus_without_its_password():
    ground = RealGround(NodeOptions((), nats="nats://me:secret@127.0.0.1:4222"))
    clocks = ground.clock, ground.clock_ns, ground.wall_clock, ground.wall_clock_ns
    assert clocks == (time.monotonic, time.monotonic_ns, time.time, time.time_ns)
    assert "secret" not in ground.where
    assert "127.0.0.1:4222" in ground.where
