"""A cell's lives: how they end, what becomes of mail then, what is put away, and that a stop keeps to its time."""

import asyncio

import pytest

from plait.actors.messages.error import ActorStopped, Cancelled
from plait.actors.runtime.actor import Actor
from plait.actors.runtime.life import Life
from plait.actors.runtime.mailbox import Mail
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


def now():
    return asyncio.get_running_loop().time()


async def outcome(awaitable):
    """The answer, or the error's type."""
    try:
        return await awaitable
    except Exception as error:
        return type(error)


async def test_finish_ends_the_life_in_peace(start):
    cell = await start()
    cell.finish()
    cell.finish()
    assert start.parent.ends == [None]
    assert cell.life is Life.FAILED


async def test_stop_answers_waiting_mail_and_lets_the_work_in_hand_end(start):
    cell = await start()
    in_hand, waiting = asyncio.ensure_future(cell.ask(2, 60)), asyncio.ensure_future(outcome(cell.ask("x", 60)))
    await asyncio.sleep(0.1)
    await cell.stop()
    assert await in_hand == 2
    assert await waiting is ActorStopped
    assert start.log == ["start", 2, "stop"]
    assert cell.life is Life.STOPPED


async def test_what_is_not_done_within_the_shutdown_time_is_cancelled(start):
    cell = await start(shutdown=3.0, concurrency=2)
    asks = [asyncio.ensure_future(outcome(cell.ask(seconds, 600))) for seconds in (100, 200)]
    await asyncio.sleep(0.1)
    begin = now()
    await cell.stop()
    assert now() - begin == pytest.approx(3, abs=0.01)
    assert await asyncio.gather(*asks) == [Cancelled, Cancelled]
    assert start.log == ["start", "100 cancelled", "200 cancelled", "stop"]


async def test_work_that_is_cancelled_in_its_first_turn_cleans_up_and_leaves_nothing_behind(start):
    cell = await start(shutdown=0.0)
    mail = Mail(5, asyncio.get_running_loop().create_future())
    cell.deliver(mail)
    mail.task.cancel()
    with pytest.raises(Cancelled):
        await mail.reply
    assert start.log == ["start", "5 cancelled"]
    assert cell.active == 0


async def test_a_stopped_cell_takes_no_mail(start):
    cell = await start()
    await cell.stop()
    with pytest.raises(ActorStopped):
        cell.tell("x")
    with pytest.raises(ActorStopped):
        await cell.ask("x", 5)
    await cell.stop()
    assert start.log == ["start", "stop"]


async def test_post_stop_runs_once_for_each_life_that_started(start):
    cell = await start()
    for _ in range(3):
        cell.tell("bad")
        await cell.bury()
        await cell.start()
    await cell.stop()
    assert start.log == ["start", "stop"] * 4


async def test_a_life_that_could_not_start_is_not_put_away(start, worker):
    class Broken(worker):
        async def pre_start(self):
            raise OSError("no port")

    with pytest.raises(OSError, match="no port"):
        await start(Broken)
    assert start.cells[0].life is Life.FAILED
    await start.cells[0].stop()
    assert start.log == []


async def test_a_clean_up_that_fails_is_reported_and_the_stop_goes_on(start, worker):
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))

    class Broken(worker):
        async def post_stop(self):
            raise OSError("busy")

    cell = await start(Broken)
    await cell.stop()
    assert cell.life is Life.STOPPED
    assert [str(error) for error in reported] == ["busy"]


async def test_mail_that_comes_while_it_starts_waits_for_the_start(start, worker):
    class Slow(worker):
        async def pre_start(self):
            await asyncio.sleep(2)
            self.log.append("start")

    starting = asyncio.ensure_future(start(Slow))
    await asyncio.sleep(1)
    assert await start.cells[0].ask("early", 60) == "EARLY"
    await starting
    assert start.log == ["start", "early"]


class Stubborn(Actor):
    """Goes on when it is cancelled, and does not come to an end when it is put away."""

    def __init__(self, log):
        self.log = log

    async def receive(self, message):
        end = now() + message
        while now() < end:
            try:
                await asyncio.sleep(end - now())
            except asyncio.CancelledError:
                continue

    async def post_stop(self):
        await asyncio.sleep(600)


async def test_a_stop_ends_though_neither_the_work_in_hand_nor_the_clean_up_does(start):
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context["message"]))
    cell = await start(Stubborn, shutdown=2.0)
    ask = asyncio.ensure_future(outcome(cell.ask(300, 600)))
    await asyncio.sleep(0.1)
    begin = now()
    await cell.stop()
    assert now() - begin == pytest.approx(6, abs=0.1)
    assert (await ask, cell.life, cell.active) == (Cancelled, Life.STOPPED, 0)
    assert len(reported) == 2
    await asyncio.sleep(300)
    assert len(reported) == 2
