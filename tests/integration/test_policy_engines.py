"""Two policy engines on one real bus and store: one wins each revision, nothing is lost; large bundles go through."""

import asyncio
import random
import time

import pytest

from plait.actors.bus import lean
from plait.actors.bus.ask import Asker
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.subject import Subjects
from plait.actors.policy.engine import PolicyEngine
from plait.actors.runtime.spec import ChildSpec
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings
from plait.actors.table.jetstream import open_bucket
from tests.policy_world import World, service

pytestmark = pytest.mark.anyio


class RealWorld(World):
    """The world of the policy's own tests, on a NATS server and its JetStream."""

    def __init__(self, url):
        loop = asyncio.get_running_loop()
        self.url = url
        self.surroundings = Surroundings(loop, Deadlines(loop), random.Random(1), time.monotonic)
        self.supervisor = Supervisor("mesh", self.surroundings)
        self.subjects = Subjects("engines")
        self.alive = set()
        self.engines = {}
        self.buses = []
        self._questions = 0

    async def start(self, name="policy", limit=1.0):
        bus = await self.connect(name)
        store = await open_bucket(Asker(bus, self.subjects, name, self.surroundings.deadlines), "engines")

        def make():
            self.engines[name] = PolicyEngine(
                self.subjects, bus, store, lambda: self.alive, limit=limit, wall_clock=time.time
            )
            return self.engines[name]

        await self.supervisor.start_child(ChildSpec(name, make))
        return self.engines[name]

    async def connect(self, name):
        self.buses.append(await lean.connect(self.url, name, rng=random.Random(name)))
        return self.buses[-1]


@pytest.fixture
async def world(start_nats):
    world = RealWorld(start_nats().url)
    world.bus = await world.connect("user")
    yield world
    await world.supervisor.stop()
    world.surroundings.deadlines.close()
    for bus in world.buses:
        await bus.close()


async def test_of_two_engines_that_write_at_once_one_wins_and_the_other_tries_again(world, until):
    one, two = await world.start("one"), await world.start("two")
    answers = await asyncio.gather(*(world.apply(service(f"s{n}")) for n in range(30)))
    assert sorted(answer["revision"] for answer in answers) == list(range(1, 31))
    await until(lambda: one.active == two.active == 30)
    for engine in (one, two):
        assert len(engine._standing.rules) == 30
        assert [step.revision for step in engine._standing.history.steps] == list(range(1, 31))


async def test_ten_thousand_virtual_services_are_applied_read_and_found_again_by_the_next_engine(world):
    await world.start("one")
    filling = "    # " + "a line of a file that people write\n" * 4
    text = "".join(
        service(f"service-{n}", f"goal-{n}") + filling.replace("\n", "\n    # ") + "\n" for n in range(10_000)
    )
    assert len(text) > 3_000_000
    last = (await world.upload(text, 512 * 1024, wait="false"))[-1]
    assert last["revision"] == 1
    await world.supervisor.stop_child("one")
    engine = await world.start("two")
    assert engine.active == 1
    assert len(engine._standing.rules) == 10_000
    assert (await world.apply(service("service-5", "elsewhere")))["applied"][0]["action"] == "configured"
