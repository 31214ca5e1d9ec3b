"""The counts of finished requests of one kind: by status and cause, by duration and by size, in plain numbers.

They are read when somebody asks; per request nothing is made, locked or looked up here.
"""

from bisect import bisect_left
from typing import NamedTuple

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram of durations, seconds."""

SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
"""Upper bounds of the histograms of sizes, bytes."""

UNKNOWN = "unknown"
"""What Istio says where it does not know."""

CAUSES = 1024
"""One more than the highest number of a cause."""

_ODD = frozenset("13579bdf")


class Side(NamedTuple):
    """One end of a request."""

    service: str = UNKNOWN
    """A subject token: `reviews`, `reviews_prod`."""
    version: str = UNKNOWN


class Way(NamedTuple):
    """Which requests are counted together."""

    reporter: str
    """`source` for who calls and `destination` for who is called."""
    source: Side
    destination: Side
    subset: str = ""
    """The subset of the destination that the route led to; known to the source alone."""
    route: str = ""
    """The route by its rule: `default/reviews#canary`; known to the source alone, and never a path."""
    protocol: str = "http"

    @classmethod
    def other(cls, reporter: str) -> "Way":
        """Return what all share for which there is no room."""
        return cls(reporter, Side("other", "other"), Side("other", "other"), protocol="other")


class Calls:
    """Requests that went one way."""

    __slots__ = ("buckets", "counts", "examples", "received", "received_bytes", "seconds", "sent", "sent_bytes", "way")

    def __init__(self, way: Way) -> None:
        self.way = way
        self.counts: dict[int, int] = {}
        """Requests by `status * 1024 + cause`."""
        self.buckets = [0] * (len(BUCKETS) + 1)
        """Requests by duration, each bucket alone; the last one is what was longer than all bounds."""
        self.seconds = 0.0
        """Sum of all durations."""
        self.sent = [0] * (len(SIZES) + 1)
        """Requests by the size of their bodies."""
        self.sent_bytes = 0
        self.received = [0] * (len(SIZES) + 1)
        """Requests by the size of their answers' bodies."""
        self.received_bytes = 0
        self.examples: list[tuple[str, float] | None] = [None] * (len(BUCKETS) + 1)
        """The traceparent and the duration of the last request of each bucket that was traced."""

    def observe(
        self, status: int, cause: int, seconds: float, sent: int = 0, received: int = 0, traceparent: str = ""
    ) -> None:
        """Count one finished request.

        Args:
            status: its HTTP status; 0 where there was nobody left to answer.
            cause: the number of its error; 0 for the service's own answer.
            seconds: how long it took.
            sent: bytes of its body.
            received: bytes of the answer's body.
            traceparent: a trusted one, `""` for none.
        """
        key = status * CAUSES + cause
        try:
            self.counts[key] += 1
        except KeyError:
            self.counts[key] = 1
        place = bisect_left(BUCKETS, seconds)
        self.buckets[place] += 1
        self.seconds += seconds
        if sent:
            self.sent[bisect_left(SIZES, sent)] += 1
            self.sent_bytes += sent
        else:
            self.sent[0] += 1
        self.received[bisect_left(SIZES, received)] += 1
        self.received_bytes += received
        if traceparent[54:55] in _ODD:
            self.examples[place] = traceparent, seconds

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.counts.values())

    @property
    def failed(self) -> int:
        """Requests that ended with a status of 500 or more."""
        return sum(count for key, count in self.counts.items() if key >= 500 * CAUSES)

    def quantile(self, share: float) -> float:
        """Return the duration (seconds) that `share` of the requests stayed below, linear within its bucket."""
        return quantile(self.buckets, share)


def quantile(buckets: list[int], share: float) -> float:
    """Return the duration (seconds) that `share` of the requests stayed below, linear within its bucket.

    0 without any request; what was longer than all bounds counts as long as the last of them.
    """
    rank, below = share * sum(buckets), 0
    for place, count in enumerate(buckets):
        if count and below + count >= rank:
            low = BUCKETS[place - 1] if place else 0.0
            high = BUCKETS[min(place, len(BUCKETS) - 1)]
            return low + (high - low) * (rank - below) / count if high > low else low
        below += count
    return 0.0
