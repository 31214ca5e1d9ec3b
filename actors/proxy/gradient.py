"""A concurrency limit that finds itself: it shrinks where calls take longer than they used to, and grows where not.

Netflix's Gradient2 (`concurrency-limits`, Gradient2Limit), with its numbers. It needs no pause to measure an unloaded
latency: the measure is a slow average of the very calls.
"""

INITIAL, LEAST, MOST = 20.0, 20.0, 200.0
SMOOTHING = 0.2
QUEUE = 4.0
"""Calls that may wait somewhere, beyond what the limit finds."""
WINDOW = 600
"""Samples that the slow average looks back to."""
TOLERANCE = 1.5
"""How much longer than that average calls may take before the limit shrinks."""

_WARM = 10


class Gradient2:
    """The limit of one instance."""

    __slots__ = ("_count", "_least", "_most", "_queue", "_sum", "_tolerance", "limit", "long")

    def __init__(
        self,
        initial: float = INITIAL,
        least: float = LEAST,
        most: float = MOST,
        queue: float = QUEUE,
        tolerance: float = TOLERANCE,
    ) -> None:
        self.limit = min(max(initial, least), most)
        """Calls that may be in hand."""
        self.long = 0.0
        """The slow average, in seconds."""
        self._least = least
        self._most = most
        self._queue = queue
        self._tolerance = tolerance
        self._count = 0
        self._sum = 0.0

    def record(self, seconds: float, active: int) -> None:
        """Take note of a call that took `seconds`, while so many were in hand."""
        long = self._average(seconds)
        if long / seconds > 2.0:  # after a time of overload the average would stay high for long
            self.long = long = long * 0.95
        if active < self.limit / 2.0:
            return  # nothing is learned about a limit that nobody comes near
        gradient = max(0.5, min(1.0, self._tolerance * long / seconds))
        limit = self.limit * gradient + self._queue
        limit = self.limit * (1.0 - SMOOTHING) + limit * SMOOTHING
        self.limit = max(self._least, min(self._most, limit))

    def _average(self, seconds: float) -> float:
        if self._count < _WARM:
            self._count += 1
            self._sum += seconds
            self.long = self._sum / self._count
        else:
            factor = 2.0 / (WINDOW + 1)
            self.long = self.long * (1.0 - factor) + seconds * factor
        return self.long
