"""What becomes of simulated nodes that die, stand still, are drained, or have their clocks set back."""

import asyncio

import pytest

from plait.actors.messages.error import MeshError
from plait.testing import SimNode, simulate
from tests.testing.shop import Counter, Greeter, Namer


def play(scenario):
    return simulate(scenario, services=(Counter,), gateways=0).result


def test_a_death_is_told_by_the_bus_itself_long_before_silence_tells_it():
    async def scenario(sim):
        sim.crash("counter")
        began = sim.now
        while sim.client.instances("counter"):  # noqa: ASYNC110 - looking costs nothing in virtual time
            await asyncio.sleep(0.001)
        return sim.now - began

    assert 0.0 < play(scenario) < 0.1


def test_calls_in_flight_to_a_node_that_dies_fail_at_once():
    async def scenario(sim):
        sim.world.at(sim.now + 1.0, sim.crash, "counter")
        began = sim.now
        with pytest.raises(MeshError):
            await sim.call("counter", "/slow", timeout=30.0)
        return sim.now - began

    assert 1.0 < play(scenario) < 1.1


def test_a_paused_node_does_not_work_late_on_what_waited_for_it():
    async def scenario(sim):
        sim.pause("counter", 2.0)
        for _ in range(5):
            with pytest.raises(MeshError):
                await sim.call("counter", "/count", method="POST", timeout=0.2)
        await asyncio.sleep(2.0)
        return (await sim.call("counter", "/count")).json()["count"]

    assert play(scenario) == 0


def test_a_node_whose_clock_was_set_back_can_be_killed_and_started_again():
    async def scenario(sim):
        sim.jump("plain", -3600.0)
        sim.crash("plain")
        await asyncio.sleep(0.01)
        sim.start("plain")
        await asyncio.sleep(2.0)
        return sim.host("plain").ready, sim.host("plain").lives

    nodes = (SimNode("plain", runs=(Namer, Greeter), targets=("gateway",)),)
    assert simulate(scenario, nodes=nodes, gateways=0).result == (True, 2)


def test_a_node_that_stands_still_gets_no_new_calls_after_a_second_and_has_them_again_when_it_goes_on():
    async def scenario(sim):
        sim.pause("a")
        await asyncio.sleep(1.05)
        states = {one.node: one.health for one in sim.client.instances("counter")}
        answers = [(await sim.call("counter", "/count", method="POST", timeout=0.2)).status for _ in range(50)]
        sim.resume("a")
        await asyncio.sleep(0.6)
        return states, set(answers), {one.node: one.health for one in sim.client.instances("counter")}

    nodes = (SimNode("a", runs=(Counter,)), SimNode("b", runs=(Counter,)))
    states, answers, after = simulate(scenario, nodes=nodes).result
    assert states == {"a": "suspected", "b": "healthy"}
    assert answers == {200}
    assert after == {"a": "healthy", "b": "healthy"}


def test_where_every_instance_is_suspected_they_are_called_all_the_same():
    async def scenario(sim):
        sim.pause("counter", 1.5)
        await asyncio.sleep(1.2)
        states = {one.health for one in sim.client.instances("counter")}
        return states, (await sim.call("counter", "/count", timeout=1.0)).status

    assert play(scenario) == ({"suspected"}, 200)


def test_a_registry_that_stands_still_itself_accuses_nobody_when_it_goes_on():
    async def scenario(sim):
        seen = set()
        for name in ("registry-1", "registry-2"):
            sim.pause(name, 5.0)
        for _ in range(100):
            await asyncio.sleep(0.1)
            seen.update(one.health for one in sim.client.instances("counter"))
        return seen

    assert play(scenario) == {"healthy"}


def test_nodes_are_drained_one_after_the_other_under_calls_without_a_failure():
    async def scenario(sim):
        answers = []

        async def ask(path, method):
            answers.append((await sim.call("counter", path, method=method, timeout=10.0)).status)

        tasks = [asyncio.ensure_future(ask("/slow", "GET")) for _ in range(4)]
        drained = []
        for node in ("a", "b"):
            await asyncio.sleep(0.5)
            draining = asyncio.ensure_future(sim.ask("drain", node, timeout=40.0))
            while not draining.done():
                tasks.append(asyncio.ensure_future(ask("/count", "POST")))
                await asyncio.sleep(0.05)
            drained.append(draining.result())
            await asyncio.sleep(3.0)  # whoever runs it starts it again
        await asyncio.gather(*tasks)
        return set(answers), [(one["node"], len(one["instances"]), one["ends"]) for one in drained], sim.host("a").lives

    nodes = (SimNode("a", runs=(Counter,)), SimNode("b", runs=(Counter,)))
    answers, drained, lives = simulate(scenario, nodes=nodes).result
    assert answers == {200}
    assert drained == [("a", 1, True), ("b", 1, True)]
    assert lives == 2


def test_a_node_may_be_drained_and_stay_and_what_else_is_asked_is_refused():
    async def scenario(sim):
        said = [await sim.ask("drain", "counter", payload=asked) for asked in (b'{"stay": 1}', b"nonsense")]
        stays = await sim.ask("drain", "counter", payload=b'{"stay": true}')
        await asyncio.sleep(2.0)
        found = [one["errors"][0]["message"] for one in said], stays["ends"], sim.client.instances("counter")
        sim.restart("counter")
        await asyncio.sleep(2.0)
        return found

    messages, ends, instances = play(scenario)
    assert "true or false" in messages[0]
    assert (ends, instances) == (False, [])
