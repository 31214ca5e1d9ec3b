"""Counts requests against a rate, by key: the generic cell rate algorithm, one number per key (ITU-T I.371).

A key's number is when its bucket would be full again. The table is bounded: keys whose bucket is full are forgotten,
which changes nothing; where all are in use, further keys share one bucket, so that nobody gets more by inventing keys.
"""

import math

MOST = 10_000
"""Keys of one limit that are counted apart."""

OTHERS = "\0others"
"""The key of all that came when the table was full."""

_EPSILON = 1e-9


class Gcra:
    """One limit's buckets. Times are seconds of any clock that only grows."""

    __slots__ = ("_full", "_interval", "_most", "_room", "_swept", "burst")

    def __init__(self, rate: float, burst: int, most: int = MOST) -> None:
        """Let `rate` requests per second pass, `burst` of them at once."""
        self.burst = burst
        self._interval = 1.0 / rate
        self._room = burst * self._interval
        self._full: dict[str, float] = {}
        self._most = most
        self._swept = -math.inf

    def __len__(self) -> int:
        return len(self._full)

    def take(self, key: str, now: float) -> float:
        """Count one request; return 0.0 where it passes, else the seconds until one would."""
        full = self._full.get(key)
        if full is None:
            if len(self._full) >= self._most:
                key = self._make_room(key, now)
            full = self._full.get(key, now)
        if full < now:
            full = now
        wait = full + self._interval - now - self._room
        if wait > _EPSILON:
            return wait
        self._full[key] = full + self._interval
        return 0.0

    def give_back(self, key: str) -> None:
        """Count one request less: another limit has refused it."""
        if key not in self._full:
            key = OTHERS
        if key in self._full:
            self._full[key] -= self._interval

    def remaining(self, key: str, now: float) -> int:
        """Return how many requests could pass at once."""
        used = max(0.0, self._full.get(key, now) - now)
        return max(0, int((self._room - used) / self._interval + 1e-6))

    def reset(self, key: str, now: float) -> float:
        """Return the seconds until the bucket is full again."""
        return max(0.0, self._full.get(key, now) - now)

    def _make_room(self, key: str, now: float) -> str:
        """Forget full buckets, at most once in the time that one takes to fill; return the key to count by."""
        if now - self._swept >= self._room:
            self._swept = now
            self._full = {each: full for each, full in self._full.items() if full > now}
        return key if len(self._full) < self._most else OTHERS
