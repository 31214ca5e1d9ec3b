"""How many questions one address may ask: a token bucket for each, in a table that strangers cannot fill."""

from collections.abc import Callable

_SHARED = ""
_SWEEP = 1.0  # seconds between two looks through a full table: each costs as much as a thousand questions


class Buckets:
    """Tokens by source, drawn one by one."""

    def __init__(self, rate: float, burst: float, most: int, clock: Callable[[], float]) -> None:
        """Start with full buckets.

        Args:
            rate: tokens per second that flow into each.
            burst: tokens that each holds.
            most: sources that have a bucket of their own; the others share one while there is no room.
            clock: seconds that only grow.
        """
        self._cost = 1.0 / rate
        self._depth = burst / rate + 1e-9  # the sum of many small costs is not exact
        self._most = most
        self._clock = clock
        self._full: dict[str, float] = {}
        """When each bucket will be full again: all that is to be known of it."""
        self._swept = float("-inf")

    def __len__(self) -> int:
        return len(self._full)

    def take(self, source: str) -> bool:
        """Take a token from a source's bucket; False where it is empty."""
        now = self._clock()
        full = self._full.get(source)
        if full is None:
            if len(self._full) >= self._most:
                source = self._room(source, now)
                full = self._full.get(source, now)
            else:
                full = now
        full = max(full, now) + self._cost
        if full - now > self._depth:
            return False
        self._full[source] = full
        return True

    def charge(self, source: str, tokens: float) -> None:
        """Take what a question cost beyond its one token, also more than is there: the next ones wait for it."""
        if source not in self._full:
            source = _SHARED
        self._full[source] = max(self._full.get(source, 0.0), self._clock()) + tokens * self._cost

    def _room(self, source: str, now: float) -> str:
        """Forget buckets that are full: new ones would be like them. Return the bucket that `source` is to use."""
        if now - self._swept >= _SWEEP:
            self._swept = now
            self._full = {known: full for known, full in self._full.items() if full > now}
        return source if len(self._full) < self._most else _SHARED
