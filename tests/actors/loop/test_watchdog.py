"""The watchdog: who blocks is named while it blocks, who was stopped is not blamed, nothing is left of the watch."""

import asyncio
import threading
import time

import pytest

from plait.actors.loop.watchdog import Blocked, Ended, StoodStill, Verdict, Watchdog, judge

pytestmark = pytest.mark.anyio

LIMIT = 0.1


@pytest.mark.parametrize(
    ("age", "late", "spent", "verdict"),
    [
        (0.02, 0.0, 0.0, Verdict.RUNS),
        (0.1, 0.0, 0.1, Verdict.RUNS),
        (0.11, 0.002, 0.0, Verdict.BLOCKED),
        (0.11, 0.002, 0.11, Verdict.BLOCKED),
        (30.0, 0.01, 0.0, Verdict.BLOCKED),
        (2.1, 2.0, 0.001, Verdict.STOOD_STILL),
        (0.3, 0.2, 0.05, Verdict.STOOD_STILL),
        (2.1, 2.0, 2.05, Verdict.BLOCKED),
        (2.1, 0.3, 0.0, Verdict.BLOCKED),
        (2.1, 2.05, 0.0, Verdict.STOOD_STILL),
    ],
    ids=[
        "a beat in time",
        "a beat as old as the limit",
        "a handler that waits for something",
        "a handler that calculates",
        "a handler that never returns",
        "a process that was stopped",
        "a process that got a sixth of a processor",
        "C code that kept the interpreter's lock, so that the look was late too",
        "a handler that blocks, on a busy machine",
        "a stop while nothing was due",
    ],
)
def test_a_verdict_tells_who_blocks_from_who_was_kept_from_running(age, late, spent, verdict):
    assert judge(age, late, spent, LIMIT) is verdict


class Culprit:
    """Holds the loop until it is told of, ten seconds at most."""

    def block(self, until, longer=0.0):
        told = until.wait(10)
        time.sleep(longer)
        return told


class Watched:
    """A watchdog on the running loop, and what it reports; `seen` is set by the first `Blocked` after a `clear`."""

    def __init__(self, fails=False):
        self.reports, self.threads = [], []
        self.seen = threading.Event()
        self.fails = fails
        loop = asyncio.get_running_loop()
        who = lambda found: "culprit" if isinstance(found, Culprit) else None  # noqa: E731
        self.beats = 0
        self.dog = Watchdog(loop, time.monotonic, who, self.report, limit=LIMIT, beaten=self.beaten)

    def beaten(self, now, late):
        self.beats += 1

    def report(self, report):
        if isinstance(report, StoodStill) or not report.who:
            return  # a busy machine
        self.reports.append(report)
        self.threads.append(threading.get_ident())
        if isinstance(report, Blocked):
            self.seen.set()
        if self.fails:
            raise ValueError("a broken report")

    def __enter__(self):
        self.dog.start()
        return self

    def __exit__(self, *_):
        self.dog.stop()


async def test_who_blocks_the_loop_is_named_while_it_does_and_its_end_is_told(until):
    with Watched() as watched:
        assert Culprit().block(watched.seen), "it was told of while the loop stood still"
        await until(lambda: len(watched.reports) == 2)
    blocked, ended = watched.reports
    assert blocked.who == ended.who == "culprit"
    assert "in block\n    told = until.wait(10)" in blocked.stack
    assert LIMIT < blocked.seconds <= ended.seconds
    assert watched.threads[0] != threading.get_ident() == watched.threads[1]


async def test_what_goes_on_is_told_of_once_and_what_comes_again_once_more(until):
    with Watched() as watched:
        for count in (2, 4):
            watched.seen.clear()
            Culprit().block(watched.seen, 3 * LIMIT)  # further looks, at which there is nothing new
            await until(lambda count=count: len(watched.reports) >= count)
    assert [type(report) for report in watched.reports] == [Blocked, Ended, Blocked, Ended]


async def test_a_stop_right_after_it_does_not_lose_the_end():
    with Watched() as watched:
        Culprit().block(watched.seen)
    await asyncio.sleep(0)
    assert [type(report) for report in watched.reports] == [Blocked, Ended]


async def test_nothing_is_left_after_a_stop(until):
    with Watched() as watched:
        await until(lambda: watched.beats > 2)
        assert "plait watchdog" in [thread.name for thread in threading.enumerate()]
        assert all(thread.daemon for thread in threading.enumerate() if thread.name == "plait watchdog")
    assert "plait watchdog" not in [thread.name for thread in threading.enumerate()]
    beats = watched.beats
    await asyncio.sleep(LIMIT)
    assert watched.beats == beats
    watched.dog.stop()


async def test_a_report_that_fails_ends_neither_the_watch_nor_the_loop(until):
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))
    with Watched(fails=True) as watched:
        for count in (2, 4):
            watched.seen.clear()
            assert Culprit().block(watched.seen)
            await until(lambda count=count: len(watched.reports) == count)
    await until(lambda: len(told) == 4)
    assert {str(error) for error in told} == {"a broken report"}


def test_a_loop_that_is_closed_without_a_stop_ends_the_watch():
    async def careless():
        watched = Watched()
        watched.dog.start()
        return watched

    watched = asyncio.run(careless())
    end = time.monotonic() + 5
    while "plait watchdog" in [thread.name for thread in threading.enumerate()] and time.monotonic() < end:
        time.sleep(0.005)
    assert "plait watchdog" not in [thread.name for thread in threading.enumerate()]
    assert watched.reports == []
