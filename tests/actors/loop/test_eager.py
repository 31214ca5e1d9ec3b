"""Coroutines stepped at once: what becomes of them when they are cancelled before the event loop has turned."""

import asyncio
import threading
from contextvars import Context

import pytest

from plait.actors.loop.eager import Eager
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


async def run(work):
    """Start `work` outside of any task, as the bus does, and cancel it in the same turn; return its task."""
    loop = asyncio.get_running_loop()
    started = loop.create_future()

    def start():
        task = Eager(loop).run(work, Context())
        task.cancel()
        started.set_result(task)

    loop.call_soon(start)
    task = await started
    await asyncio.wait((task,))
    return task


async def test_work_that_is_cancelled_in_the_turn_of_its_start_cleans_up_as_any_other():
    seen = []

    async def work():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        finally:
            await asyncio.sleep(1)
            seen.append("clean")

    task = await run(work())
    assert task.cancelled()
    assert seen == ["cancelled", "clean"]


async def test_what_cancelled_work_waits_for_is_cancelled_with_it():
    inner = asyncio.ensure_future(asyncio.sleep(60))

    async def work():
        await inner

    assert (await run(work())).cancelled()
    assert inner.cancelled()


async def test_work_may_refuse_to_be_cancelled():
    async def work():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "not yet"

    assert (await run(work())).result() == "not yet"


async def test_two_loops_of_one_process_do_not_wait_for_each_others_contexts():
    ends = []

    async def short():
        await asyncio.sleep(0)
        return "done"

    async def elsewhere():
        ends.append(await Eager(asyncio.get_running_loop()).run(short(), Context()))

    async def work():
        await asyncio.sleep(0)
        # From here on the parked task drives, in its loop's own context; a loop in another thread does the same.
        other = threading.Thread(target=lambda: asyncio.run(elsewhere()), daemon=True)
        other.start()
        other.join(10.0)
        return ends

    task = Eager(asyncio.get_running_loop()).run(work(), Context())
    assert await asyncio.wait_for(task, 10.0) == ["done"]
