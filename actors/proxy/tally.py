"""What a node has seen of one instance: attempts, failures and how long answers took, of late and in all."""

from math import exp

from ..messages.envelope import ReplyFrame
from ..messages.error import (
    BusUnavailable,
    CallCycle,
    Disconnected,
    Draining,
    MeshError,
    TooDeep,
    Undecodable,
    UnsupportedVersion,
)

MEMORY = 10.0
"""Seconds after which an attempt counts for little (1/e) in what is said of late."""
TURN = 1.0
"""Seconds between two looks at what has become of the attempts."""
_PER_SECOND = (1.0 - exp(-TURN / MEMORY)) / TURN
"""What the sum of so many attempts of late is per second, at a turn."""

_BLAMELESS = (BusUnavailable, CallCycle, Disconnected, Draining, TooDeep, Undecodable, UnsupportedVersion)
"""Not the instance's fault: the caller's own connection, its message, or an instance that leaves as it should."""


class Tally:
    """One endpoint's. An attempt costs a few additions; what is said of late is worked out once a second."""

    __slots__ = (
        "_failures",
        "_recent",
        "_recent_bad",
        "_recent_spent",
        "_requests",
        "_spent",
        "failures",
        "requests",
        "spent",
        "turned",
    )

    def __init__(self) -> None:
        self.requests = 0
        """Attempts that came to an end; those that the caller gave up are not among them."""
        self.failures = 0
        self.spent = 0.0
        """Seconds that those took that did not fail, together."""
        self.turned = 0.0
        """When it was last looked at; 0 before the first attempt."""
        self._requests = self._failures = 0
        self._spent = self._recent = self._recent_bad = self._recent_spent = 0.0

    def note(self, outcome: ReplyFrame | MeshError, seconds: float, now: float) -> bool:
        """Take note of an attempt that ended just now; return whether a new second has begun."""
        if type(outcome) is ReplyFrame:
            if outcome.status < 500:
                self.spent += seconds
            else:
                self.failures += 1
        elif isinstance(outcome, _BLAMELESS):
            return False
        else:
            self.failures += 1
        self.requests += 1
        if now - self.turned < TURN:
            return False
        first = not self.turned
        self.turn(now)
        return not first  # one attempt is no reason to look

    def turn(self, now: float) -> None:
        """Let what was before count for less."""
        kept = exp((self.turned - now) / MEMORY) if self.turned else 0.0
        self._recent = self._recent * kept + self.requests - self._requests
        self._recent_bad = self._recent_bad * kept + self.failures - self._failures
        self._recent_spent = self._recent_spent * kept + self.spent - self._spent
        self._requests, self._failures, self._spent, self.turned = self.requests, self.failures, self.spent, now

    @property
    def good(self) -> int:
        """Attempts that did not fail."""
        return self.requests - self.failures

    # Of late; as of the last turn

    @property
    def recent(self) -> float:
        """Attempts of late, each the less the longer it is ago."""
        return self._recent + self.requests - self._requests

    @property
    def recent_failures(self) -> float:
        """Those of them that failed."""
        return self._recent_bad + self.failures - self._failures

    @property
    def rate(self) -> float:
        """Attempts per second of late."""
        return self._recent * _PER_SECOND

    @property
    def latency(self) -> float:
        """Seconds that answers took of late (EWMA by time); 0 where there was none. Failures do not count: an
        instance that fails fast is not a fast one."""
        good = self.recent - self.recent_failures
        return (self._recent_spent + self.spent - self._spent) / good if good > 1e-6 else 0.0
