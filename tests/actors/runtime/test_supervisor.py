"""A supervisor: order of start and stop, who is restarted and when, when it gives up, and that stopping always ends."""

import asyncio
import itertools
import random

import pytest

from plait.actors.loop.backoff import Backoff
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.error import ActorStopped, IntensityExceeded, StartFailed
from plait.actors.runtime.actor import Actor
from plait.actors.runtime.life import Life
from plait.actors.runtime.spec import ChildSpec, Limits, Restart
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

EXACT = Backoff(base=1.0, ceiling=8.0, jitter=0.0, reset=20.0)
LIMITS = Limits(intensity=100, period=10.0, backoff=EXACT)


class House:
    """A supervisor, what happened in it, and which children fail to start from now on."""

    def __init__(self, deadlines, limits=LIMITS):
        self.log, self.failed, self.broken = [], [], set()
        self.slow_start = self.slow_stop = 0.0
        surroundings = Surroundings(asyncio.get_running_loop(), deadlines, random.Random(1))
        self.supervisor = Supervisor("house", surroundings, limits, self.failed.append)
        self.begin = asyncio.get_running_loop().time()

    def now(self):
        return asyncio.get_running_loop().time() - self.begin

    def spec(self, name, restart=Restart.PERMANENT, **more):
        house = self

        class Child(Actor):
            async def pre_start(self):
                house.log.append((f"+{name}", round(house.now(), 1)))
                await asyncio.sleep(house.slow_start)
                if name in house.broken:
                    raise OSError(f"{name} is broken")

            def receive(self, message):
                if message == "end":
                    return self.finish()
                if message == "fail":
                    raise ValueError(f"{name} failed")
                if message == "work":
                    return asyncio.sleep(100)
                return f"{name}: {message}"

            async def post_stop(self):
                await asyncio.sleep(house.slow_stop)
                house.log.append((f"-{name}", round(house.now(), 1)))

        return ChildSpec(name, Child, restart, **more)

    def steps(self):
        return [step for step, _ in self.log]

    def child(self, name):
        return next(child for child in self.supervisor.children if child.name == name)


@pytest.fixture
async def deadlines():
    wheel = Deadlines(asyncio.get_running_loop())
    yield wheel
    wheel.close()


@pytest.fixture
async def house(deadlines):
    house = House(deadlines)
    yield house
    await house.supervisor.stop()


async def test_children_start_in_order_and_stop_in_reverse(house):
    await house.supervisor.start([house.spec(name) for name in "abc"])
    assert house.supervisor.running()
    await house.supervisor.stop()
    assert house.steps() == ["+a", "+b", "+c", "-c", "-b", "-a"]
    assert house.supervisor.children == ()


async def test_a_failed_start_undoes_those_before_it_and_names_the_child(house):
    house.broken.add("c")
    with pytest.raises(StartFailed, match="c could not start: c is broken"):
        await house.supervisor.start([house.spec(name) for name in "abcd"])
    assert house.steps() == ["+a", "+b", "+c", "-b", "-a"]


async def test_a_name_is_given_once(house):
    await house.supervisor.start_child(house.spec("a"))
    with pytest.raises(StartFailed, match="already has a child 'a'"):
        await house.supervisor.start_child(house.spec("a"))
    assert await house.child("a").ask("x", 5) == "a: x"


async def test_one_child_can_be_stopped_and_its_name_taken_again(house):
    await house.supervisor.start([house.spec(name) for name in "ab"])
    old = house.child("a")
    await house.supervisor.stop_child("a")
    await house.supervisor.stop_child("nobody")
    with pytest.raises(ActorStopped):
        old.tell("x")
    await house.supervisor.start_child(house.spec("a"))
    assert await house.child("a").ask("x", 5) == "a: x"
    assert house.steps() == ["+a", "+b", "-a", "+a"]


@pytest.mark.parametrize(
    ("restart", "how", "comes_back"),
    [
        (Restart.PERMANENT, "fail", True),
        (Restart.PERMANENT, "end", True),
        (Restart.TRANSIENT, "fail", True),
        (Restart.TRANSIENT, "end", False),
        (Restart.TEMPORARY, "fail", False),
        (Restart.TEMPORARY, "end", False),
    ],
)
async def test_who_comes_back_follows_from_its_spec_and_how_it_ended(house, restart, how, comes_back):
    await house.supervisor.start([house.spec("a", restart), house.spec("b")])
    cell = house.child("a")
    cell.tell(how)
    await asyncio.sleep(5)
    assert (cell in house.supervisor.children) is comes_back
    assert cell.life is (Life.RUNNING if comes_back else Life.STOPPED)
    assert house.steps() == ["+a", "+b", "-a"] + ["+a"] * comes_back
    assert cell.restarts == comes_back


async def test_a_failed_child_is_restarted_alone_and_its_mail_is_kept(house):
    await house.supervisor.start([house.spec(name) for name in "ab"])
    house.child("a").tell("fail")
    assert not house.supervisor.running()
    assert await house.child("a").ask("kept", 60) == "a: kept"
    assert house.steps() == ["+a", "+b", "-a", "+a"]
    assert house.supervisor.running()


async def test_restarts_wait_longer_each_time_up_to_the_ceiling(house):
    await house.supervisor.start([house.spec("a")])
    house.broken.add("a")
    house.child("a").tell("fail")
    await asyncio.sleep(35)
    times = [time for step, time in house.log if step == "+a"]
    waits = [round(later - earlier) for earlier, later in itertools.pairwise(times)]
    assert waits == [1, 2, 4, 8, 8, 8]


