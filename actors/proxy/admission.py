"""Admission control at the caller: the more calls of a destination fail, the fewer of them are sent.

    P(refuse) = min(0.8, max(0, (n - succeeded / 0.95) / (n + 1)) ** (1 / aggression))

over the last 30 s (Envoy's admission control, after "Handling Overload" in Google's SRE book). At least a fifth is
sent: by it a recovery is seen.
"""

from collections.abc import Callable, Sequence

from ..messages.envelope import ReplyFrame
from ..messages.error import Cancelled, NotAdmitted
from ..messages.resilience import Admission
from .endpoint import Endpoint
from .judge import Outcome

SLOTS = 30
"""Seconds that are looked back to, counted one by one."""

MOST = 0.8
"""Part of the calls that is refused where all fail."""


class SuccessRate:
    """Calls and successes of the last 30 s. Times are seconds of any clock that only grows."""

    __slots__ = ("_at", "_calls", "_good", "calls", "good")

    def __init__(self) -> None:
        self.calls = 0
        self.good = 0
        self._calls = [0] * SLOTS
        self._good = [0] * SLOTS
        self._at = 0

    def record(self, good: bool, now: float) -> None:
        """Count one call."""
        self.move(now)
        slot = self._at % SLOTS
        self._calls[slot] += 1
        self.calls += 1
        if good:
            self._good[slot] += 1
            self.good += 1

    def move(self, now: float) -> None:
        """Forget what is older than 30 s."""
        at = int(now)
        if at <= self._at:
            return
        for passed in range(max(self._at + 1, at - SLOTS + 1), at + 1):
            slot = passed % SLOTS
            self.calls -= self._calls[slot]
            self.good -= self._good[slot]
            self._calls[slot] = self._good[slot] = 0
        self._at = at


def refusal(calls: int, good: int, threshold: float, aggression: float) -> float:
    """Return the probability with which a call is refused; `threshold` (0 to 1) is the rate that is good enough."""
    excess = (calls - good / threshold) / (calls + 1)
    return min(MOST, excess ** (1.0 / aggression)) if excess > 0.0 else 0.0


class Admissions:
    """One destination's admission control in a node; as a judge it hears what came of each attempt."""

    def __init__(self, asked: Admission, clock: Callable[[], float], draw: Callable[[], float]) -> None:
        self.asked = asked
        self.rate = SuccessRate()
        self.refused = 0
        self._clock = clock
        self._draw = draw

    def check(self) -> None:
        """Let a call pass, or not.

        Raises:
            NotAdmitted: it is one of the part that is not sent.
        """
        rate, asked = self.rate, self.asked
        if rate.good >= rate.calls * asked.threshold / 100.0:
            return
        rate.move(self._clock())
        if rate.calls < asked.requests:
            return
        if self._draw() < refusal(rate.calls, rate.good, asked.threshold / 100.0, asked.aggression):
            self.refused += 1
            raise NotAdmitted

    # As a judge

    def record(self, endpoint: Endpoint, outcome: Outcome, seconds: float) -> None:
        """Count an attempt; one that its caller gave up says nothing."""
        if outcome is None or isinstance(outcome, Cancelled):
            return
        good = isinstance(outcome, ReplyFrame) and outcome.status < 500 and not outcome.cause
        self.rate.record(good, self._clock())

    def admits(self, endpoint: Endpoint) -> bool:
        """Return True: it is about all instances alike."""
        return True

    def follow(self, members: Sequence[Endpoint]) -> None:
        """Take no notice."""
