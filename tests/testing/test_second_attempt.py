"""A node that stands still, in a simulated mesh: what was in its hands is answered by another one, soon."""

import asyncio

import pytest

from plait.actors import Service, get
from plait.testing import SimNode, Simulation, simulate

NODES = tuple(f"rater-{number}" for number in range(3))


class Ratings(Service, name="ratings"):
    @get("/")
    async def rate(self):
        await self.sleep(0.005)
        return {}


class Reviews(Service, name="reviews"):
    """A hop between, so that what is lost below is cured below."""

    @get("/")
    async def review(self):
        return (await self.call("ratings", "/")).json()


async def stopped_under_load(sim: Simulation) -> list[float]:
    took: list[float] = []

    async def ask():
        began = sim.now
        reply = await sim.call("reviews", "/", timeout=10.0)
        assert reply.ok
        took.append(sim.now - began)

    asked = []
    for number in range(900):
        if number == 300:
            sim.pause(NODES[0], 2.5)
        asked.append(asyncio.ensure_future(ask()))
        await asyncio.sleep(0.005)
    await asyncio.gather(*asked)
    return took


@pytest.mark.plait_seeds(4)
def test_a_node_that_stands_still_costs_its_callers_milliseconds(plait_seed: int) -> None:
    nodes = (*(SimNode(name, runs=(Ratings,)) for name in NODES), SimNode("reviewer", runs=(Reviews,)))
    found = simulate(stopped_under_load, nodes=nodes, seed=plait_seed).result
    assert len(found) == 900
    assert max(found) <= 0.25
