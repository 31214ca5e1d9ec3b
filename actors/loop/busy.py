"""What share of its time an event loop is busy: by the processor time of its thread, and by how late it is."""

from collections.abc import Callable
from math import exp

WINDOW = 0.1
"""Seconds that are measured at least before there is a new figure."""
SMOOTH = 1.0
"""Seconds after which what was measured before counts for little (1/e)."""


class BusyShare:
    """One loop's; read it on the loop's own thread. All that run on the loop share it, and the windows it looks at."""

    def __init__(self, spent: Callable[[], float], clock: Callable[[], float]) -> None:
        """`spent` gives the seconds of processor time that the loop's thread has used; `clock` monotonic seconds."""
        self._spent = spent
        self._clock = clock
        self._share = 0.0
        self._began = clock()
        self._before = spent()
        self._late = 0.0

    def late(self, seconds: float) -> None:
        """A timer of the loop fired so late: it was busy as long, also where a call that blocks used no processor,
        or there was no processor to use."""
        self._late += seconds

    def read(self) -> float:
        """Return the share of the last seconds, 0 to 1."""
        now = self._clock()
        passed = now - self._began
        if passed < WINDOW:
            return self._share
        spent = self._spent()
        share = min(1.0, max(0.0, spent - self._before, self._late) / passed)
        self._began, self._before, self._late = now, spent, 0.0
        self._share += (share - self._share) * (1.0 - exp(-passed / SMOOTH))
        return self._share
