"""Istio's own conformance list and tasks on locality: distribution, failover, its order (locality_test.go 109, 294)."""

import asyncio
import itertools
import json
from collections import Counter

import pytest

from tests.conformance.way import Way, virtual_service

pytestmark = pytest.mark.anyio

PLACES = {"near": "eu/a/1", "beside": "eu/a/2", "far": "eu/b/1", "abroad": "us/x/1", "away": "ap/y/1"}
LABELS = {"near": "blue", "beside": "green", "far": "blue", "abroad": "green", "away": "blue"}


class Placed(Way):
    """A way to the service that is at several places; both begin in eu/a/1."""

    front = "caller.test"

    async def ask(self, path, method="GET", headers=None, body=b""):
        if self.kind == "gateway":
            return await super().ask(path, method, headers, body)
        return await self._world.ask(
            f"/call/{self._service}{path}", method, host=self.front, headers=headers, body=body
        )

    async def answers(self, times=50):
        """How many calls reached each place."""
        found = Counter()
        for _ in range(times):
            answer = await self.ask("/")
            assert answer.status == 200, answer
            found[self.nodes[json.loads(answer.body)["instance"]]] += 1
        return found

    async def goes_to(self, *places):
        """Wait until the calls go to all of these places and no others."""
        for _ in range(100):
            if set(await self.answers(4 * len(places))) == set(places):
                break
            await asyncio.sleep(0.05)
        assert set(await self.answers(10 * len(places))) == set(places)


@pytest.fixture(scope="module")
def places(conforming_mesh, tmp_path_factory):
    """Nodes at the places; a file of a node's name in the folder makes it ill."""
    ill = tmp_path_factory.mktemp("ill")
    targets = {"caller": (["conformance:Caller"], "eu/a/1", "blue")}
    both = [f"conformance:{kind}" for kind in ("Placed", "Leaving", "Departing")]
    targets |= {name: (both, where, LABELS[name]) for name, where in PLACES.items()}
    nodes = [
        conforming_mesh.spawn(
            "node", *those, "--name", name, "--locality", where, "--label", f"lane={lane}", ILL=str(ill)
        )
        for name, (those, where, lane) in targets.items()
    ]
    try:
        for node in nodes:
            node.ready()
        yield ill
    finally:
        for node in nodes:
            node.end()


@pytest.fixture(params=["gateway", "service to service"])
async def way(world, places, request):
    for file in places.iterdir():
        file.unlink()
    way = await begun(world, request.param, "placed")
    caller = virtual_service(
        "caller", "caller.test", "[{ route: [{ destination: { host: caller } }] }]", "gateways: [entrance]"
    )
    await way.apply("[{ route: [{ destination: { host: placed } }] }]", caller)
    return way


async def begun(world, kind, service):
    """A way to a service of which all are healthy."""
    way = Placed(world, kind, service)
    for _ in range(200):
        known = [one for one in await world.bus.instances(service) if one["health"] == "healthy"]
        way.nodes = {one["id"]: one["node"] for one in known}
        if len(way.nodes) == len(PLACES):
            break
        await asyncio.sleep(0.02)
    return way


def rule(locality, host="placed", more=""):
    return f"""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{ name: {host} }}
spec:
  host: {host}
  trafficPolicy: {{ loadBalancer: {{ localityLbSetting: {locality} {more} }} }}
"""


async def test_109_shares_of_two_localities_are_as_given(world, way):
    await world.apply(rule("{ distribute: [{ from: eu/a/*, to: { eu/a/1: 80, us/x/1: 20 } }] }"))
    found = await way.answers(200)
    assert set(found) == {"near", "abroad"}
    assert abs(found["near"] - 160) <= 20, "4 standard deviations and a half around 80 % of 200"


async def test_shares_of_three_localities_are_as_given(world, way):
    await world.apply(rule("{ distribute: [{ from: '*', to: { eu/a/*: 70, eu/b: 20, 'us/*': 10 } }] }"))
    found = await way.answers(200)
    assert set(found) == {"near", "beside", "far", "abroad"}
    assert abs(found["near"] + found["beside"] - 140) <= 28
    assert abs(found["far"] - 40) <= 24
    assert abs(found["abroad"] - 20) <= 18


