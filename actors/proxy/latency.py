"""How long a destination's answers take: a histogram of fixed size, of which quantiles are asked now and then."""

from math import exp2, log2

FIRST = 0.0001
"""Seconds: everything shorter counts as this long."""
PER_OCTAVE = 4
"""Parts of each doubling: a quantile is too long by 19 % at most."""
PARTS = 20 * PER_OCTAVE
"""From 0.1 ms to 105 s."""
MOST = 2000
"""With so many answers all counts are halved: the last thousand or so decide, be they of a second or of a day."""


class Latency:
    """Counts answers by the logarithm of their time."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts = [0] * PARTS
        self.total = 0
        """Answers that are remembered."""

    def add(self, seconds: float) -> None:
        """Remember one answer."""
        part = int(log2(seconds / FIRST) * PER_OCTAVE) + 1 if seconds > FIRST else 0
        self._counts[part if part < PARTS else PARTS - 1] += 1
        self.total += 1
        if self.total >= MOST:
            self._counts = [count >> 1 for count in self._counts]
            self.total = sum(self._counts)

    def quantile(self, share: float) -> float:
        """Return the seconds within which this share (0 to 1) of the answers came, rounded up; 0 where none came."""
        left = self.total * (1.0 - share)
        for part in range(PARTS - 1, -1, -1):
            left -= self._counts[part]
            if left < 0.0:
                return FIRST * exp2(part / PER_OCTAVE)
        return 0.0
