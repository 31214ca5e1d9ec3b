"""What a simulated run does not depend on, does not lose, and refuses in words."""

import asyncio
import contextlib
import gc
import pickle
import threading

import anyio
import pytest

from plait.actors import MeshError, Service, get
from plait.testing import Faults, Lines, SimNode, SimulationError, SimulationFailed, simulate
from tests.testing.shop import Counter, Greeter, Namer


async def greet(sim):
    return (await sim.call("greeter", "/hello")).json()


def test_the_garbage_collector_decides_nothing():
    class Careless(Service, name="careless"):
        """Leaves tasks behind that nobody holds, and one that fails unseen."""

        @get("/")
        async def leave(self):
            async def lingers(number):
                try:
                    await asyncio.get_running_loop().create_future()
                finally:
                    gone.append(number)

            async def fails():
                raise ValueError("unseen")

            for number in range(20):
                asyncio.ensure_future(lingers(number))  # noqa: RUF006
            asyncio.ensure_future(fails())  # noqa: RUF006
            return len(gone)

    async def scenario(sim):
        answers = []
        for _ in range(5):
            answers.append((await sim.call("careless", "/")).json())
            await asyncio.sleep(1.0)
        return answers

    digests = []
    for threshold in (0, 50, 700):
        gone, before = [], gc.get_threshold()
        gc.set_threshold(threshold)
        try:
            run = simulate(scenario, services=(Careless,), seed=3)
        finally:
            gc.set_threshold(*before)
        digests.append((run.digest, run.result))
    assert digests[0] == digests[1] == digests[2]
    assert digests[0][1] == [0] * 5


def test_the_callers_lines_stay_as_they_were_and_the_scenarios_survive_a_storm():
    lines = Lines()

    async def scenario(sim):
        sim.lines.spread = 0.005
        await asyncio.sleep(60.0)
        return sim.lines.spread

    assert simulate(scenario, services=(Namer,), lines=lines, faults=Faults(storm=20.0), seed=1).result == 0.005
    assert lines == Lines()


def test_a_node_that_the_scenario_killed_stays_dead_whatever_else_strikes():
    async def scenario(sim):
        sim.crash("namer")
        await asyncio.sleep(60.0)
        return sim.host("namer").running

    assert simulate(scenario, services=(Namer, Greeter), faults=Faults(crash=30.0), seed=1).result is False


def test_a_node_that_is_killed_while_it_restarts_stays_dead_and_one_restart_is_enough():
    async def scenario(sim):
        sim.restart("a")
        sim.restart("a")
        await asyncio.sleep(2.0)
        again = sim.host("a").lives
        sim.restart("a")
        await asyncio.sleep(0.0005)
        sim.crash("a")
        await asyncio.sleep(5.0)
        return again, sim.host("a").running

    assert simulate(scenario, nodes=(SimNode("a", runs=(Counter,)),)).result == (2, False)


def test_a_second_pause_is_not_ended_by_the_first_ones_time():
    async def scenario(sim):
        sim.pause("namer", 3.0)
        sim.resume("namer")
        sim.pause("namer")
        await asyncio.sleep(3.5)
        paused = sim.host("namer").loop.paused
        sim.resume("namer")
        return paused

    assert simulate(scenario, services=(Namer,)).result is True


def test_what_fails_in_the_scenarios_background_fails_the_run():
    async def scenario(sim):
        async def check():
            assert sim.now < 0, "never true"

        asyncio.ensure_future(check())  # noqa: RUF006
        await asyncio.sleep(1.0)

    with pytest.raises(SimulationFailed, match="never true"):
        simulate(scenario, services=(Namer,))


def test_pytests_own_fail_tells_the_seed_too():
    async def scenario(sim):
        pytest.fail("no such luck")

    with pytest.raises(SimulationFailed, match="seed 4: Failed: no such luck"):
        simulate(scenario, services=(Namer,), seed=4)


