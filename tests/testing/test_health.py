"""Services that look after their health, in whole simulated meshes: out of rotation and in, and right at the end."""

import asyncio

import pytest

from plait.actors import ExecCheck, Health, MeshError, Service, check, get
from plait.actors.messages.error import NoEndpoints
from plait.testing import Faults, SimNode, simulate


class Well(Service, name="well", checks=[ExecCheck(("nobody-simulates-programs",))]):
    """Ill on the nodes whose names stand in `ill`."""

    ill: dict[str, object] = {}  # noqa: RUF012 - what the tests change

    @check(interval=1.0)
    async def itself(self):
        await self.sleep(0.05)
        return self.ill.get(self.hosting.instance.node)

    @get("/who")
    def who(self):
        return self.hosting.instance.node


NODES = (SimNode("a", runs=(Well,)), SimNode("b", runs=(Well,)))


@pytest.fixture(autouse=True)
def all_well():
    Well.ill = {}


async def callers(sim, count=30):
    """Who answers."""
    return {(await sim.call("well", "/who", timeout=1.0)).body.decode() for _ in range(count)}


def healths(sim):
    return {one.node: (one.health, one.reason) for one in sim.client.instances("well")}


def test_one_that_fails_its_checks_gets_no_calls_until_it_passes_again():
    async def scenario(sim):
        both = await callers(sim)
        Well.ill["a"] = Health.critical("the database is away")
        await asyncio.sleep(5.0)
        told, one = healths(sim)["a"], await callers(sim)
        Well.ill["a"] = Health.warning("slow")
        await asyncio.sleep(2.0)
        return both, told, one, healths(sim)["a"], await callers(sim)

    out, back = ("critical", "itself: the database is away"), ("warning", "itself: slow")
    assert simulate(scenario, nodes=NODES).result == ({"a", "b"}, out, {"b"}, back, {"a", "b"})


def test_where_all_fail_callers_are_told_at_once_that_nobody_is_well():
    async def scenario(sim):
        Well.ill = {"a": False, "b": False}
        await asyncio.sleep(5.0)
        began = sim.now
        with pytest.raises(NoEndpoints):
            await sim.call("well", "/who")
        return sim.now - began

    assert simulate(scenario, nodes=NODES).result < 0.1


def test_health_outlives_all_registries_and_the_bus():
    async def scenario(sim):
        Well.ill["a"] = False
        await asyncio.sleep(5.0)
        for name in ("registry-1", "registry-2"):
            sim.crash(name)
        await asyncio.sleep(1.0)
        for name in ("registry-1", "registry-2"):
            sim.start(name)
        await asyncio.sleep(5.0)
        before = healths(sim)["a"]
        sim.outage(2.0)
        await asyncio.sleep(10.0)
        return before, healths(sim)["a"], await callers(sim)

    told = ("critical", "itself: it returned False")
    assert simulate(scenario, nodes=NODES).result == (told, told, {"b"})


def test_a_change_while_no_registry_is_there_is_told_when_one_comes():
    async def scenario(sim):
        for name in ("registry-1", "registry-2"):
            sim.crash(name)
        Well.ill["a"] = False
        await asyncio.sleep(8.0)
        before = healths(sim)["a"][0]
        sim.start("registry-1")
        await asyncio.sleep(2.0)
        after = healths(sim)["a"][0]
        sim.start("registry-2")
        return before, after

    assert simulate(scenario, nodes=NODES).result == ("healthy", "critical")


@pytest.mark.plait_seeds(3)
def test_whatever_happens_the_registry_ends_by_saying_of_everybody_what_they_say_themselves(plait_seed):
    async def scenario(sim):
        for _ in range(40):
            Well.ill = {name: [None, False, Health.warning("slow")][sim.rng.randrange(3)] for name in "ab"}
            await asyncio.sleep(2.0)
            try:
                await sim.call("well", "/who", timeout=0.5)
            except MeshError:
                continue  # both may be ill
        Well.ill = {"a": Health.warning("slow")}  # a node that starts while it is ill is never ready

    simulate(scenario, nodes=NODES, faults=Faults(), seed=plait_seed)
