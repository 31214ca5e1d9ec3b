"""One timer structure for everything that waits: cheap to set and to take back, never early.

A hashed wheel with lazily made slots (after Varghese and Lauck, 1987): a deadline costs one dictionary entry, and the
event loop carries one timer for all of them. Deadlines fire up to `resolution` seconds late, never early.
"""

import asyncio
import heapq
from collections.abc import Callable

import msgspec


class Deadline(msgspec.Struct, eq=False):
    """Something that will happen unless it is taken back."""

    slot: "dict[Deadline, None]"
    """Those that fire together."""
    fire: Callable[[], object]

    def cancel(self) -> None:
        """Take it back; harmless when it has fired or was taken back before."""
        self.slot.pop(self, None)
        self.fire = (
            _nothing  # what it would have called mostly holds on to it: only the garbage collector would part them
        )


def _nothing() -> None:
    """What is left of a deadline that was taken back."""


class Deadlines:
    """The deadlines of one event loop; times are `loop.time()` seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, resolution: float = 0.005) -> None:
        self._loop = loop
        self._resolution = resolution
        self._rate = 1.0 / resolution
        self._slots: dict[int, dict[Deadline, None]] = {}
        self._order: list[int] = []
        self._due: list[dict[Deadline, None]] = []
        self._handle: asyncio.TimerHandle | None = None
        self._armed = 0

    def at(self, when: float, fire: Callable[[], object]) -> Deadline:
        """Call `fire` once when the loop's clock has reached `when`; a time in the past fires at the next turn."""
        tick = int(when * self._rate) + 1
        slot = self._slots.get(tick)
        if slot is None:
            slot = self._slots[tick] = {}
            heapq.heappush(self._order, tick)
            if self._handle is None or tick < self._armed:
                self._arm(tick)
        deadline = Deadline(slot, fire)
        slot[deadline] = None
        return deadline

    def __len__(self) -> int:
        return sum(len(slot) for slot in self._slots.values())

    def close(self) -> None:
        """Forget every deadline; none fires afterwards."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        for slot in self._due:
            slot.clear()
        self._slots.clear()
        self._order.clear()

    def _arm(self, tick: int) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed = tick
        self._handle = self._loop.call_at(tick * self._resolution, self._turn)

    def _turn(self) -> None:
        self._handle = None
        now = self._loop.time() + 1e-9  # the slot's own time, give or take the last bit of the float
        while self._order and self._order[0] * self._resolution <= now:
            self._due.append(self._slots.pop(heapq.heappop(self._order)))
        # What the callbacks add, even for a time in the past, waits for the next turn: none keeps the loop to itself.
        for slot in self._due:
            for deadline in list(slot):
                if slot.pop(deadline, deadline) is None:  # not taken back by one that fired before it
                    try:
                        deadline.fire()
                    except Exception as error:  # one bad callback must not silence the others
                        self._loop.call_exception_handler({"message": "a deadline failed", "exception": error})
        self._due.clear()
        # A callback that set a deadline has armed the timer for that one, which need not be the next.
        if self._order and (self._handle is None or self._order[0] < self._armed):
            self._arm(self._order[0])


async def sleep_until(deadlines: Deadlines, when: float) -> None:
    """Wait until the loop's clock has reached `when`."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    deadline = deadlines.at(when, wake)
    try:
        await future
    finally:
        deadline.cancel()
