"""A look at a thread: it names who is innermost, shows the lines, and keeps nothing alive."""

import asyncio
import gc
import threading
import time
import weakref

import pytest
import uvloop

from plait.actors.loop.stack import LINES, look

pytestmark = pytest.mark.anyio


class Named:
    def __init__(self, name):
        self.name = name

    def look(self):
        return look(threading.get_ident(), name_of)

    def through(self, other):
        return other.look()

    def deep(self, steps):
        return self.deep(steps - 1) if steps else look(threading.get_ident(), name_of)

    async def later(self):
        await asyncio.sleep(0)
        return self.plain()

    @staticmethod
    def plain():
        return look(threading.get_ident(), name_of)


def name_of(found):
    return found.name if isinstance(found, Named) else None


def test_of_two_on_the_stack_the_inner_one_is_named():
    seen = Named("outer").through(Named("inner"))
    assert seen.who == "inner"
    assert "in through\n    return other.look()\n" in seen.stack
    assert seen.stack.index("in through") < seen.stack.index("in look\n")


async def test_what_a_coroutine_calls_is_its_own_whoever_resumed_it():
    seen = await asyncio.create_task(Named("waiting").later())
    assert seen.who == "waiting"
    assert "asyncio" not in seen.stack, "the event loop below is the same for everybody"


def test_a_loop_that_waits_for_its_next_turn_shows_nothing():
    begun, parts = threading.Event(), []

    async def main():
        end = asyncio.Event()
        parts.extend((asyncio.get_running_loop(), end.set))
        begun.set()
        await end.wait()

    thread = threading.Thread(target=uvloop.run, args=(main(),))
    thread.start()
    assert begun.wait(5)
    stacks = []
    while "" not in stacks and len(stacks) < 500:
        time.sleep(0.01)
        stacks.append(look(thread.ident, name_of).stack)
    loop, end = parts
    loop.call_soon_threadsafe(end)
    thread.join(5)
    assert stacks[-1] == ""


async def test_where_nobody_is_known_nobody_is_named():
    seen = look(threading.get_ident(), lambda found: None)
    assert seen.who == ""
    assert "test_where_nobody_is_known" in seen.stack


def test_a_deep_stack_shows_its_innermost_lines():
    seen = Named("deep").deep(50)
    assert seen.stack.count("in deep\n") == 3
    assert seen.stack.endswith(f"[Previous line repeated {LINES - 3} more times]")


def test_a_thread_that_is_gone_is_nobody():
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join(5)
    assert look(thread.ident, name_of).who == ""


def test_a_look_keeps_no_object_of_the_stack_alive():
    gc.disable()
    try:
        one = Named("brief")
        gone = weakref.ref(one)
        assert one.look().who == "brief"
        del one
        assert gone() is None
    finally:
        gc.enable()
