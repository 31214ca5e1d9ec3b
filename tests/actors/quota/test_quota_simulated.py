"""A mesh-wide limit on a whole simulated mesh: quota actors die, clocks jump, nodes are cut off; the bound holds."""

import asyncio
from contextlib import suppress

import pytest

from plait.actors import MeshError, Service, get
from plait.testing import SimNode, simulate

RATE, BURST, SHARE, LEASE, NODES = 40, 10, 0.1, 1.0, 3
POLICY = f"""
apiVersion: plait.dev/v1
kind: RateLimit
metadata: {{name: shop}}
spec:
  host: shop
  limits: [{{requests: {RATE}, burst: {BURST}, scope: MESH, localShare: {SHARE * 100}, lease: {LEASE}s}}]
"""
PASSED: list[float] = []
WATCH = []


class Shop(Service, name="shop"):
    @get("/")
    def sell(self):
        PASSED.append(WATCH[-1].now)
        return "sold"


class Buyer(Service, name="buyer"):
    """Asks for more than there is, all the time."""

    async def pre_start(self):
        self.work = asyncio.ensure_future(self.buy())

    async def post_stop(self):
        self.work.cancel()

    async def buy(self):
        while True:
            await asyncio.sleep(0.03 * self.rng.uniform(0.5, 1.5))
            with suppress(MeshError):
                await self.call("shop", "/", timeout=0.5)


BUYERS = tuple(SimNode(f"buyer-{number}", (Buyer,)) for number in range(NODES))
FIRST = NODES * (SHARE * BURST + 1)


def play(scenario, seed):
    async def whole(sim):
        WATCH.append(sim)
        PASSED.clear()
        await asyncio.sleep(3.0)
        return await scenario(sim)

    return simulate(whole, services=(Shop,), nodes=BUYERS, policies=2, policy=(POLICY,), seed=seed).result


def between(start, end):
    return sum(start < when <= end for when in PASSED)


@pytest.mark.plait_seeds(2)
def test_all_nodes_together_pass_the_limit(plait_seed):
    async def scenario(sim):
        start = sim.now
        await asyncio.sleep(10.0)
        return between(start, sim.now)

    assert 0.85 * RATE * 10 <= play(scenario, plait_seed) <= RATE * 10 + BURST + NODES


@pytest.mark.plait_seeds(2)
def test_quota_actors_that_die_one_after_the_other_let_nobody_spend_twice(plait_seed):
    async def scenario(sim):
        start = sim.now
        for _ in range(3):
            for name in ("policy-1", "policy-2"):
                sim.crash(name)
                await asyncio.sleep(1.5)
                sim.start(name)
                await asyncio.sleep(1.0)
        return between(start, sim.now), sim.now - start

    passed, seconds = play(scenario, plait_seed)
    # One owner follows another at most six times: each may bring one burst and a lease that the next has not heard of.
    assert passed <= RATE * seconds + BURST + FIRST + 6 * RATE * LEASE / 2
    assert passed >= 0.5 * RATE * seconds


@pytest.mark.plait_seeds(2)
def test_clocks_that_jump_change_nothing(plait_seed):
    async def scenario(sim):
        start = sim.now
        for name in ("policy-1", "buyer-0", "buyer-1", "policy-2"):
            sim.jump(name, 3600.0)
            await asyncio.sleep(1.0)
            sim.jump(name, -7200.0)
            await asyncio.sleep(1.0)
        return between(start, sim.now), sim.now - start

    passed, seconds = play(scenario, plait_seed)
    assert 0.85 * RATE * seconds <= passed <= RATE * seconds + BURST + NODES


@pytest.mark.plait_seeds(2)
def test_without_the_control_plane_nodes_go_on_with_their_local_share(plait_seed):
    async def scenario(sim):
        sim.crash("policy-1")
        sim.crash("policy-2")
        await asyncio.sleep(4.0)
        start = sim.now
        await asyncio.sleep(10.0)
        return between(start, sim.now)

    assert play(scenario, plait_seed) == pytest.approx(NODES * SHARE * RATE * 10, rel=0.15)


@pytest.mark.plait_seeds(2)
def test_a_paused_quota_actor_and_node_stay_within_the_bound(plait_seed):
    async def scenario(sim):
        start = sim.now
        for name in ("policy-1", "buyer-0", "policy-2"):
            sim.pause(name, 1.5)
            await asyncio.sleep(3.0)
        return between(start, sim.now), sim.now - start

    passed, seconds = play(scenario, plait_seed)
    assert passed <= RATE * seconds + BURST + FIRST + 3 * RATE * LEASE
