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
from .window import Window

SPAN = 30
"""Seconds that are looked back to, counted one by one."""

MOST = 0.8
"""Part of the calls that is refused where all fail."""


def refusal(calls: int, good: int, threshold: float, aggression: float) -> float:
    """Return the probability with which a call is refused; `threshold` (0 to 1) is the rate that is good enough."""
    excess = (calls - good / threshold) / (calls + 1)
    return min(MOST, excess ** (1.0 / aggression)) if excess > 0.0 else 0.0


class Admissions:
    """One destination's admission control in a node; as a judge it hears what came of each attempt."""

    def __init__(self, asked: Admission, clock: Callable[[], float], draw: Callable[[], float]) -> None:
        self.asked = asked
        self.recent = Window(SPAN, SPAN)
        self.refused = 0
        self._clock = clock
        self._draw = draw

    def check(self) -> None:
        """Let a call pass, or not.

        Raises:
            NotAdmitted: it is one of the part that is not sent.
        """
        recent, asked = self.recent, self.asked
        if recent.calls - recent.failed >= recent.calls * asked.threshold / 100.0:
            return
        recent.slide(self._clock())
        if recent.calls < asked.requests:
            return
        if self._draw() < refusal(
            recent.calls, recent.calls - recent.failed, asked.threshold / 100.0, asked.aggression
        ):
            self.refused += 1
            raise NotAdmitted

    # As a judge

    def record(self, endpoint: Endpoint, outcome: Outcome, seconds: float) -> None:
        """Count an attempt; one that its caller gave up says nothing."""
        if outcome is None or isinstance(outcome, Cancelled):
            return
        good = isinstance(outcome, ReplyFrame) and outcome.status < 500 and not outcome.cause
        self.recent.add(self._clock(), not good, False)

    def admits(self, endpoint: Endpoint) -> bool:
        """Return True: it is about all instances alike."""
        return True

    def follow(self, members: Sequence[Endpoint]) -> None:
        """Take no notice."""