def test_a_failure_travels_to_other_processes():
    failed = SimulationFailed(7, ValueError("x"), ["a", "b"])
    again = pickle.loads(pickle.dumps(failed))
    assert (str(again), again.seed, again.trace) == (str(failed), 7, ["a", "b"])


async def _elsewhere():
    simulate(greet, services=(Namer,))


def test_within_an_event_loop_it_is_refused_and_the_loop_goes_on():
    async def outside():
        with pytest.raises(SimulationError, match="where no event loop runs"):
            await _elsewhere()
        await asyncio.sleep(0)
        return "well"

    assert asyncio.run(outside()) == "well"


def test_a_service_may_leave_generators_use_anyio_and_raise_in_its_own_callbacks():
    class Odd(Service, name="odd"):
        @get("/")
        async def odd(self):
            closed = []

            async def numbers():
                try:
                    for number in range(10):
                        yield number
                finally:
                    await asyncio.sleep(0.1)
                    closed.append(True)

            async for _ in numbers():
                break
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 0.5)
            asyncio.get_running_loop().call_later(0.1, lambda: 1 / 0)
            await asyncio.sleep(0.5)
            return closed, await asyncio.to_thread(lambda: asyncio.run(asyncio.sleep(0, 7)))

    async def scenario(sim):
        return (await sim.call("odd", "/")).json()

    assert simulate(scenario, services=(Odd,)).result == [[True], 7]


def test_a_thread_of_its_own_is_refused_in_words():
    class Threaded(Service, name="threaded"):
        @get("/")
        async def wait(self):
            told = []

            def speak():
                try:
                    loop.call_soon_threadsafe(told.append, 1)
                except SimulationError as error:
                    told.append(str(error))

            loop = asyncio.get_running_loop()
            thread = threading.Thread(target=speak)
            thread.start()
            thread.join()
            return told

    async def scenario(sim):
        return (await sim.call("threaded", "/")).json()

    assert "no run would be like another" in simulate(scenario, services=(Threaded,)).result[0]


def test_a_lost_node_whose_cable_was_out_is_noticed_by_silence_alone():
    async def scenario(sim):
        sim.isolate("counter")
        sim.crash("counter")
        began = sim.now
        while any(one.health == "healthy" for one in sim.client.instances("counter")):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        suspected = sim.now - began
        while sim.client.instances("counter"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return suspected, sim.now - began

    suspected, gone = simulate(scenario, services=(Counter,)).result
    assert 0.5 < suspected <= 1.1
    assert 3.0 < gone <= 5.0


def test_work_that_goes_on_after_its_deadline_is_found_though_it_never_ends():
    async def scenario(sim):
        with contextlib.suppress(MeshError):
            await sim.call("counter", "/deaf", timeout=0.3)
        await asyncio.sleep(5.0)

    with pytest.raises(SimulationFailed, match=r"goes on with GET /deaf 0\.\d+ s after its deadline"):
        simulate(scenario, services=(Counter,))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: simulate(greet, services=("S",)), "takes classes of services"),
        (lambda: simulate(greet, nodes=(SimNode("n", runs=Namer),)), "takes a tuple"),
        (lambda: simulate(greet, nodes=(SimNode("No Label", runs=(Namer,)),)), "No Label"),
        (lambda: simulate(greet, nodes=(SimNode("n", runs=(Namer,), replicas=-1),)), "a number from 1"),
        (lambda: simulate(greet, nodes=(SimNode("n", targets=("gate",)),)), "takes registry, policy"),
    ],
)
def test_a_wrong_plan_is_named_before_anything_starts(make, words):
    with pytest.raises(SimulationError, match=words):
        make()


def test_a_rate_below_zero_a_bare_name_and_half_a_url_are_refused():
    with pytest.raises(ValueError, match="crash is a number from 0"):
        Faults(crash=-1.0)

    async def scenario(sim):
        with pytest.raises(SimulationError, match="sets of names"):
            sim.partition("namer")
        with pytest.raises(SimulationError, match="a path from /"):
            await sim.get("hello")

    simulate(scenario, services=(Namer,))
