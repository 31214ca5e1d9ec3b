"""Work in slices: others get their turns, what it makes or raises arrives, and it can be ended."""

import asyncio

import pytest

from plait.actors.loop.slice import WORK, Slices, at_once

pytestmark = pytest.mark.anyio


class Clock:
    """Each look at it takes a third of a slice."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += WORK / 3
        return self.now


def count(to, log=None, fail=False):
    for n in range(to):
        if log is not None:
            log.append(n)
        yield
    if fail:
        raise ValueError("no")
    return to


@pytest.fixture
async def slices():
    return Slices(asyncio.get_running_loop(), Clock())


def test_at_once_returns_what_was_made():
    assert at_once(count(5)) == 5


async def test_others_run_between_the_slices(slices):
    log = []
    job = asyncio.ensure_future(slices.run(count(12, log)))
    turns = 0
    while not job.done():
        before = len(log)
        await asyncio.sleep(0)
        turns += len(log) > before
        assert len(log) - before <= 3
    assert await job == 12
    assert turns >= 4


async def test_what_fits_one_slice_is_over_before_start_returns():
    made = []
    Slices(asyncio.get_running_loop(), lambda: 0.0).start(count(10_000), made.append)
    assert made == [10_000]


async def test_an_error_of_the_work_arrives(slices):
    with pytest.raises(ValueError, match="no"):
        await slices.run(count(7, fail=True))


async def test_cancelled_work_goes_no_further(slices):
    log, made = [], []
    slices.start(count(100, log), made.append).cancel()
    task = asyncio.ensure_future(slices.run(count(100, log)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    before = len(log)
    await asyncio.sleep(0.01)
    assert len(log) == before < 20
    assert made == []
