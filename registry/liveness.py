"""Who has been heard lately: who is silent, who is dead, and no verdict by a watcher that was away itself."""

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

from .accrual import Accrual

_FORGET = 60.0  # seconds after which a silent process without instances is forgotten

P = TypeVar("P", bound=Hashable)


class Liveness(Generic[P]):
    """When each process was heard, and how suspicious its silence is. Times are seconds of one clock."""

    LATE = 0.1
    """Seconds of own lateness from which on a look gives no verdict (after Lifeguard, arXiv 1707.00788)."""
    SUSPECT = 0.75
    """Seconds of silence after which a process gets no new calls: three heartbeats."""
    THRESHOLD = 8.0
    """Phi from which on a silent process is dead."""
    INTERVAL = 0.25
    """Seconds between two heartbeats, as long as nothing else is known."""

    def __init__(self, pause: float = 3.0) -> None:
        """Take silence of `pause` seconds for no sign of death, whatever the intervals were."""
        self.pause = pause
        self._seen: dict[P, Accrual] = {}
        self._since = 0.0

    def begin(self, now: float) -> None:
        """Nobody could be heard before: everyone gets the full time from now on."""
        self._since = now

    def heard(self, process: P, now: float) -> None:
        """`process` gave a sign of life."""
        known = self._seen.get(process)
        if known is None:
            self._seen[process] = Accrual(now, self.INTERVAL)
        else:
            known.heard(now, self.pause)

    def knows(self, process: P) -> bool:
        """Return whether `process` has been heard and not been forgotten."""
        return process in self._seen

    def last(self, process: P) -> float:
        """Return when `process` was heard last, or since when it could have been."""
        known = self._seen.get(process)
        return self._since if known is None else max(known.last, self._since)

    def forgive(self, late: float, now: float) -> bool:
        """Return whether this look comes so late that it may judge nobody; what it slept counts against nobody."""
        if late <= self.LATE:
            return False
        self._since = min(now, self._since + late)
        for known in self._seen.values():
            known.last = min(now, known.last + late)  # those that waited in its buffers were heard just now
        return True

    def fresh(self, process: P, now: float) -> bool:
        """Return whether `process` itself was heard, lately enough to be trusted."""
        known = self._seen.get(process)
        return known is not None and now - known.last <= self.SUSPECT

    def silent(self, processes: Iterable[P], now: float) -> list[P]:
        """Return those of `processes` that should have been heard and were not."""
        latest = now - self.SUSPECT
        if self._since > latest:
            return []
        return [process for process in processes if self.last(process) < latest]

    def dead(self, process: P, now: float) -> bool:
        """Return whether the silence of `process` has no other explanation."""
        known = self._seen.get(process)
        if known is None:
            known = Accrual(self._since, self.INTERVAL)
        return known.phi(now, self.pause, self._since) >= self.THRESHOLD

    def forget(self, keep: Callable[[P], bool], now: float) -> None:
        """Drop what is known of processes that are long silent and not to be kept."""
        for process in [one for one, known in self._seen.items() if now - known.last > _FORGET and not keep(one)]:
            del self._seen[process]
