"""One call plays a mesh of users' own services; what comes of it is a function of its seed, and a failure says it."""

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from plait.actors import Actor, ChildSpec, DeadlineExceeded, Service, get
from plait.actors.messages.error import InvalidName, NoResponders, Refused, UnknownActor, UnknownMessage
from plait.testing import Faults, SimNode, SimulationError, SimulationFailed, simulate
from tests.integration.documents import entrance
from tests.testing.shop import Counter, Greeter, Namer
from tests.testing.whole import play

ROOT = Path(__file__).parent.parent.parent


async def greet(sim):
    return (await sim.call("greeter", "/hello")).json()


def test_a_scenario_calls_services_as_anybody_outside_does():
    run = simulate(greet, services=(Greeter, Namer))
    assert run.result == {"hello": "world"}
    assert run.messages > 50
    assert run.checked["handlings"] > 10
    assert run.checked["answers"] >= 2


def test_requests_come_in_by_a_gateway_and_policy_is_applied_as_users_do():
    async def scenario(sim):
        with pytest.raises(Refused, match="gatewayz"):
            await sim.apply(entrance("greeter").replace("gateways:", "gatewayz:"))
        before = await sim.get("http://greeter.test/hello")
        revision = await sim.apply(entrance("greeter"))
        after = await sim.get("http://greeter.test/hello")
        answer = await sim.ask("policy", "history")
        return (
            before.status,
            revision,
            after.status,
            after.json(),
            after.header("x-request-id") != "",
            len(answer["items"]),
        )

    run = simulate(scenario, services=(Greeter, Namer))
    assert run.result == (404, 1, 200, {"hello": "world"}, True, 1)


def test_policy_can_be_in_force_from_the_start():
    async def scenario(sim):
        return (await sim.get("http://greeter.test/hello")).status

    assert simulate(scenario, services=(Greeter, Namer), policy=(entrance("greeter"),)).result == 200


def test_events_replicas_labels_localities_and_admin_addresses_are_as_in_a_real_mesh():
    async def scenario(sim):
        assert await sim.emit("things.happened", 7) == 1
        await asyncio.sleep(0.1)
        heard = [(await sim.call("counter", "/count")).json()["heard"] for _ in range(8)]
        instances = sim.client.instances("counter")
        ready = await sim.admin("till", "/readyz")
        return max(heard), {(one.locality, one.labels["size"]) for one in instances}, len(instances), ready.text

    nodes = (SimNode("till", runs=(Counter,), replicas=3, labels={"size": "xl"}, locality="eu/a", admin=True),)
    assert simulate(scenario, nodes=nodes).result == ([7], {("eu/a", "xl")}, 3, "ready\n")


class Doubler(Actor):
    async def receive(self, message: int) -> int:
        return 2 * message


def test_plain_actors_run_in_nodes_and_nodes_can_be_looked_into():
    async def scenario(sim):
        cell = sim.node("plain").supervisor.find("doubler")
        return cell.path, cell.life.value, await sim.client.find("plain/doubler").ask(21, timeout=1.0)

    nodes = (SimNode("plain", runs=(ChildSpec("doubler", Doubler),)),)
    assert simulate(scenario, nodes=nodes).result == ("doubler", "running", 42)


def test_an_actor_is_told_and_asked_from_outside_and_what_cannot_be_is_said():
    async def scenario(sim):
        doubler = sim.client.find("plain/doubler")
        doubler.tell(1)
        for address, kind in (("plain/nobody", UnknownActor), ("nowhere/doubler", NoResponders)):
            with pytest.raises(kind):
                await sim.client.find(address).ask(1, timeout=1.0)
        with pytest.raises(UnknownMessage):
            await doubler.ask("two", timeout=1.0)
        with pytest.raises(InvalidName, match="node/path"):
            sim.client.find("doubler")
        sim.pause("plain", 2.0)
        with pytest.raises(DeadlineExceeded):
            await doubler.ask(1, timeout=0.5)

    simulate(scenario, nodes=(SimNode("plain", runs=(ChildSpec("doubler", Doubler),)),))


def test_two_runs_of_a_seed_are_the_same_and_another_seed_is_another_run():
    one, two, other = (play(seed, 5.0) for seed in (7, 7, 8))
    assert (one.digest, one.seconds, one.result, one.trace) == (two.digest, two.seconds, two.result, two.trace)
    assert one.digest != other.digest


