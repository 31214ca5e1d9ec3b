"""Notices that calls wait on the line: where handlers keep the CPU, the queue is no mailbox but the bus and the socket.

There is no time in a frame that could be believed, so the line is asked: a PING is answered behind all that was sent
before it. While its PONG has not come after a time in which the instance's handlers were at work, what is read was
sent before the PING, and has waited at least as long. Nobody is asked while handlers are quick.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context

from ..bus.bus import Bus
from ..messages.error import MeshError
from ..messages.priority import Priority

SLOW = 0.001
"""Seconds of work on the spot from which on a handler is worth a question."""

ALLOWED = 0.03
"""Seconds that calls may wait on the line where that stands: where a moment ago some had waited for longer."""

FEWEST = 20
"""Calls that are worked on before any is refused for the first time: a burst is no overload."""

WARY = 1.0
"""Seconds after a refusal in which a line is no fresh one."""

PATIENCE = 10.0
"""Factor for critical calls."""


class Backlog:
    """Watches the line of one instance."""

    __slots__ = ("_asked", "_bus", "_calls", "_clock", "_task", "_wary", "_worked")

    def __init__(self, bus: Bus, clock: Callable[[], float]) -> None:
        self._bus = bus
        self._clock = clock
        self._asked: float | None = None
        self._worked = 0.0
        self._calls = 0
        self._wary = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def worked(self, seconds: float) -> None:
        """Take note of a handler that has kept the CPU for so long."""
        if self._asked is not None:
            self._worked += seconds
            self._calls += 1
        elif seconds >= SLOW:
            self._asked = self._clock()
            self._worked = 0.0
            self._calls = 1
            self._task = asyncio.get_running_loop().create_task(self._ask(), context=Context())

    def late(self, urgency: Callable[[], Priority]) -> bool:
        """Return whether a call that has just been read has waited for too long."""
        if self._asked is None:
            return False
        now = self._clock()
        waited = now - self._asked
        if waited < ALLOWED or self._worked < waited / 2.0:  # a slow line is no overload
            return False
        if self._calls < FEWEST and now > self._wary:
            return False
        self._wary = now + WARY
        return waited >= ALLOWED * PATIENCE or urgency() is not Priority.CRITICAL

    def close(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()

    async def _ask(self) -> None:
        with suppress(MeshError):
            await self._bus.flush()
        self._asked = None
