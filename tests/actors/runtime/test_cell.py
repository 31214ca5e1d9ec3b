"""A cell at work: turns, bounds, deadlines, errors, and that it costs nothing while it idles."""

import asyncio
import contextvars

import pytest

from plait.actors.messages.error import DeadlineExceeded, MissedDeadline, Overloaded, UnknownMessage
from plait.actors.runtime.actor import Actor
from plait.actors.runtime.life import Life
from plait.actors.runtime.mailbox import Mail
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


def now():
    return asyncio.get_running_loop().time()


def tasks():
    return len(asyncio.all_tasks())


async def outcome(awaitable):
    """The answer, or the error's type."""
    try:
        return await awaitable
    except Exception as error:
        return type(error)


async def test_one_message_is_handled_at_a_time_and_in_order(start):
    cell = await start()
    for seconds in (3, 1, 2):
        cell.tell(seconds)
    await asyncio.sleep(10)
    assert start.log == ["start", 3, 1, 2]
    assert cell.actor.most == 1


async def test_with_concurrency_so_many_are_handled_at_a_time_and_no_more(start):
    cell = await start(concurrency=3)
    begin = now()
    answers = await asyncio.gather(*(cell.ask(1, 60) for _ in range(9)))
    assert answers == [1] * 9
    assert cell.actor.most == 3
    assert now() - begin == pytest.approx(3, abs=0.01)


async def test_a_plain_method_answers_at_once_and_costs_no_task(start):
    cell = await start()
    before = tasks()
    reply = asyncio.get_running_loop().create_future()
    cell.deliver(Mail("hello", reply))
    assert reply.result() == "HELLO"
    assert tasks() == before


async def test_an_idle_cell_holds_no_task_and_no_deadline(start, deadlines):
    before = tasks()
    cell = await start()
    assert await cell.ask(1, 60) == 1
    await asyncio.sleep(0)
    assert tasks() == before
    assert (len(deadlines), cell.active, len(cell.mailbox)) == (0, 0, 0)


class Talker(Actor):
    """Tells itself to count down to 0, and says when it is in the middle of something."""

    def __init__(self, log):
        self.log = log
        self.inside = False

    def receive(self, message):
        if message == "slow":
            return self.slow()
        assert not self.inside, "two messages at a time"
        self.inside = True
        if message:
            self.me.tell(message - 1)
        self.inside = False
        self.log.append(message)
        return None

    async def slow(self):
        assert not self.inside, "two messages at a time"
        self.inside = True
        self.me.tell(1)
        await asyncio.sleep(1)
        self.inside = False
        self.log.append("slow")


async def test_what_an_actor_tells_itself_is_handled_after_what_it_has_in_hand(start):
    cell = await start(Talker)
    cell.tell(3)
    assert start.log == [3]
    await asyncio.sleep(1)
    assert start.log == [3, 2, 1, 0]
    assert start.parent.ends == []


async def test_work_that_waits_is_not_overtaken_by_what_it_tells_its_own_actor(start):
    cell = await start(Talker)
    asyncio.get_running_loop().call_soon(cell.tell, "slow")
    await asyncio.sleep(5)
    assert start.log == ["slow", 1, 0]
    assert start.parent.ends == []


async def test_an_actor_that_tells_itself_without_end_leaves_the_loop_to_others(start):
    cell = await start(Talker)
    cell.tell(10**9)
    for _ in range(20):
        await asyncio.sleep(0)
    assert 2 <= len(start.log) <= 25
    await cell.stop()


async def test_what_does_not_fit_the_mailbox_is_refused_at_once_and_nothing_is_lost(start):
    cell = await start(mailbox=2)
    for number in (5, 1, 2):
        cell.tell(number)
    with pytest.raises(Overloaded, match="worker"):
        cell.tell(3)
    with pytest.raises(Overloaded):
        await cell.ask(3, 60)
    await asyncio.sleep(20)
    assert start.log == ["start", 5, 1, 2]
    assert cell.mailbox.refused == 2