def test_a_run_is_the_same_in_a_process_that_orders_its_sets_otherwise():
    hashing = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    program = "from tests.testing.whole import play; print(play(11, 5.0).digest)"
    environment = {**os.environ, "PYTHONHASHSEED": hashing, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        here = play(11, 5.0).digest
        there = process.communicate(timeout=50)[0].strip()
    assert here == there


def test_services_that_draw_from_the_shared_random_module_draw_the_same_and_leave_it_as_it_was():
    class Dice(Service, name="dice"):
        @get("/")
        async def roll(self):
            return [random.random() for _ in range(3)]

    async def scenario(sim):
        return (await sim.call("dice", "/")).json()

    random.seed(1)
    expected = random.Random(1).random()
    one, two = (simulate(scenario, services=(Dice,), seed=5).result for _ in range(2))
    assert one == two
    assert random.random() == expected


def test_a_scenario_that_fails_tells_its_seed_its_reason_and_what_happened_last():
    async def scenario(sim):
        await sim.call("greeter", "/hello")
        sim.crash("namer")
        await asyncio.sleep(0.5)
        raise ValueError("the till is empty")

    with pytest.raises(SimulationFailed) as failed:
        simulate(scenario, services=(Greeter, Namer), seed=42)
    text = str(failed.value)
    assert text.startswith("seed 42: ValueError: the till is empty\n")
    assert "pytest --plait-seed=42" in text
    assert any(line.endswith("* namer is killed") for line in failed.value.trace)
    assert any("plait.default.call.namer.get." in line for line in failed.value.trace)
    assert isinstance(failed.value.__cause__, ValueError)


def test_a_service_that_cannot_start_is_named_with_its_reason():
    class Broken(Service, name="broken"):
        async def pre_start(self):
            raise RuntimeError("no licence")

    with pytest.raises(SimulationFailed, match=r"broken could not start: .*no licence"):
        simulate(greet, services=(Broken,))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"services": (Namer, Namer)}, "two nodes are named 'namer-v1'"),
        ({"registries": 0}, "no node runs a registry"),
        ({"policies": 0}, "no node runs a policy"),
    ],
)
def test_a_mesh_that_cannot_be_is_refused_before_it_begins(more, words):
    with pytest.raises(SimulationError, match=words):
        simulate(greet, **more)


@pytest.mark.parametrize("name", ["crash", "start", "restart", "pause", "resume", "isolate", "join_again", "node"])
def test_a_node_that_is_none_is_named_with_those_that_are(name):
    async def scenario(sim):
        getattr(sim, name)("namr")

    with pytest.raises(SimulationFailed, match=r"no node 'namr'; there are registry-1, .*namer"):
        simulate(scenario, services=(Namer,))


def test_a_scenario_that_waits_for_ever_is_ended():
    async def scenario(sim):
        await asyncio.Event().wait()

    with pytest.raises(SimulationFailed, match="did not end within 100 s"):
        simulate(scenario, services=(Namer,), limit=100.0)


def test_a_gateway_that_is_down_refuses_and_one_that_dies_breaks_off():
    async def scenario(sim):
        slow = asyncio.ensure_future(sim.get("http://counter.test/slow"))
        await asyncio.sleep(0.1)
        sim.crash("gateway-1")
        with pytest.raises(ConnectionResetError):
            await slow
        with pytest.raises(ConnectionRefusedError):
            await sim.get("http://counter.test/slow")

    simulate(scenario, services=(Counter,), policy=(entrance("counter"),))


def test_a_node_that_stops_in_order_under_calls_fails_none():
    async def scenario(sim):
        answers = []

        async def ask():
            answers.append((await sim.call("counter", "/count", method="POST", timeout=5.0)).status)

        tasks = []
        for number in range(100):
            if number % 40 == 10:
                sim.restart("a" if number < 40 else "b")
            tasks.append(asyncio.ensure_future(ask()))
            await asyncio.sleep(0.05)
        await asyncio.gather(*tasks)
        return answers

    nodes = (SimNode("a", runs=(Counter,)), SimNode("b", runs=(Counter,)))
    assert simulate(scenario, nodes=nodes).result == [200] * 100


def test_without_a_registry_a_node_that_starts_says_what_it_waits_for():
    async def scenario(sim):
        for name in ("registry-1", "registry-2"):
            sim.crash(name)
        sim.restart("namer")
        await asyncio.sleep(5.0)
        sim.start("registry-1")

    trace = simulate(scenario, services=(Greeter, Namer)).trace
    assert any("namer says: waiting for a registry on the simulated bus" in line for line in trace)


def test_faults_strike_as_often_as_asked_and_end_with_the_scenario():
    async def scenario(sim):
        await asyncio.sleep(600.0)

    faults = Faults.none()
    run = simulate(scenario, services=(Namer,), faults=faults, seed=1)
    assert set(run.struck.values()) == {0}
    assert run.settling == 0.0
    rates = Faults(crash=6.0, pause=0.0, isolate=0.0, partition=0.0, reconnect=0.0, outage=0.0, storm=0.0, store=0.0)
    struck = simulate(scenario, services=(Namer,), faults=rates, seed=1).struck
    assert 40 <= struck["crash"] <= 80
    assert struck["pause"] == 0
