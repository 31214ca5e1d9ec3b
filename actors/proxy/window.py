"""Calls of the last seconds, counted in a sliding window: how many there were, how many failed, how many were slow."""

import math

BUCKETS = 10
"""Parts of a window; the oldest is forgotten as a whole, so that ten cover between 9 and 10 tenths of its span."""


class Window:
    """Counts in buckets. It slides: a window that begins anew at fixed times forgets a failure at its edge."""

    __slots__ = ("_buckets", "_calls", "_failed", "_newest", "_rate", "_slow", "calls", "failed", "slow")

    def __init__(self, seconds: float, buckets: int = BUCKETS) -> None:
        self._buckets = buckets
        self._rate = buckets / seconds
        self._newest = 0
        self._calls = [0] * buckets
        self._failed = [0] * buckets
        self._slow = [0] * buckets
        self.calls = 0
        """Calls in the window, as of the last `add` or `slide`."""
        self.failed = 0
        """How many of them failed."""
        self.slow = 0
        """How many of them took long, failed ones included."""

    def add(self, now: float, failed: bool, slow: bool) -> None:
        """Count one call that ended at `now`, in seconds of a clock that does not go back."""
        self.slide(now)
        place = self._newest % self._buckets
        self._calls[place] += 1
        self.calls += 1
        if failed:
            self._failed[place] += 1
            self.failed += 1
        if slow:
            self._slow[place] += 1
            self.slow += 1

    def slide(self, now: float) -> None:
        """Forget what is older than the window."""
        newest = math.floor(now * self._rate)
        steps = newest - self._newest
        if steps <= 0:
            return
        for place in range(self._newest + 1, self._newest + 1 + min(steps, self._buckets)):
            old = place % self._buckets
            self.calls -= self._calls[old]
            self.failed -= self._failed[old]
            self.slow -= self._slow[old]
            self._calls[old] = self._failed[old] = self._slow[old] = 0
        self._newest = newest

    def clear(self) -> None:
        """Forget everything."""
        for counts in (self._calls, self._failed, self._slow):
            counts[:] = [0] * self._buckets
        self.calls = self.failed = self.slow = 0
