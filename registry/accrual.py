"""How suspicious the silence of one process is: phi accrual (Hayashibara et al. 2004; formula as Pekko computes it)."""

import math

WEIGHT = 0.05
"""What one more interval weighs in the running mean and variance: the last twenty or so count."""


class Accrual:
    """Learns the intervals between signs of life, and tells how unlikely the present silence is. Times are seconds."""

    __slots__ = ("_mean", "_variance", "last")

    LEAST_DEVIATION = 0.1
    """Seconds: intervals that never vary would make any delay look like death."""

    def __init__(self, now: float, interval: float) -> None:
        """Begin at a first sign of life, `interval` seconds being usual."""
        self.last = now
        self._mean = interval
        self._variance = (interval / 4) ** 2

    def heard(self, now: float, pause: float) -> None:
        """Note a sign of life; an interval beyond `pause` seconds was absence, and teaches nothing."""
        interval, self.last = now - self.last, now
        if 0.0 <= interval <= pause:
            difference = interval - self._mean
            self._mean += WEIGHT * difference
            self._variance = (1.0 - WEIGHT) * (self._variance + WEIGHT * difference * difference)

    def phi(self, now: float, pause: float, since: float = 0.0) -> float:
        """Return -log10 of the chance that a process which lives would be silent for so long; 8 is one in 10⁸.

        Args:
            now: when it is asked.
            pause: seconds of silence that are nothing: a collection of garbage, a busy machine, a short stop.
            since: before that nobody could be heard.
        """
        deviation = max(math.sqrt(self._variance), self.LEAST_DEVIATION)
        y = (now - max(self.last, since) - self._mean - pause) / deviation
        exponent = -y * (1.5976 + 0.070566 * y * y)  # logistic approximation of the normal distribution
        if y <= 0:
            return 0.0 if exponent > 30 else -math.log10(1.0 - 1.0 / (1.0 + math.exp(exponent)))
        if exponent < -700:  # e to that power is 0 as a float
            return -exponent / math.log(10)
        e = math.exp(exponent)
        return -math.log10(e / (1.0 + e))