async def test_an_ask_that_gets_no_answer_in_time_says_so_when_its_time_is_over(start):
    cell = await start()
    begin = now()
    with pytest.raises(DeadlineExceeded, match="worker did not answer within 2 s"):
        await cell.ask(30, timeout=2)
    assert now() - begin == pytest.approx(2, abs=0.01)
    await asyncio.sleep(0.1)
    assert cell.busy == 0  # nobody waits for that work any more


async def test_mail_whose_time_ended_while_it_waited_is_dropped_without_being_handled(start):
    cell = await start()
    cell.tell(10)
    reply = asyncio.get_running_loop().create_future()
    cell.deliver(Mail("late", reply, now() + 5))
    cell.tell("next")
    await asyncio.sleep(11)
    with pytest.raises(MissedDeadline):
        reply.result()
    assert start.log == ["start", 10, "next"]


async def test_an_error_is_the_answer_and_ends_the_life(start):
    for bad in ("bad", -1):
        cell = await start()
        with pytest.raises(ValueError, match="bad"):
            await cell.ask(bad, 5)
        await asyncio.sleep(0)
        assert cell.life is Life.FAILED
    assert [type(reason) for reason in start.parent.ends] == [ValueError, ValueError]


async def test_a_failing_told_message_does_not_hit_the_teller(start):
    cell = await start()
    cell.tell("bad")
    assert cell.life is Life.FAILED


async def test_mail_that_waited_is_handled_by_the_next_life(start):
    cell = await start()
    cell.tell(-1)
    answers = [asyncio.ensure_future(cell.ask(word, 60)) for word in ("one", "two")]
    await asyncio.sleep(1)
    assert cell.life is Life.FAILED
    assert len(cell.mailbox) == 2
    answers.append(asyncio.ensure_future(cell.ask("three", 60)))
    await cell.bury()
    await cell.start()
    assert await asyncio.gather(*answers) == ["ONE", "TWO", "THREE"]
    assert start.log == ["start", "stop", "start", "one", "two", "three"]


async def test_a_second_failure_of_the_same_life_is_told_once(start):
    cell = await start(concurrency=3)
    answers = [outcome(cell.ask(number, 60)) for number in (-1, -2, 4)]
    gathered = asyncio.ensure_future(asyncio.gather(*answers))
    await asyncio.sleep(1)
    assert len(start.parent.ends) == 1
    await cell.bury()  # what else was in hand ends first
    assert await gathered == [ValueError, ValueError, 4]


async def test_a_failure_while_waiting_mail_is_taken_stops_the_taking(start):
    cell = await start()
    cell.tell(1)
    first, second = (asyncio.ensure_future(outcome(cell.ask(word, 60))) for word in ("bad", "good"))
    await asyncio.sleep(2)
    assert await first is ValueError
    assert len(cell.mailbox) == 1
    await cell.bury()
    await cell.start()
    assert await second == "GOOD"


async def test_an_asker_that_leaves_stops_the_work_and_does_not_disturb_the_actor(start):
    cell = await start()
    ask = asyncio.ensure_future(cell.ask(2, 60))
    waiting = asyncio.ensure_future(cell.ask(3, 60))
    await asyncio.sleep(1)
    ask.cancel()
    waiting.cancel()
    begin = now()
    assert await cell.ask("next", 60) == "NEXT"
    assert now() - begin < 0.1
    assert "next" in start.log
    assert 3 not in start.log


async def test_each_message_is_handled_in_a_context_of_its_own(start):
    cell = await start()
    seen = contextvars.ContextVar("seen", default="nothing")
    seen.set("the asker's")
    cell.actor.receive = lambda message: seen.get()
    assert await cell.ask("?", 5) == "nothing"


async def test_an_actor_without_receive_says_that_it_knows_no_messages(start):
    cell = await start(lambda log: Actor())
    with pytest.raises(UnknownMessage, match="Actor receives no messages, got int"):
        await cell.ask(1, 5)
