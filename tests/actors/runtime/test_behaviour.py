"""What an actor may do with its messages and its time: stash, become, timers, the order of its life's steps."""

import asyncio
from typing import Any

import pytest

from plait.actors.messages.error import Overloaded
from plait.actors.runtime.actor import Actor
from plait.actors.runtime.life_state import Life
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Door(Actor):
    """Puts everything aside until it is opened."""

    def __init__(self, log):
        self.log = log

    def receive(self, message: Any) -> Any:
        if message == "open":
            self.become(self.opened)
            self.unstash_all()
        elif message == "bad":
            raise ValueError("bad")
        else:
            self.stash()
        return message

    def opened(self, message: Any) -> Any:
        if message == "close":
            self.unbecome()
        self.log.append(message)
        return f"{message}!"


async def test_what_was_put_aside_is_handled_first_and_answered_then(start):
    cell = await start(Door)
    asks = [asyncio.ensure_future(cell.ask(word, 60)) for word in ("one", "two")]
    await asyncio.sleep(1)
    assert start.log == []
    cell.tell("open")
    cell.tell("three")
    assert await asyncio.gather(*asks) == ["one!", "two!"]
    await asyncio.sleep(0)
    assert start.log == ["one", "two", "three"]


async def test_a_behaviour_ends_when_the_actor_says_so(start):
    cell = await start(Door)
    for word in ("open", "one", "close", "two"):
        cell.tell(word)
    assert start.log == ["one", "close"]


async def test_what_was_put_aside_is_kept_over_a_restart(start):
    cell = await start(Door)
    ask = asyncio.ensure_future(cell.ask("kept", 60))
    await asyncio.sleep(0)
    cell.tell("bad")
    await cell.bury()
    await cell.start()
    cell.tell("open")
    assert await ask == "kept!"


async def test_the_stash_is_bounded_and_only_for_turn_based_actors(start):
    cell = await start(Door, mailbox=2)
    cell.tell(1)
    cell.tell(2)
    with pytest.raises(Overloaded, match="stash of worker is full"):
        await cell.ask(3, 5)
    many = await start(Door, concurrency=2)
    with pytest.raises(TypeError, match="only a turn-based actor can stash"):
        await many.ask(1, 5)


class Clock(Actor):
    def __init__(self, log):
        self.log = log

    def receive(self, message: Any) -> Any:
        match message:
            case ("once", key, seconds):
                self.timers.once(key, seconds, key)
            case ("every", key, seconds):
                self.timers.every(key, seconds, key)
            case ("cancel", key):
                self.timers.cancel(key)
            case ("work", seconds):
                return asyncio.sleep(seconds)
            case "bad":
                raise ValueError("bad")
            case _:
                self.log.append((message, round(self.surroundings.clock() - 1000, 1)))
        return None


async def test_timers_tell_the_actor_once_or_again_and_again(start):
    cell = await start(Clock)
    cell.tell(("once", "o", 2))
    cell.tell(("every", "e", 1.5))
    await asyncio.sleep(5)
    assert start.log == [("e", 1.5), ("o", 2.0), ("e", 3.0), ("e", 4.5)]


async def test_a_new_timer_of_the_same_key_takes_the_place_of_the_old(start):
    cell = await start(Clock)
    cell.tell(("once", "o", 2))
    cell.tell(("once", "o", 3))
    await asyncio.sleep(5)
    assert start.log == [("o", 3.0)]


async def test_a_timer_that_is_taken_back_while_its_message_waits_does_not_come(start):
    cell = await start(Clock)
    cell.tell(("once", "o", 1))
    cell.tell(("work", 3))
    await asyncio.sleep(2)
    assert len(cell.mailbox) == 1
    cell.actor.timers.cancel("o")
    await asyncio.sleep(5)
    assert start.log == []


async def test_ticks_do_not_pile_up_behind_slow_work(start):
    cell = await start(Clock)
    cell.tell(("every", "e", 1))
    cell.tell(("work", 5.5))
    await asyncio.sleep(5.2)
    assert len(cell.mailbox) == 1
    cell.actor.timers.cancel_all()
    await asyncio.sleep(2)


async def test_timers_end_with_the_life_that_set_them(start):
    cell = await start(Clock)
    cell.tell(("every", "e", 1))
    cell.tell("bad")
    await cell.bury()
    await cell.start()
    await asyncio.sleep(5)
    assert start.log == []
    assert len(cell.surroundings.deadlines) == 0


class Steps(Actor):
    def __init__(self, log):
        self.log = log

    async def pre_start(self):
        self.log.append("pre_start")

    async def on_restart(self, reason):
        self.log.append(f"on_restart {reason}")

    async def post_start(self):
        await asyncio.sleep(1)
        self.log.append("post_start")

    def receive(self, message: Any) -> Any:
        self.log.append(message)
        if message == "bad":
            raise ValueError("bad")

    async def post_stop(self):
        self.log.append("post_stop")


async def test_a_life_goes_through_its_steps_in_order(start):
    cell = await start(Steps)
    cell.tell("early")
    cell.tell("bad")
    await asyncio.sleep(2)
    await cell.bury()
    await cell.start(trouble=start.parent.ends[0])
    cell.tell("late")
    await asyncio.sleep(2)
    await cell.stop()
    first, second = start.log[:5], start.log[5:]
    assert first == ["pre_start", "post_start", "early", "bad", "post_stop"]
    assert second == ["pre_start", "on_restart bad", "post_start", "late", "post_stop"]


async def test_a_post_start_that_fails_ends_the_life_and_not_the_start(start):
    class Broken(Steps):
        async def post_start(self):
            raise OSError("late trouble")

    cell = await start(Broken)
    assert cell.life is Life.FAILED
    assert [str(reason) for reason in start.parent.ends] == ["late trouble"]