async def test_a_long_wait_is_no_time_without_trouble(deadlines):
    patient = Limits(100, 10.0, Backoff(base=1.0, ceiling=8.0, jitter=0.0, reset=5.0))
    house = House(deadlines, patient)
    await house.supervisor.start([house.spec("a")])
    house.broken.add("a")
    house.child("a").tell("fail")
    await asyncio.sleep(35)
    times = [time for step, time in house.log if step == "+a"]
    waits = [round(later - earlier) for earlier, later in itertools.pairwise(times)]
    assert waits == [1, 2, 4, 8, 8, 8]
    await house.supervisor.stop()


async def test_after_a_time_without_trouble_waits_are_short_again(house):
    await house.supervisor.start([house.spec("a")])
    for _ in range(3):
        house.child("a").tell("fail")
        await asyncio.sleep(5)
    await asyncio.sleep(30)
    failed = house.now()
    house.child("a").tell("fail")
    await asyncio.sleep(15)
    assert house.log[-1][1] - failed == pytest.approx(1.0, abs=0.1)


async def test_too_many_restarts_in_the_period_stop_all_and_say_why(deadlines):
    house = House(deadlines, Limits(intensity=3, period=10.0, backoff=Backoff(0.1, 0.1, 0.0)))
    await house.supervisor.start([house.spec(name) for name in "abc"])
    for _ in range(4):
        assert house.failed == []
        house.child("b").tell("fail")
        await asyncio.sleep(1)
    assert [type(error) for error in house.failed] == [IntensityExceeded]
    assert "house gave up: more than 3 restarts in 10 s" in str(house.failed[0])
    assert str(house.failed[0]).count("b: ValueError: b failed") == 4
    assert house.supervisor.children == ()
    assert house.steps()[-3:] == ["-c", "-b", "-a"]


async def test_as_many_restarts_over_a_longer_time_are_borne(deadlines):
    house = House(deadlines, Limits(intensity=3, period=10.0, backoff=Backoff(0.1, 0.1, 0.0)))
    await house.supervisor.start([house.spec("a")])
    for _ in range(12):
        house.child("a").tell("fail")
        await asyncio.sleep(4)
    assert house.failed == []
    assert house.supervisor.running()
    await house.supervisor.stop()


async def test_restarts_that_cannot_start_count_too_and_are_told_with_their_reasons(deadlines):
    house = House(deadlines, Limits(intensity=3, period=10.0, backoff=Backoff(0.1, 0.1, 0.0)))
    await house.supervisor.start([house.spec("a"), house.spec("b")])
    house.broken.add("a")
    house.child("a").tell("fail")
    await asyncio.sleep(5)
    assert len(house.failed) == 1
    assert "a: ValueError: a failed" in str(house.failed[0])
    assert "a: could not restart: a is broken" in str(house.failed[0])
    assert house.supervisor.children == ()


async def test_stop_does_not_wait_for_the_next_life_of_a_child(house):
    await house.supervisor.start([house.spec("a")])
    house.broken.add("a")
    cell = house.child("a")
    cell.tell("fail")
    await asyncio.sleep(8)
    begin = house.now()
    await house.supervisor.stop()
    assert house.now() - begin < 0.1
    assert cell.life is Life.STOPPED


async def test_a_stop_while_a_child_starts_again_ends_that_start_and_leaves_it_stopped(house):
    await house.supervisor.start([house.spec("a")])
    house.slow_start = 50.0
    cell = house.child("a")
    cell.tell("fail")
    await asyncio.sleep(2)
    assert cell.life is Life.STARTING
    await house.supervisor.stop()
    assert house.now() < 5
    assert cell.life is Life.STOPPED
    with pytest.raises(ActorStopped):
        cell.tell("x")


async def test_a_stop_while_a_failed_child_still_has_work_in_hand_ends_in_the_shutdown_time(house):
    await house.supervisor.start([house.spec("a", shutdown=3.0, concurrency=2)])
    cell = house.child("a")
    cell.tell("work")
    cell.tell("fail")
    await asyncio.sleep(1)
    async with asyncio.timeout(10):
        await house.supervisor.stop()
    assert house.steps() == ["+a", "-a"]
    assert cell.life is Life.STOPPED


async def test_a_stop_while_a_failed_child_is_put_away_lets_it_put_away_to_the_end_and_once(house):
    await house.supervisor.start([house.spec("a")])
    house.slow_stop = 3.0
    house.child("a").tell("fail")
    await asyncio.sleep(1)
    await house.supervisor.stop()
    assert house.log == [("+a", 0.0), ("-a", 3.0)]
    assert house.failed == []


async def test_a_second_stop_waits_for_the_giving_up_that_is_under_way(deadlines):
    house = House(deadlines, Limits(intensity=0, backoff=Backoff(0.1, 0.1, 0.0)))
    await house.supervisor.start([house.spec("a")])
    house.slow_stop = 3.0
    house.child("a").tell("fail")
    await asyncio.sleep(1)
    await house.supervisor.stop()
    assert house.steps() == ["+a", "-a"]
    assert len(house.failed) == 1


async def test_waiting_mail_of_a_child_that_is_not_restarted_is_answered(house):
    await house.supervisor.start([house.spec("a", Restart.TEMPORARY, concurrency=2)])
    cell = house.child("a")
    cell.tell("fail")
    with pytest.raises(ActorStopped):
        await cell.ask("x", 60)


async def test_nothing_is_restarted_after_stop(house):
    await house.supervisor.start([house.spec("a")])
    house.child("a").tell("fail")
    await house.supervisor.stop()
    await asyncio.sleep(60)
    assert house.steps() == ["+a", "-a"]
