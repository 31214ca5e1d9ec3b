"""Timers that are bound to an actor's life: messages to itself, later or again and again (after Pekko's)."""

from typing import TYPE_CHECKING, Any

from ..loop.timer import Deadline
from ..messages.error import MeshError
from .mailbox import Mail

if TYPE_CHECKING:
    from .life import Living

_LONG_AGO = float("-inf")


class Tick(Mail, eq=False):
    """A timer's message on its way; one that is taken back while it waits is dropped at its turn."""

    over: bool = False

    def answer(self, value: Any) -> None:
        """It was handled."""
        self.over = True

    def fail(self, error: BaseException) -> None:
        """It was not."""
        self.over = True


class Timers:
    """One actor's timers, by key: a new one of the same key takes the place of the old."""

    def __init__(self, cell: "Living") -> None:
        self._cell = cell
        self._deadlines: dict[Any, Deadline] = {}
        self._ticks: dict[Any, Tick] = {}

    def __len__(self) -> int:
        return len(self._deadlines)

    def once(self, key: Any, seconds: float, message: Any) -> None:
        """Tell the actor `message` in `seconds`."""
        self.cancel(key)
        self._arm(key, seconds, message, None)

    def every(self, key: Any, seconds: float, message: Any) -> None:
        """Tell the actor `message` every `seconds`; left out while the one before is not handled."""
        self.cancel(key)
        self._arm(key, seconds, message, seconds)

    def cancel(self, key: Any) -> None:
        """Take a timer back: its message does not come, even if it waits in the mailbox already."""
        deadline = self._deadlines.pop(key, None)
        if deadline is not None:
            deadline.cancel()
        tick = self._ticks.pop(key, None)
        if tick is not None and not tick.over:
            tick.deadline = _LONG_AGO

    def cancel_all(self) -> None:
        """Take all timers back; the end of a life does it."""
        for key in list(self._deadlines) + list(self._ticks):
            self.cancel(key)

    def _arm(self, key: Any, seconds: float, message: Any, again: float | None) -> None:
        around = self._cell.surroundings
        due = around.clock() + seconds

        def fire() -> None:
            del self._deadlines[key]
            before = self._ticks.get(key)
            if again is not None:
                self._arm(key, max(0.0, due + again - around.clock()), message, again)
            if before is None or before.over:
                self._send(key, message)

        self._deadlines[key] = around.deadlines.at(due, fire)

    def _send(self, key: Any, message: Any) -> None:
        tick = self._ticks[key] = Tick(message)
        try:
            self._cell.deliver(tick)
        except MeshError as error:
            tick.over = True
            self._cell.surroundings.dead_letters.add(self._cell.path, message, error)
