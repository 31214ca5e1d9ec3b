"""Calls that wait on the line: it is asked only where handlers keep the CPU; what came before the answer is refused."""

import asyncio

import pytest

from plait.actors.messages.error import BusUnavailable
from plait.actors.messages.priority import Priority
from plait.actors.proxy.backlog import ALLOWED, FEWEST, SLOW, WARY, Backlog

pytestmark = pytest.mark.anyio


class Line:
    """A bus whose PONG comes when the test says so."""

    def __init__(self):
        self.now = 0.0
        self.pongs = []

    async def flush(self):
        pong = asyncio.get_running_loop().create_future()
        self.pongs.append(pong)
        await pong


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def backlog(line):
    return Backlog(line, lambda: line.now)


async def turn():
    for _ in range(3):
        await asyncio.sleep(0)


def default():
    return Priority.DEFAULT


async def work(line, backlog, seconds, times=1):
    for _ in range(times):
        line.now += seconds
        backlog.worked(seconds)
    await turn()


async def test_nobody_is_asked_while_handlers_are_quick(line, backlog):
    await work(line, backlog, SLOW / 2, 1000)
    assert line.pongs == []
    assert not backlog.late(default)


async def test_what_is_read_before_the_answer_has_waited(line, backlog):
    await work(line, backlog, 0.005)
    await work(line, backlog, 0.005, FEWEST - 2)
    assert not backlog.late(default)  # a burst
    await work(line, backlog, 0.005)
    assert backlog.late(default)
    line.pongs[0].set_result(None)
    await turn()
    assert not backlog.late(default)
    await work(line, backlog, 0.005)
    assert len(line.pongs) == 2  # it is asked again
    await work(line, backlog, 0.005, int(ALLOWED / 0.005))
    assert backlog.late(default)  # it stands still
    line.pongs[1].set_result(None)
    await turn()
    line.now += WARY + 0.1
    await work(line, backlog, 0.005, FEWEST - 1)
    assert not backlog.late(default)


async def test_critical_calls_may_wait_longer(line, backlog):
    await work(line, backlog, 0.005, 30)
    assert backlog.late(lambda: Priority.SHEDDABLE)
    assert not backlog.late(lambda: Priority.CRITICAL)
    await work(line, backlog, 0.005, 100)
    assert backlog.late(lambda: Priority.CRITICAL)


async def test_a_slow_line_is_no_overload(line, backlog):
    await work(line, backlog, 0.005)
    line.now += 1.0
    assert not backlog.late(default)


async def test_a_lost_line_ends_the_question(line, backlog):
    await work(line, backlog, 0.005, 40)
    line.pongs[0].set_exception(BusUnavailable())
    await turn()
    assert not backlog.late(default)
    backlog.close()
