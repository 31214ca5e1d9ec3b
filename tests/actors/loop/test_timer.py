"""Deadlines: never early, at most a tick late, cheap to take back, and none spoils another."""

import asyncio
import random

import pytest

from plait.actors.loop.timer import Deadlines, sleep_until
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

TICK = 0.005
LAST_BIT = 1e-8


@pytest.fixture
async def deadlines():
    wheel = Deadlines(asyncio.get_running_loop(), TICK)
    yield wheel
    wheel.close()


def now():
    return asyncio.get_running_loop().time()


async def test_none_of_many_deadlines_is_early_and_none_is_more_than_a_tick_late(deadlines):
    rng, fired = random.Random(1), {}
    whens = [now() + rng.choice((0.003, 0.5, 60.0, 4000.0)) * rng.random() for _ in range(3000)]
    for number, when in enumerate(whens):
        deadlines.at(when, lambda number=number: fired.__setitem__(number, now()))
    await asyncio.sleep(4001)
    assert len(fired) == len(whens)
    for number, when in enumerate(whens):
        assert -LAST_BIT <= fired[number] - when <= TICK + LAST_BIT
    assert len(deadlines) == 0


async def test_they_fire_in_the_order_of_their_times(deadlines):
    order = []
    for seconds in (0.3, 0.1, 0.2, 0.05, 0.25):
        deadlines.at(now() + seconds, lambda seconds=seconds: order.append(seconds))
    await asyncio.sleep(1)
    assert order == sorted(order)
    assert len(order) == 5


async def test_those_of_one_tick_fire_in_the_order_in_which_they_were_set(deadlines):
    order = []
    for number in range(20):
        deadlines.at(now() + 0.1, lambda number=number: order.append(number))
    await asyncio.sleep(1)
    assert order == list(range(20))


async def test_one_that_is_taken_back_never_fires(deadlines):
    fired = []
    kept = [deadlines.at(now() + 0.1, lambda number=number: fired.append(number)) for number in range(100)]
    for deadline in kept[::2]:
        deadline.cancel()
        deadline.cancel()
    assert len(deadlines) == 50
    await asyncio.sleep(1)
    assert fired == list(range(1, 100, 2))


async def test_one_can_take_another_of_its_own_tick_back(deadlines):
    fired = []
    when = now() + 0.1
    taken_back = []
    deadlines.at(when, lambda: taken_back.pop().cancel())
    taken_back.append(deadlines.at(when, lambda: fired.append("second")))
    deadlines.at(when, lambda: fired.append("third"))
    await asyncio.sleep(1)
    assert fired == ["third"]


async def test_taking_back_one_that_has_fired_is_harmless(deadlines):
    fired = []
    deadline = deadlines.at(now() + 0.1, lambda: fired.append(1))
    await asyncio.sleep(1)
    deadline.cancel()
    assert fired == [1]


async def test_a_callback_that_raises_does_not_silence_the_others(deadlines):
    reported, fired = [], []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
    deadlines.at(now() + 0.1, lambda: fired.append("before"))
    deadlines.at(now() + 0.1, lambda: 1 / 0)
    deadlines.at(now() + 0.1, lambda: fired.append("after"))
    deadlines.at(now() + 0.2, lambda: fired.append("later"))
    await asyncio.sleep(1)
    assert fired == ["before", "after", "later"]
    assert [type(error) for error in reported] == [ZeroDivisionError]


async def test_a_nearer_deadline_is_not_held_up_by_a_farther_one_that_was_set_first(deadlines):
    fired = []
    deadlines.at(now() + 100, lambda: fired.append("far"))
    deadlines.at(now() + 0.01, lambda: fired.append("near"))
    await asyncio.sleep(0.02)
    assert fired == ["near"]


async def test_a_nearer_deadline_is_not_held_up_by_a_farther_one_that_a_deadline_sets(deadlines):
    fired = []
    deadlines.at(now() + 0.01, lambda: deadlines.at(now() + 100, lambda: fired.append("far")))
    deadlines.at(now() + 0.1, lambda: fired.append("near"))
    await asyncio.sleep(0.11)
    assert fired == ["near"]


async def test_a_deadline_set_by_a_deadline_fires_in_its_own_time(deadlines):
    times = []
    begin = now()

    def again():
        times.append(now() - begin)
        if len(times) < 5:
            deadlines.at(now() + 0.1, again)

    deadlines.at(begin + 0.1, again)
    await asyncio.sleep(1)
    assert len(times) == 5
    assert all(0.1 * n - LAST_BIT <= time <= 0.1 * n + n * TICK + LAST_BIT for n, time in enumerate(times, 1))


async def test_a_time_in_the_past_fires_at_the_next_turn_and_not_before(deadlines):
    fired = []
    deadlines.at(now() - 10, lambda: fired.append(1))
    assert fired == []
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert fired == [1]


async def test_a_callback_that_sets_itself_for_the_past_again_does_not_keep_the_loop_to_itself(deadlines):
    turns = []

    def again():
        turns.append(1)
        assert len(turns) < 1000, "the loop never got its turn"
        deadlines.at(now() - 1, again)

    deadlines.at(now() - 1, again)
    for _ in range(10):
        await asyncio.sleep(0)
    assert 1 <= len(turns) <= 11


async def test_after_close_nothing_fires_not_even_what_was_due_with_the_one_that_closed(deadlines):
    fired = []
    when = now() + 0.1
    deadlines.at(when, deadlines.close)
    deadlines.at(when, lambda: fired.append("same tick"))
    deadlines.at(when + 0.1, lambda: fired.append("later"))
    await asyncio.sleep(1)
    assert fired == []


async def test_the_loop_carries_one_timer_for_all(deadlines):
    loop = asyncio.get_running_loop()
    before = len(loop._scheduled)
    for number in range(1000):
        deadlines.at(now() + 1 + number / 10, lambda: None)
    assert len([timer for timer in loop._scheduled if not timer.cancelled()]) == before + 1


async def test_a_sleeper_wakes_when_its_time_has_come(deadlines):
    begin = now()
    await sleep_until(deadlines, begin + 3)
    assert 3 - LAST_BIT <= now() - begin <= 3 + TICK + LAST_BIT


async def test_a_sleeper_that_is_cancelled_leaves_no_deadline(deadlines):
    task = asyncio.ensure_future(sleep_until(deadlines, now() + 3))
    await asyncio.sleep(1)
    assert len(deadlines) == 1
    task.cancel()
    await asyncio.wait([task])
    assert len(deadlines) == 0
