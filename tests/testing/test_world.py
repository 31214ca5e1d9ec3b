"""Virtual time jumps to what is due next, in the order of asking; loops keep clocks of their own, and can be held."""

import asyncio

import pytest

from plait.testing.failure import SimulationError, Stuck
from plait.testing.loop import SimLoop
from plait.testing.world import World


def run(work, *, world=None, limit=1e6, **clock):
    """Run a coroutine function on a loop of its own, to its end."""
    world = world or World()
    loop = SimLoop(world, "one", **clock)
    tasks = []

    def begin():
        tasks.append(loop.create_task(work()))
        tasks[0].add_done_callback(lambda _: setattr(world, "over", True))

    loop.arrive(begin)
    try:
        world.run(limit)
        return tasks[0].result()
    finally:
        loop.kill()


def run_until(world, when):
    """Let everything happen that is due before `when`."""
    world.over = False
    world.at(when, setattr, world, "over", True)
    world.run(1e9)


def test_an_hour_passes_at_once_and_to_the_microsecond():
    async def sleeps():
        await asyncio.sleep(3600.0)
        return asyncio.get_running_loop().time()

    assert run(sleeps) == 3600.0


def test_what_is_due_at_the_same_time_happens_in_the_order_in_which_it_was_asked_for():
    seen = []

    async def work():
        loop = asyncio.get_running_loop()
        for name in "abc":
            loop.call_at(5.0, seen.append, name)
        loop.call_at(4.0, seen.append, "first")
        loop.call_at(5.0, seen.append, "taken back").cancel()
        await asyncio.sleep(6.0)

    run(work)
    assert seen == ["first", "a", "b", "c"]


@pytest.mark.parametrize("rate", [1.0, 1.0001, 0.9999, 1 / 3])
def test_a_timer_is_never_early_on_its_own_clock_whatever_that_shows_and_however_fast_it_goes(rate):
    late = []

    async def work():
        loop = asyncio.get_running_loop()
        for step in range(1, 200):
            when = loop.time() + step / 7
            done = loop.create_future()
            loop.call_at(when, done.set_result, None)
            await done
            late.append(loop.time() - when)

    run(work, origin=12345.678, rate=rate)
    assert min(late) >= 0.0
    assert max(late) < 1e-6


def test_asyncios_own_tools_work_in_it():
    async def work():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 2.0)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asyncio.sleep(n, n)) for n in (3, 1, 2)]
        assert await asyncio.gather(asyncio.sleep(1, "a"), asyncio.sleep(2, "b")) == ["a", "b"]
        assert await asyncio.to_thread(lambda: 7) == 7
        queue = asyncio.Queue(1)
        await queue.put(5)
        return [task.result() for task in tasks], await queue.get(), asyncio.get_running_loop().time()

    assert run(work) == ([3, 1, 2], 5, 7.0)


def test_a_group_cancels_its_tasks_in_the_same_order_every_time():
    async def work():
        ended = []

        async def waits(number):
            try:
                await asyncio.sleep(100)
            finally:
                ended.append(number)

        async def fails():
            await asyncio.sleep(1)
            raise ValueError

        async def together():
            async with asyncio.TaskGroup() as group:
                for number in range(50):
                    group.create_task(waits(number))
                group.create_task(fails())

        with pytest.raises(ExceptionGroup):
            await together()
        return ended

    assert run(work) == run(work)


async def _opens_a_connection():
    await asyncio.open_connection("127.0.0.1", 1)


async def _starts_a_process():
    await asyncio.create_subprocess_exec("true")


@pytest.mark.parametrize("work", [_opens_a_connection, _starts_a_process])
def test_sockets_and_processes_are_refused_in_words(work):
    with pytest.raises(SimulationError, match="no sockets, processes and signals"):
        run(work)


async def _waits_for_nothing():
    await asyncio.get_running_loop().create_future()


async def _spins():
    while True:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def _takes_a_year():
    await asyncio.sleep(3e7)


@pytest.mark.parametrize(
    ("work", "words"),
    [(_waits_for_nothing, "could ever happen"), (_spins, "time stands still"), (_takes_a_year, "within 1e")],
)
def test_a_run_that_cannot_end_says_why(work, words, monkeypatch):
    monkeypatch.setattr("plait.testing.world.STILL", 1000)
    with pytest.raises(Stuck, match=words):
        run(work)


class Two:
    """Two loops in one world; `seen` is what their ticks have noted."""

    def __init__(self):
        self.world = World()
        self.loops = {name: SimLoop(self.world, name) for name in "ab"}
        self.seen = []
        for name in self.loops:
            self.tick(name)

    def tick(self, name):
        loop = self.loops[name]
        self.seen.append((name, round(loop.time())))
        loop.call_later(1.0, self.tick, name)

    def until(self, when):
        run_until(self.world, when)


def test_a_paused_loop_takes_its_turns_later_and_a_killed_one_never():
    two = Two()
    two.until(2.5)
    two.loops["a"].pause()
    two.until(5.0)
    assert ("a", 3) not in two.seen
    two.loops["a"].resume()
    two.until(7.5)
    assert [when for name, when in two.seen if name == "a"] == [0, 1, 2, 5, 6, 7]
    two.loops["b"].kill()
    two.until(9.0)
    assert max(when for name, when in two.seen if name == "b") == 7


def test_a_killed_loop_unwinds_its_tasks_at_once_and_lets_them_do_nothing_more():
    world = World()
    loop = SimLoop(world, "victim")
    unwound = []

    async def works():
        try:
            await asyncio.sleep(100)
        finally:
            unwound.append(world.now)
            loop.call_soon(unwound.append, "too late")
            await asyncio.sleep(0)
            unwound.append("never")

    loop.arrive(lambda: loop.create_task(works()))
    world.at(3.0, loop.kill)
    run_until(world, 10.0)
    assert unwound == [3.0]


def test_a_callback_that_raises_is_told_and_stops_nobody_else():
    world, told, seen = World(), [], []
    loop = SimLoop(world, "one", failed=lambda loop, context: told.append(context["exception"]))
    loop.arrive(lambda: 1 / 0)
    loop.arrive(seen.append, "next")
    run_until(world, 1.0)
    assert seen == ["next"]
    assert [type(error) for error in told] == [ZeroDivisionError]
