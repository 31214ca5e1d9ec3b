"""The checker looks when it should, cuts what hangs, and tells the registry what changed: no more, and nothing less."""

import asyncio
import random

import pytest

from plait.actors import Actor, Health
from plait.actors.loop.timer import Deadlines
from plait.actors.runtime.spec import ChildSpec
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings
from plait.actors.service.check import MethodCheck, TcpCheck
from plait.mesh.checker import Checker, outside
from plait.mesh.condition import Condition
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio
PASSES, FAILS = Health.passing(), Health.critical("refused")


class Membership(Actor):
    """Keeps what it is told, with the time."""

    def __init__(self, told):
        self.told = told

    def receive(self, message):
        self.told.append((self.surroundings.clock(), message.health, message.reason))


class World:
    """One checker, whose looks come to what `answer` is, and take `takes` seconds."""

    def __init__(self, *checks):
        loop = asyncio.get_running_loop()
        self.around = Surroundings(loop, Deadlines(loop), random.Random(4))
        self.supervisor = Supervisor("n1", self.around)
        self.checks = checks
        self.condition = Condition(checks)
        self.answer, self.takes = PASSES, 0.0
        self.looks, self.open, self.most, self.told = [], 0, 0, []
        self.began = loop.time()

    async def start(self):
        membership = await self.supervisor.start_child(ChildSpec("membership", lambda: Membership(self.told)))
        looks = [self.look] * len(self.checks)
        spec = ChildSpec(
            "r1-health",
            lambda: Checker("r1", self.condition, looks, membership),
            concurrency=len(looks),
            shutdown=0.1,
        )
        self.cell = await self.supervisor.start_child(spec)
        return self

    async def look(self):
        self.looks.append(self.around.clock() - self.began)
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            if self.takes:
                await asyncio.sleep(self.takes)
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer
        finally:
            self.open -= 1

    def words(self):
        return [word for _, *word in self.told]

    def gaps(self):
        return [later - earlier for earlier, later in zip(self.looks, self.looks[1:], strict=False)]


@pytest.fixture
async def world():
    made = []

    async def make(*checks):
        made.append(await World(*checks).start())
        return made[-1]

    yield make
    for one in made:
        await one.supervisor.stop()


async def test_the_first_look_is_at_once_and_the_next_ones_by_the_interval_give_or_take_a_tenth(world):
    one = await world(MethodCheck("db"))
    await asyncio.sleep(500.0)
    assert one.looks[0] < 0.01
    assert 4.5 <= min(one.gaps()) < 4.7 < 5.3 < max(one.gaps()) <= 5.52
    assert one.words() == [["healthy", ""]]


async def test_a_delay_comes_before_the_first_look(world):
    one = await world(MethodCheck("db", delay=7.0))
    await asyncio.sleep(6.9)
    assert (one.looks, one.told) == ([], [])
    await asyncio.sleep(0.2)
    assert len(one.looks) == 1


async def test_an_instance_that_starts_is_looked_at_more_often_at_first(world):
    one = await world(MethodCheck("db"))
    one.answer = FAILS
    await asyncio.sleep(60.0)
    gaps = one.gaps()
    assert [0.25 <= gaps[0] < 0.31, 0.5 <= gaps[1] < 0.61, 1.0 <= gaps[2] < 1.21] == [True] * 3
    assert all(4.0 <= gap < 5.6 for gap in gaps[5:])
    assert one.words() == [["starting", "db: refused"]]
    one.answer = PASSES
    await asyncio.sleep(5.6)
    assert one.words()[1:] == [["healthy", ""]]


async def test_it_is_taken_out_at_the_third_failure_and_comes_back_at_the_first_success(world):
    one = await world(MethodCheck("db", interval=1.0))
    await asyncio.sleep(0.1)
    one.answer, looks = FAILS, len(one.looks)
    await asyncio.sleep(20.0)
    assert one.words() == [["healthy", ""], ["critical", "db: refused"]]
    assert one.told[1][0] - one.began == pytest.approx(one.looks[looks + 2], abs=0.001)
    one.answer, looks = PASSES, len(one.looks)
    await asyncio.sleep(20.0)
    assert one.words()[2:] == [["healthy", ""]]
    assert one.told[2][0] - one.began == pytest.approx(one.looks[looks], abs=0.001)


async def test_one_that_fails_now_and_then_stays_and_the_registry_hears_nothing(world):
    one = await world(MethodCheck("db", interval=1.0))
    await asyncio.sleep(0.1)
    for _ in range(50):
        one.answer = FAILS
        await asyncio.sleep(1.8)  # one look, two at most
        one.answer = PASSES
        await asyncio.sleep(1.2)
    assert one.words() == [["healthy", ""]]


async def test_a_reason_that_changes_all_the_time_is_told_twice_a_minute_at_most(world):
    one = await world(MethodCheck("disk", interval=1.0))
    for percent in range(120):
        one.answer = Health.warning(f"{percent} % full")
        await asyncio.sleep(1.0)
    assert 4 <= len(one.told) <= 5
    one.answer = PASSES
    await asyncio.sleep(1.2)
    assert one.words()[-1] == ["healthy", ""]


async def test_what_an_instance_that_starts_waits_for_is_told_every_few_seconds(world):
    one = await world(MethodCheck("db", interval=0.5), MethodCheck("disk", interval=0.5))
    for number in range(90):
        one.answer = Health.critical(f"try {number}")
        await asyncio.sleep(0.1)
    assert 3 <= len(one.told) <= 4
    assert {word for word, _ in one.words()} == {"starting"}


async def test_a_slow_look_is_never_joined_by_another_of_the_same_check(world):
    one = await world(MethodCheck("db", interval=1.0), MethodCheck("disk", interval=1.0))
    one.takes = 3.0
    await asyncio.sleep(30.0)
    assert one.most == 2
    assert len(one.looks) == pytest.approx(20, abs=2)


async def test_a_look_that_raises_fails_and_the_checker_goes_on(world):
    one = await world(MethodCheck("db", failures=1))
    await asyncio.sleep(0.1)
    one.answer = OSError("no route")
    await asyncio.sleep(6.0)
    assert one.words()[-1] == ["critical", "db: OSError: no route"]
    assert one.cell.life.value == "running"


async def test_a_checker_that_is_started_anew_goes_on_where_it_was(world):
    one = await world(MethodCheck("db", interval=1.0))
    await asyncio.sleep(0.1)
    one.answer = FAILS
    await asyncio.sleep(4.0)
    await one.supervisor.stop_child("r1-health")
    assert one.open == 0
    assert one.condition.health == "critical"


async def test_a_look_outside_is_cut_at_its_timeout():
    cancelled = []

    async def hangs(check):
        try:
            await asyncio.sleep(100.0)
        except asyncio.CancelledError:
            cancelled.append(check)
            raise

    check = TcpCheck("127.0.0.1:1", timeout=2.0)
    began = asyncio.get_running_loop().time()
    assert await outside(hangs, check)() == Health.critical("no answer within 2 s")
    assert (asyncio.get_running_loop().time() - began, cancelled) == (2.0, [check])


async def test_stopping_ends_a_look_in_hand(world):
    one = await world(MethodCheck("db"))
    one.takes = 1000.0
    await asyncio.sleep(0.3)  # nothing looks yet but the first, which was quick
    await asyncio.sleep(6.0)
    assert one.open == 1
    began = one.around.clock()
    await one.supervisor.stop_child("r1-health")
    assert (one.open, one.around.clock() - began < 0.2) == (0, True)
