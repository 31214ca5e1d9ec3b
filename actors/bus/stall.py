"""Notices that the event loop stood still, for buses that see messages only after a client has queued them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context

from .address import GAP, TICK


class StallWatch:
    """Looks at the clock every tick and at every message; after a gap `stalled` holds until `catch_up` is through.

    `catch_up` returns True when all that was sent before it began has been delivered.
    """

    def __init__(self, clock: Callable[[], float], catch_up: Callable[[], Awaitable[bool]]) -> None:
        self.stalled = False
        self._clock = clock
        self._catch_up = catch_up
        self._loop = asyncio.get_running_loop()
        self._beat = clock()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look now, and every tick from now on."""
        self.look()
        self._timer = self._loop.call_later(TICK, self.start)

    def look(self) -> None:
        """Notice a gap."""
        now = self._clock()
        if now - self._beat > GAP:
            self.stalled = True
            if self._task is not None:
                self._task.cancel()
            self._task = self._loop.create_task(self._wait(), context=Context())
        self._beat = now

    async def _wait(self) -> None:
        if await self._catch_up():
            self.stalled = False

    def lift(self) -> None:
        """There is nothing any more that could have waited."""
        self.stalled = False
        if self._task is not None:
            self._task.cancel()

    def stop(self) -> None:
        """Look no more."""
        self.lift()
        if self._timer is not None:
            self._timer.cancel()
