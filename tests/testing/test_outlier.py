"""Outlier detection in a whole mesh: callers on nodes of their own pool their failures, and everything comes back."""

import asyncio

import pytest

from plait.actors import MeshError, Response, Service, get
from plait.testing import Faults, SimNode, simulate

ILL: set[str] = set()
"""Nodes whose instances answer with 500."""


class Goods(Service, name="goods"):
    @get("/goods")
    async def goods(self) -> Response:
        await self.sleep(0.002)
        return Response({"node": self.hosting.instance.node}, 500 if self.hosting.instance.node in ILL else 200)


class Shop(Service, name="shop"):
    """A caller; it says what the goods answered."""

    @get("/buy")
    async def buy(self) -> int:
        try:
            return (await self.call("goods", "/goods", timeout=1.0)).status
        except MeshError as error:
            return error.cause


CALLERS = tuple(SimNode(f"shop-{n}", runs=(Shop,)) for n in range(4))
GOODS = tuple(SimNode(f"goods-{n}", runs=(Goods,)) for n in range(5))


def quick(percent=50):
    return (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: goods}\nspec:\n"
        "  host: goods\n  trafficPolicy: {outlierDetection: {interval: 1s, baseEjectionTime: 3s, "
        f"maxEjectionPercent: {percent}}}}}\n"
    )


def out(sim, *names):
    """Which nodes of goods each caller has out of rotation."""
    clusters = [(name, one) for name in names for one in sim.node(name).proxy.directory.clusters()]
    found = {name: set() for name in names}
    for name, cluster in clusters:
        if cluster.service == "goods":
            found[name] |= {one.instance.node for one in cluster.members if cluster.ejected(one)}
    return found


async def buy(sim, count, pause=0.01):
    """Buy so often; returns how often what came of it."""
    results = {}
    for _ in range(count):
        try:
            status = (await sim.call("shop", "/buy", timeout=2.0)).json()
        except MeshError as error:
            status = type(error).__name__
        results[status] = results.get(status, 0) + 1
        await asyncio.sleep(pause)
    return results


NAMES = [node.name for node in CALLERS]


@pytest.mark.plait_seeds(4)
def test_one_of_five_that_fails_is_out_everywhere_after_few_failures_and_back_when_it_is_well(plait_seed):
    ILL.clear()

    async def scenario(sim):
        before = await buy(sim, 40)
        ILL.add("goods-2")
        during = await buy(sim, 100)
        everywhere = out(sim, *NAMES)
        ILL.clear()
        await asyncio.sleep(6.0)
        return before, during, everywhere, out(sim, *NAMES), await buy(sim, 40)

    run = simulate(scenario, nodes=(*CALLERS, *GOODS), policy=(quick(),), seed=plait_seed)
    before, during, everywhere, then, after = run.result
    assert before == after == {200: 40}
    assert during[500] <= 8  # each caller for itself would take twenty
    assert everywhere == {name: {"goods-2"} for name in NAMES}
    assert then == {name: set() for name in NAMES}


def test_where_all_fail_nobody_is_ejected_and_the_answers_are_the_services_own():
    ILL.clear()

    async def scenario(sim):
        ILL.update(node.name for node in GOODS)
        answers = await buy(sim, 150)
        return answers, out(sim, *NAMES), await sim.call("shop", "/buy")

    answers, ejected, _ = simulate(scenario, nodes=(*CALLERS, *GOODS), policy=(quick(),)).result
    assert answers == {500: 150}
    assert sum(map(len, ejected.values())) <= 8  # two of five at most, for those who saw the others answer before
    ILL.clear()


def test_where_all_may_be_ejected_there_is_no_healthy_upstream_and_it_ends():
    ILL.clear()

    async def scenario(sim):
        ILL.update(node.name for node in GOODS)
        await buy(sim, 300)
        with pytest.raises(MeshError, match="no healthy upstream"):
            await sim.node("shop-0").proxy.send(call(sim))
        ILL.clear()
        await asyncio.sleep(6.0)
        return await buy(sim, 20)

    def call(sim):
        from plait.actors.proxy.call import Call, Caller

        caller = Caller("probe", "shop")
        return Call(
            caller, 1, "goods", "GET", "/goods", "", "goods", [], b"", {}, "00-" + "1" * 32 + "-" + "1" * 16 + "-00"
        )

    assert simulate(scenario, nodes=(*CALLERS, *GOODS), policy=(quick(100),)).result == {200: 20}


@pytest.mark.plait_seeds(4)
def test_a_caller_that_is_cut_off_ejects_nobody_for_the_others(plait_seed):
    ILL.clear()

    async def scenario(sim):
        await buy(sim, 40)
        sim.isolate("shop-0")
        await buy(sim, 60)
        others = out(sim, *NAMES[1:])
        sim.join_again("shop-0")
        await asyncio.sleep(8.0)
        return others, out(sim, *NAMES), await buy(sim, 40)

    others, then, after = simulate(scenario, nodes=(*CALLERS, *GOODS), policy=(quick(),), seed=plait_seed).result
    assert others == {name: set() for name in NAMES[1:]}
    assert then == {name: set() for name in NAMES}
    assert after == {200: 40}


@pytest.mark.plait_seeds(4)
def test_a_flapping_instance_under_faults_leaves_everybody_in_rotation_in_the_end(plait_seed):
    ILL.clear()

    async def scenario(sim):
        for _ in range(12):
            ILL.symmetric_difference_update({"goods-1"})
            await buy(sim, 20, 0.05)
        ILL.clear()
        sim.mend()
        await asyncio.sleep(40.0)
        up = [name for name in NAMES if sim.host(name).ready]
        return up, out(sim, *up)

    faults = Faults(crash=2.0, pause=4.0, isolate=4.0, reconnect=4.0)
    run = simulate(scenario, nodes=(*CALLERS, *GOODS), policy=(quick(),), faults=faults, seed=plait_seed)
    up, then = run.result
    assert len(up) >= 2
    assert then == {name: set() for name in up}
