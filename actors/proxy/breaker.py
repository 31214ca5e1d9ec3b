"""A circuit breaker: closed, open, half-open with one probe, closed again; pure, times are passed in.

It opens on the share of calls that fail or take long in a sliding window. Each opening that follows closely on the one
before lasts longer, so that what does not get well is asked less and less often.
"""

import enum

from ..messages.envelope import ReplyFrame
from ..messages.error import (
    BadReply,
    Broken,
    DeadlineExceeded,
    FaultInjected,
    HandlerFailed,
    InstanceGone,
    NoResponders,
    Overloaded,
    Unreachable,
)
from ..messages.resilience import Breaker as Policy
from .judge import Outcome
from .window import Window

GROWTH = 2.0
"""Each opening lasts so many times as long as the one before, where that was not long ago."""


class State(enum.Enum):
    """What a breaker does with calls; the words are shown to people."""

    CLOSED = "closed"
    """They pass."""
    OPEN = "open"
    """None passes."""
    HALF_OPEN = "half-open"
    """One passes, to see how it fares."""


_FAILURES = (
    BadReply,
    Broken,
    DeadlineExceeded,
    HandlerFailed,
    InstanceGone,
    NoResponders,
    Overloaded,
    Unreachable,
)
"""What has reached an instance, or proves that it is gone. The caller's own limits and connection do not count."""


def failed(outcome: Outcome) -> bool | None:
    """Return whether an attempt's outcome is a failure of who was called; None where it says nothing about that."""
    if outcome is None:
        return None
    if isinstance(outcome, ReplyFrame):
        return outcome.status >= 500
    if isinstance(outcome, FaultInjected):
        return outcome.status >= 500
    return True if isinstance(outcome, _FAILURES) else None


class Breaker:
    """One breaker, of an instance or of a route."""

    __slots__ = ("_closed_at", "_level", "_next_probe", "_policy", "_window", "state", "until", "why")

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._window = Window(policy.window)
        self._level = 0
        self._closed_at = float("-inf")
        self._next_probe = float("-inf")
        self.state = State.CLOSED
        self.until = float("-inf")
        """When it may try again."""
        self.why = ""
        """What opened it last."""

    def record(self, now: float, outcome: Outcome, seconds: float) -> bool:
        """Take note of an attempt that took `seconds` and ended `now`; return whether the state has changed."""
        bad = failed(outcome)
        policy = self._policy
        slow = bool(policy.slow) and seconds >= policy.slow and (bad is not None or outcome is None)
        if self.state is State.CLOSED:
            if bad is None and not slow:
                return False
            self._window.add(now, bool(bad), slow)
            return self._judged(now)
        if now - seconds < self.until - 1e-6:
            return False  # it began before the probe: it tells how things were then
        if bad is None:
            self._next_probe = now  # nothing is known: another may look
            return False
        if bad or slow:
            self._open(now, "the probe failed" if bad else f"the probe took {seconds:.3g} s")
        else:
            self.state, self._closed_at = State.CLOSED, now
            self._window.clear()
        return True

    def may_probe(self, now: float) -> bool:
        """Return whether a call may be the probe now: one at a time, and another where nothing is heard of the last."""
        return self.state is not State.CLOSED and now >= self.until and now >= self._next_probe

    def probe(self, now: float) -> None:
        """One call goes through to see; no other may before it has ended, or has been out for as long as this was."""
        self.state, self._next_probe = State.HALF_OPEN, now + self._policy.open

    def _judged(self, now: float) -> bool:
        window, policy = self._window, self._policy
        if window.calls < policy.calls:
            return False
        if policy.failures and window.failed * 100.0 >= policy.failures * window.calls:
            self._open(now, f"{window.failed} of {window.calls} calls failed")
        elif policy.slow and policy.slows and window.slow * 100.0 >= policy.slows * window.calls:
            self._open(now, f"{window.slow} of {window.calls} calls took {policy.slow:g} s or longer")
        else:
            return False
        return True

    def _open(self, now: float, why: str) -> None:
        if self.state is State.CLOSED and now - self._closed_at > self._length():
            self._level = 0  # it was well for longer than it had been out
        else:
            self._level += 1
        self.state, self.until, self.why = State.OPEN, now + self._length(), why
        self._next_probe = self.until
        self._window.clear()

    def _length(self) -> float:
        policy = self._policy
        return min(policy.open * GROWTH ** min(self._level, 32), max(policy.open, policy.longest))