async def test_294_calls_fail_over_in_the_order_of_localities_and_come_back(world, way, places):
    await world.apply(rule("{ failover: [{ from: eu, to: us }] }"))
    order = ["near", "beside", "far", "abroad", "away"]
    for name in order:
        await way.goes_to(name)
        (places / name).touch()
    for name in reversed(order):
        (places / name).unlink()
        await way.goes_to(name)


async def test_an_instance_that_fails_is_left_for_the_next_locality_without_a_word_on_outlier_detection(world, places):
    for file in places.iterdir():
        file.unlink()
    way = await begun(world, "gateway", "leaving")  # whose ejections last: one way is tried, callers tell each other
    await way.apply("[{ route: [{ destination: { host: leaving } }] }]", rule("{}", "leaving"))
    for name in ("near", "beside"):
        assert set(await way.answers(10)) == {name}
        (places / f"{name}-leaves").touch()
        failures = 0
        while (await way.ask("/")).status == 503:
            failures += 1
            assert failures <= 5, "as many in a row as the default allows"
        assert failures
    assert set(await way.answers(10)) == {"far"}


async def test_task_failover_one_5xx_takes_an_instance_out_for_a_minute_and_the_next_locality_serves(world, places):
    for file in places.iterdir():
        file.unlink()
    way = await begun(world, "gateway", "departing")
    outliers = "trafficPolicy: { outlierDetection: { consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 1m%s },"
    setting = rule("{ failover: [{ from: eu, to: us }] }", "departing")
    task = setting.replace("trafficPolicy: {", outliers % "")
    await way.apply("[{ route: [{ destination: { host: departing } }] }]", task)
    order = ["near", "beside", "far", "abroad", "away"]
    for name, following in itertools.pairwise(order):
        assert set(await way.answers(10)) == {name}
        (places / f"{name}-leaves").touch()
        assert (await way.ask("/")).status == 503, "the first call meets it"
        assert set(await way.answers(10)) == {following}, "no other one does"
        # As the task has it, half of them may be out; the last ones need a rule that allows more.
        await world.apply(setting.replace("trafficPolicy: {", outliers % ", maxEjectionPercent: 100"))
    for name in order:
        (places / f"{name}-leaves").unlink(missing_ok=True)
    assert set(await way.answers(20)) == {"away"}, "they are out for a minute, though they are well again"


async def test_failover_priority_ranks_by_labels(world, way, places):
    if way.kind == "gateway":
        pytest.skip("the gateway's node has no label")
    await world.apply(rule("{ failoverPriority: [lane, topology.kubernetes.io/region] }"))
    await way.goes_to("near", "far")
    (places / "near").touch()
    (places / "far").touch()
    await way.goes_to("away")
    (places / "away").touch()
    await way.goes_to("beside", "abroad")


async def test_failover_priority_with_a_value_prefers_that_value(world, way):
    await world.apply(rule("{ failoverPriority: ['lane=green', topology.kubernetes.io/region] }"))
    await way.goes_to("beside")


async def test_without_localities_all_are_called(world, way):
    await world.apply(rule("{ enabled: false }"))
    assert set(await way.answers(60)) == set(PLACES)


async def test_percentages_that_do_not_add_up_are_refused(world):
    messages = await world.refused(rule("{ distribute: [{ from: eu, to: { eu: 80, us: 10 } }] }"))
    assert messages == ["the percentages add up to 90, not to 100"]


async def test_a_weight_that_is_changed_while_it_runs_changes_the_shares_at_once(world, way):
    mesh = world.mesh
    ids = {node: one for one, node in way.nodes.items()}
    try:
        for node in ("beside", "far", "abroad"):
            done = await asyncio.to_thread(mesh.plait, "weight", ids[node], "0")
            assert (done.returncode, done.stdout) == (0, f"{ids[node]} has weight 0\n"), done.stderr
        await way.goes_to("near", "away")
        assert (await asyncio.to_thread(mesh.plait, "weight", ids["away"], "9")).returncode == 0
        await world.apply(rule("{ enabled: false }", more=", simple: RANDOM"))
        found = await way.answers(200)
        assert 155 <= found["away"] <= 199, "90 % of 200"
        known = {one["node"]: one["weight"] for one in await world.bus.instances("placed")}
        assert known == {"near": 1, "beside": 0, "far": 0, "abroad": 0, "away": 9}
    finally:
        for node in ("beside", "far", "abroad", "away"):
            await asyncio.to_thread(mesh.plait, "weight", ids[node], "1")
