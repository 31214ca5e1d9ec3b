"""A driven coroutine gives its result or its error once, needs no task, and cleans up where it is stopped."""

import asyncio

import pytest

from plait.actors.loop.drive import Drive

pytestmark = pytest.mark.anyio


class Outcome:
    def __init__(self):
        self.calls = []

    def __call__(self, result, error):
        self.calls.append((result, error))


async def test_one_that_waits_for_nothing_is_done_before_the_constructor_returns():
    async def quick():
        return 7

    done = Outcome()
    Drive(quick(), done)
    assert done.calls == [(7, None)]


async def test_one_that_waits_goes_on_when_its_future_is_there(until):
    future = asyncio.get_running_loop().create_future()

    async def waits():
        return await future + await other

    other = asyncio.get_running_loop().create_future()
    done = Outcome()
    tasks = len(asyncio.all_tasks())
    Drive(waits(), done)
    future.set_result(1)
    await asyncio.sleep(0)
    assert done.calls == []
    assert len(asyncio.all_tasks()) == tasks
    other.set_result(2)
    await until(lambda: done.calls)
    assert done.calls == [(3, None)]


async def test_an_error_is_handed_over_whether_raised_at_once_or_by_what_it_waited_for(until):
    async def fails():
        raise ValueError("at once")

    done = Outcome()
    Drive(fails(), done)
    assert [type(error) for _, error in done.calls] == [ValueError]

    future = asyncio.get_running_loop().create_future()

    async def waits():
        await future

    done = Outcome()
    Drive(waits(), done)
    future.set_exception(KeyError("later"))
    await until(lambda: done.calls)
    assert [type(error) for _, error in done.calls] == [KeyError]


async def test_an_error_can_be_caught_inside_and_the_work_goes_on(until):
    loop = asyncio.get_running_loop()
    first, second = loop.create_future(), loop.create_future()

    async def retries():
        try:
            return await first
        except ValueError:
            return await second

    done = Outcome()
    Drive(retries(), done)
    first.set_exception(ValueError())
    second.set_result("second")
    await until(lambda: done.calls)
    assert done.calls == [("second", None)]


async def test_cancel_runs_what_must_be_put_away_and_tells_nobody():
    future = asyncio.get_running_loop().create_future()
    put_away = []

    async def waits():
        try:
            await future
        finally:
            put_away.append(1)

    done = Outcome()
    drive = Drive(waits(), done)
    drive.cancel()
    assert put_away == [1]
    drive.cancel()
    future.set_result("too late")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (done.calls, put_away) == ([], [1])


async def test_cancel_after_the_end_is_harmless():
    async def quick():
        return 7

    done = Outcome()
    Drive(quick(), done).cancel()
    assert done.calls == [(7, None)]
