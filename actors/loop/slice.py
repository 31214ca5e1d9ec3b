"""Long computing cut into slices, so that the loop serves requests in between.

The work is a generator that yields wherever it may rest; it neither waits nor knows of time. In a simulation, whose
clock stands still while something is computed, all of it is one slice: the same seed gives the same run.
"""

import asyncio
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]
"""Work that yields where it may rest and returns what it made."""

WORK = 0.001
"""Seconds of work at a time. A step that began within them ends after them: the promise to requests is 2 ms."""
REST = 0.001
"""Seconds that the loop has for others between two slices: a request passes it some three times and must not find a
slice before it each time."""


def at_once(steps: Steps[T]) -> T:
    """Do all of the work now and return what it made."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: T = end.value
            return made


class Slices:
    """Cuts work on one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds, also within one turn of the loop (uvloop's own `time()` stands still)."""
        self._loop = loop
        self._clock = clock

    def start(self, steps: Steps[T], done: "Callable[[T | Exception], None]") -> "Job[T]":
        """Begin now; `done` takes what was made or why not, before this returns where one slice was enough."""
        job = Job(self._loop, self._clock, steps, done)
        job.go_on()
        return job

    async def run(self, steps: Steps[T]) -> T:
        """Do the work and return what it made; cancelled, it ends where it rests.

        Raises:
            Exception: what the work raised.
        """
        future: asyncio.Future[T] = self._loop.create_future()

        def done(made: T | Exception) -> None:
            if future.done():
                return
            if isinstance(made, Exception):
                future.set_exception(made)
            else:
                future.set_result(made)

        job = self.start(steps, done)
        try:
            return await future
        finally:
            job.cancel()


class Job(Generic[T]):
    """Work under way."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        steps: Steps[T],
        done: Callable[[T | Exception], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._steps = steps
        self._done = done
        self._next: asyncio.TimerHandle | None = None

    def go_on(self) -> None:
        """Work for one slice."""
        self._next = None
        steps, clock = self._steps, self._clock
        end = clock() + WORK
        made: Any
        try:
            while True:
                next(steps)
                if clock() >= end:
                    break
        except StopIteration as stop:
            made = stop.value
        except Exception as error:
            made = error
        else:
            self._next = self._loop.call_later(REST, self.go_on)
            return
        self._done(made)

    def cancel(self) -> None:
        """Do no more; `done` is not called any more."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        self._steps.close()
