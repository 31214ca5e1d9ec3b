"""Who has been heard lately: a fixed limit on silence, and no verdict by a watcher that was away itself."""

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

_FORGET = 60.0  # seconds after which a silent process without instances is forgotten


P = TypeVar("P", bound=Hashable)


class Liveness(Generic[P]):
    """When each process was last heard. Times are seconds of one clock."""

    LATE = 0.1
    """Seconds of own lateness from which on a look gives no verdict (after Lifeguard, arXiv 1707.00788)."""

    def __init__(self, limit: float) -> None:
        """A process that is silent for `limit` seconds is gone."""
        self.limit = limit
        self._seen: dict[P, float] = {}
        self._since = 0.0

    def begin(self, now: float) -> None:
        """Nobody could be heard before: everyone gets the full time from now on."""
        self._since = now

    def heard(self, process: P, now: float) -> None:
        """`process` gave a sign of life."""
        self._seen[process] = now

    def knows(self, process: P) -> bool:
        """Return whether `process` has been heard and not been forgotten."""
        return process in self._seen

    def last(self, process: P) -> float:
        """Return when `process` was heard last, or since when it could have been."""
        return max(self._seen.get(process, self._since), self._since)

    def silent(self, processes: Iterable[P], now: float, late: float) -> list[P]:
        """Return those of `processes` that are gone; `late` is by how many seconds this look itself comes late.

        Time that the watcher slept does not count against anyone: their signs of life wait in its buffers.
        """
        if late > self.LATE:
            self._since += late
            self._seen = {process: seen + late for process, seen in self._seen.items()}
            return []
        if now - self._since < self.limit:
            return []
        return [process for process in processes if now - self.last(process) > self.limit]

    def forget(self, keep: Callable[[P], bool], now: float) -> None:
        """Drop what is known of processes that are long silent and not to be kept."""
        for process in [process for process, seen in self._seen.items() if now - seen > _FORGET and not keep(process)]:
            del self._seen[process]
