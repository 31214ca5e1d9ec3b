"""Virtual time: one queue of all that will happen, and the event loops that take their turns in it.

Nothing waits for real: where every loop is idle the clock jumps to the next thing due. What is due at the same time
happens in the order in which it was asked for, so a run depends on nothing but what is drawn.
"""

import asyncio
import heapq
import sys
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextvars import Context
from itertools import count
from typing import TYPE_CHECKING, Any

from .failure import Stuck

if TYPE_CHECKING:
    from .loop import SimLoop

STILL = 1_000_000
"""Turns of loops without a step of the clock, after which somebody is taken to spin for ever."""


class Timer:
    """Something that will happen once, unless it is cancelled; also what asyncio calls a handle."""

    __slots__ = ("_when", "_world", "arguments", "callback", "context", "loop")

    def __init__(
        self,
        callback: Callable[..., object],
        arguments: tuple[Any, ...],
        context: Context | None,
        loop: "SimLoop | None",
        when: float = 0.0,
        world: "World | None" = None,
    ) -> None:
        self.callback: Callable[..., object] | None = callback
        self.arguments = arguments
        self.context = context
        self.loop = loop
        self._when = when
        self._world = world

    def cancel(self) -> None:
        """Have it not happen; harmless when it has."""
        if self.callback is not None:
            self.callback, self.arguments, self.context = None, (), None
            if self._world is not None:
                self._world.cancelled += 1

    def arrived(self) -> None:
        """It is in no queue any more: a cancellation leaves nothing there to be swept out."""
        self._world = None

    def cancelled(self) -> bool:
        """Return whether it was cancelled."""
        return self.callback is None

    def when(self) -> float:
        """Return when it is due, on its loop's own clock."""
        return self._when


class World:
    """Time and order of one simulated run."""

    def __init__(self) -> None:
        self.now = 0.0
        """Seconds since the run began."""
        self.cancelled = 0
        """Timers in the queue that were cancelled: too many of them are swept out."""
        self.thread = threading.get_ident()
        self.over = False
        """Set by whoever has seen enough."""
        self._queue: list[tuple[float, int, Timer]] = []
        self._numbers = count()
        self._runnable: deque[SimLoop] = deque()

    def at(self, when: float, callback: Callable[..., object], *arguments: Any) -> Timer:
        """Have something happen outside of all loops: a message arrives, a machine dies."""
        return self.push(when, Timer(callback, arguments, None, None, when, self))

    def push(self, when: float, timer: Timer) -> Timer:
        """Queue a timer; a time that has passed means now."""
        heapq.heappush(self._queue, (when, next(self._numbers), timer))
        if self.cancelled > 1000 and self.cancelled * 2 > len(self._queue):
            self._queue = [entry for entry in self._queue if entry[2].callback is not None]
            heapq.heapify(self._queue)
            self.cancelled = 0
        return timer

    def runnable(self, loop: "SimLoop") -> None:
        """A loop has something to do: it gets its turn."""
        self._runnable.append(loop)

    def run(self, limit: float) -> None:
        """Let things happen until somebody sets `over`.

        Raises:
            Stuck: it never will: everything waits, the clock has passed `limit`, or somebody spins.
        """
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(finalizer=_left)
        try:
            self._run(limit)
        finally:
            sys.set_asyncgen_hooks(*hooks)
            asyncio._set_running_loop(None)

    def _run(self, limit: float) -> None:
        still = 0
        runnable, queue = self._runnable, self._queue
        while not self.over:
            if runnable:
                loop = runnable.popleft()
                still += 1
                if still > STILL:
                    raise Stuck(f"time stands still at {self.now:.6f} s: {loop.name} always has something to do")
                loop.turn()
                continue
            queue = self._queue
            if not queue:
                raise Stuck("everything waits, and nothing is left that could ever happen")
            when, _, timer = heapq.heappop(queue)
            callback = timer.callback
            if callback is None:
                self.cancelled -= 1
                continue
            if when > self.now:
                if when > limit:
                    raise Stuck(f"the run did not end within {limit:g} s of virtual time")
                self.now = when
                still = 0
            if timer.loop is not None:
                timer.loop.due(timer)
            else:
                arguments = timer.arguments
                timer.callback, timer.arguments = None, ()
                asyncio._set_running_loop(None)
                callback(*arguments)


def _left(generator: AsyncGenerator[Any, Any]) -> None:
    """Close an asynchronous generator that was left half-way, as asyncio does, on the loop where it was left."""
    loop = asyncio._get_running_loop()
    if loop is not None and not loop.is_closed():
        loop.create_task(generator.aclose())
