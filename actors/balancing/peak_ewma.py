"""Peak EWMA: the one of two random members that is expected to answer sooner, by what it took of late.

The estimate jumps up to a longer answer at once and comes down by a moving average of ten seconds (as in Finagle and
Linkerd); times the calls in hand and one more it is what the next call would wait. A failure counts as an answer after
five seconds, or after what it asked for in `retry-after`: who fails fast must not look like the best of all. The
estimates stand on the members, so that all destinations and balancers that share one share what is known of it.
"""

import random
from collections.abc import Callable, Sequence
from math import exp
from typing import Generic, Protocol, TypeVar

from ..messages.envelope import ReplyFrame
from ..messages.error import (
    BadReply,
    DeadlineExceeded,
    Draining,
    InstanceGone,
    MeshError,
    NoResponders,
    Overloaded,
    Stalled,
)
from .picker import Member, Weights
from .shares import Shares

DECAY = 10.0
"""Seconds in which what is known of a member loses all but 1/e of its weight."""
PENALTY = 5.0
"""Seconds that a failure counts as."""
LONGEST_PENALTY = 300.0
"""The most that `retry-after` may ask for."""
FIRST = 0.01
"""Seconds that an answer is taken to need while nobody has answered."""
UNMEASURED = -1.0
"""The latency of a member that no answer is known of."""
ITS_OWN = (NoResponders, Draining, Overloaded, Stalled, InstanceGone, BadReply)
"""Failures that say something of the instance; the caller's own deadline, and its own troubles, do not."""
_REST = 0.5
_SMOOTH = 1 / 16


class Timed(Member, Protocol):
    """A member with the time that it takes to answer."""

    latency: float
    """Seconds, as of `measured`; negative while unmeasured."""
    measured: float
    """When, on the caller's clock."""


Tm = TypeVar("Tm", bound=Timed)


class Estimates:
    """What is known of the members of one destination; what is known of each stands on itself."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._usual = FIRST
        """The estimate that members have on average: where an unmeasured one starts, so that it is neither shunned nor
        gets every call until its first answer."""
        self._heard = False

    def meet(self, members: Sequence[Timed]) -> None:
        """Learn what is usual from members that others know already."""
        if not self._heard:
            known = sorted(one.latency for one in members if one.latency >= 0.0)
            if known:
                self._usual, self._heard = known[len(known) // 2], True

    def of(self, member: Timed, now: float) -> float:
        """Return the seconds that a member is expected to take.

        What is known fades with time, but not below half of what is usual: who is asked again after a long time must
        not get every call until it has answered the first.
        """
        latency, rest = member.latency, self._usual * _REST
        if latency < 0.0:
            return self._usual
        if latency <= rest:
            return latency
        faded = latency * exp((member.measured - now) / DECAY)
        return max(rest, faded)

    def record(self, member: Timed, outcome: ReplyFrame | MeshError | None, seconds: float) -> None:
        """Learn from an attempt that ended after so many seconds."""
        now, latency = self.clock(), member.latency
        weight = exp((member.measured - now) / DECAY) if latency >= 0.0 else 0.0
        if type(outcome) is ReplyFrame:
            failed = outcome.status >= 500 or outcome.status == 429
            sample = max(seconds, penalty(outcome)) if failed else seconds
        elif outcome is None or type(outcome) is DeadlineExceeded:
            if seconds <= latency * weight:
                return  # that it takes longer than this was known
            failed, sample = False, seconds
        elif isinstance(outcome, ITS_OWN):
            failed, sample = True, max(seconds, PENALTY)
        else:
            return
        if sample <= latency:
            sample = latency * weight + sample * (1.0 - weight)
        member.latency, member.measured = sample, now
        if failed:
            return
        if not self._heard:
            self._usual, self._heard = sample, True
        self._usual += (sample - self._usual) * _SMOOTH


class PeakEwma(Generic[Tm]):
    """The quicker of two."""

    def __init__(self, rng: random.Random, estimates: Estimates) -> None:
        self.estimates = estimates
        self._draw = rng.random
        self._clock = estimates.clock
        self._shares: Shares[Tm] | None = None

    def follow(self, members: Sequence[Tm], weights: Weights) -> None:
        """Have these members from now on."""
        self._shares = None if weights is None else Shares(members, weights)
        self.estimates.meet(members)

    def pick(self, members: Sequence[Tm]) -> Tm:
        """Return the one that costs less: time to answer, times what it would have in hand."""
        count = len(members)
        if count == 1:
            return members[0]
        draw, now, of = self._draw, self._clock(), self.estimates.of
        if self._shares is not None:
            urn = self._shares.among(members)
            first = urn.first(draw())
            second = urn.second(first, draw())
            one, other = urn.members[first], urn.members[second]
            # What it has in hand counts by weight, the new call does not: see least_request.py.
            ours = of(one, now) * (one.active * urn.mean / urn.weights[first] + 1.0)
            theirs = of(other, now) * (other.active * urn.mean / urn.weights[second] + 1.0)
            return other if theirs < ours else one
        first = int(draw() * count)
        second = int(draw() * (count - 1))
        one, other = members[first], members[second + (second >= first)]
        return other if of(other, now) * (other.active + 1) < of(one, now) * (one.active + 1) else one


def penalty(answer: ReplyFrame) -> float:
    """Return the seconds that a failed answer counts as: what it asks for, in whole seconds, up to 300, else 5."""
    for name, value in answer.headers:
        if name == "retry-after" and len(value) < 10 and value.isascii() and value.isdigit():
            return min(LONGEST_PENALTY, float(value))
    return PENALTY
