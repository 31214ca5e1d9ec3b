"""Processes by service: one takes another's place only when it is ready; what does not start changes nothing."""

import asyncio

import msgspec
import pytest

from plait.actors.messages.error import StartFailed
from plait.mesh.crew import Crew
from plait.mesh.plan import Plan

pytestmark = pytest.mark.anyio

SHOP = Plan("shop", ("shop:Shop",), replicas=2)


class FakeProcess:
    """Is ready when `fate` says so: it is done with None, or with the error of the start."""

    def __init__(self, name, plan, fate, log):
        self.name, self.plan, self.fate, self.log = name, plan, fate, log

    async def start(self):
        self.log.append(f"start {self.name}")

    async def ready(self, limit):
        await self.fate(self.name)

    def keep(self):
        self.log.append(f"keep {self.name}")

    async def stop(self):
        self.log.append(f"stop {self.name}")


class World:
    """A crew and what happened to its processes."""

    def __init__(self):
        self.log: list[str] = []
        self.broken = False
        self.slow: asyncio.Event | None = None

        async def fate(name):
            await asyncio.sleep(0)
            if self.slow is not None:
                await self.slow.wait()
            if self.broken:
                raise StartFailed(f"{name} does not start")

        async def known(name):
            self.log.append(f"known {name}")

        self.crew = Crew(lambda plan, number, _: FakeProcess(f"{plan.name}-{number}", plan, fate, self.log), known)

    async def did(self):
        """What happened since the last look; processes that leave do so in tasks of their own."""
        for _ in range(5):
            await asyncio.sleep(0)
        done, self.log[:] = list(self.log), []
        return done


@pytest.fixture
async def world():
    world = World()
    await world.crew.start([SHOP])
    await world.crew.ready()
    assert sorted(await world.did())[:2] == ["keep shop-1", "keep shop-2"]
    return world


async def test_a_mesh_whose_process_does_not_start_does_not_wait_for_the_others():
    world = World()
    world.broken = True
    await world.crew.start([SHOP])
    with pytest.raises(StartFailed, match="does not start"):
        await world.crew.ready()
    await world.crew.stop()
    assert {"stop shop-1", "stop shop-2"} <= set(await world.did())


async def test_each_process_is_known_before_the_one_that_it_replaces_leaves(world):
    await world.crew.bring(SHOP, anew=True)
    did = await world.did()
    assert did.index("known shop-3") < did.index("stop shop-1")
    assert did.index("known shop-4") < did.index("stop shop-2")
    assert {"keep shop-3", "keep shop-4"} <= set(did)


async def test_code_that_does_not_start_leaves_those_that_run(world):
    world.broken = True
    with pytest.raises(StartFailed):
        await world.crew.bring(SHOP, anew=True)
    assert await world.did() == ["start shop-3", "stop shop-3"]
    assert world.crew.services == ("shop",)
    world.broken = False
    await world.crew.bring(SHOP, anew=True)
    assert {"stop shop-1", "stop shop-2"} <= set(await world.did())


async def test_an_attempt_that_is_given_up_leaves_those_that_run(world):
    world.slow = asyncio.Event()
    attempt = asyncio.ensure_future(world.crew.bring(SHOP, anew=True))
    assert await world.did() == ["start shop-3"]
    attempt.cancel()
    await asyncio.wait((attempt,))
    assert await world.did() == ["stop shop-3"]


async def test_replicas_grow_and_shrink_without_touching_the_others(world):
    await world.crew.bring(msgspec.structs.replace(SHOP, replicas=3))
    assert await world.did() == ["start shop-3", "known shop-3", "keep shop-3"]
    await world.crew.bring(msgspec.structs.replace(SHOP, replicas=1))
    assert sorted(await world.did()) == ["stop shop-2", "stop shop-3"]


async def test_a_changed_plan_replaces_and_the_same_plan_does_nothing(world):
    await world.crew.bring(SHOP)
    assert await world.did() == []
    await world.crew.bring(msgspec.structs.replace(SHOP, environment={"A": "1"}))
    assert {"stop shop-1", "stop shop-2"} <= set(await world.did())


async def test_a_service_that_never_started_is_not_there(world):
    world.broken = True
    with pytest.raises(StartFailed):
        await world.crew.bring(Plan("new", ("new:New",)))
    assert world.crew.services == ("shop",)


async def test_a_dropped_service_drains(world):
    world.crew.drop("shop")
    assert sorted(await world.did()) == ["stop shop-1", "stop shop-2"]
    assert world.crew.services == ()
    await world.crew.stop()
    assert await world.did() == []
