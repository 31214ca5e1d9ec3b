"""How long a message may wait: as long as it likes, unless the queue has stood for long and does not get shorter.

After CoDel, in the form of "Fail at Scale" (B. Maurer, ACM Queue 13/8, 2015): a queue that was not empty for the last
100 ms is no burst, and what waits in it longer than 5 ms is refused. Those numbers are for calls of some milliseconds.
Where one takes longer they grow with it: no queue is called standing before twenty messages were taken out of it, four
by each worker, and a message may always wait for as long as the work on one takes, so that no refusal leaves a worker
idle.
"""

INTERVAL = 0.1
"""Seconds without an empty moment after which a queue stands."""

TARGET = 0.005
"""Seconds that a message may wait in a standing queue."""

TURNS = 4
"""Messages that each worker must have taken out of a queue before that stands."""

FEWEST = 20
"""Messages that must have been taken out of it in all: a burst on one worker is no overload."""


class QueueTime:
    """Watches one queue. Times are seconds of any clock that only grows."""

    __slots__ = ("since", "taken", "wary", "workers")

    def __init__(self, workers: int) -> None:
        """`workers` take messages out of it at a time."""
        self.workers = workers
        self.since = 0.0
        """When it was empty last."""
        self.taken = 0
        """Messages taken since then."""
        self.wary = float("-inf")
        """Until when an empty moment does not make it a fresh queue: one that was cut just now stands again at once."""

    def begin(self, now: float) -> None:
        """The first message is put into the empty queue."""
        if now > self.wary:
            self.since = now
            self.taken = 0

    def cut(self, now: float, allowed: float) -> None:
        """A message was refused that had waited longer than `allowed`."""
        self.wary = now + max(INTERVAL, FEWEST * allowed)

    def allowance(self, now: float) -> float | None:
        """Return the seconds that a message may have waited; None while the queue does not stand."""
        stood = now - self.since
        if stood < INTERVAL or self.taken < max(FEWEST, TURNS * self.workers):
            return None
        work = stood * self.workers / self.taken  # all workers are busy while messages wait
        return max(TARGET, work)
