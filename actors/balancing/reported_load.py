"""Reported load: round robin weighted by what members say of their load (gRFC A58, weighted round robin by ORCA).

A member weighs what it does per second for how busy that makes it: `rate / (busy + errors / rate)`. Who has not said
anything of sense for long enough weighs what the others do on average.
"""

import random
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Generic, Protocol, TypeVar

from ..messages.load import LoadReport
from .picker import Member, Weights, alike
from .round_robin import RoundRobin

BLACKOUT = 10.0
"""Seconds for which a member's reports must have come before they are believed: the first tell of its start."""
EXPIRY = 180.0
"""Seconds after which a report tells nothing any more."""
UPDATE = 1.0
"""Seconds between two looks at the reports."""
ERROR_PENALTY = 1.0
"""How much a share of failed requests counts beside the utilization."""


class Reporting(Member, Protocol):
    """A member that reports."""

    @property
    def warmth(self) -> float:
        """The part (0 to 1) of what it can do that it is to do by now."""
        ...

    load: LoadReport | None
    """Its last report."""
    loaded_at: float
    """When that came, on the caller's clock."""


R = TypeVar("R", bound=Reporting)


def weight_of(report: LoadReport | None) -> float:
    """Return what a report makes its member weigh; 0 where it says nothing, or what cannot be."""
    if report is None:
        return 0.0
    rate, errors, busy = report.rate, report.errors, report.busy
    if not (isfinite(rate) and isfinite(errors) and isfinite(busy) and rate > 0.0 and errors >= 0.0 and busy >= 0.0):
        return 0.0
    cost = busy + errors / rate * ERROR_PENALTY
    weight = rate / cost if cost > 0.0 else 0.0
    return weight if isfinite(weight) else 0.0


class ReportedLoad(Generic[R]):
    """Each in turn, as often as its reports make it weigh."""

    def __init__(self, rng: random.Random, clock: Callable[[], float]) -> None:
        self._turns: RoundRobin[R] = RoundRobin(rng)
        self._clock = clock
        self._due = 0.0
        self._members: Sequence[R] = ()
        self._weights: Weights = None
        self._since: dict[R, float] = {}
        """When the first report of each came, of those whose reports go on."""

    def follow(self, members: Sequence[R], weights: Weights) -> None:
        """Have these members from now on."""
        self._members, self._weights = members, weights
        kept = set(members)
        self._since = {one: since for one, since in self._since.items() if one in kept}
        self._look(self._clock())

    def pick(self, members: Sequence[R]) -> R:
        """Return the next one."""
        now = self._clock()
        if now >= self._due:
            self._look(now)
        return self._turns.pick(members)

    def _look(self, now: float) -> None:
        """Weigh all members anew."""
        self._due = now + UPDATE
        found = [self._weigh(one, now) for one in self._members]
        known = [weight for weight in found if weight > 0.0]
        if not known:
            self._turns.follow(self._members, self._weights)
            return
        mean = sum(known) / len(known)
        whole = [weight if weight > 0.0 else mean for weight in found]
        if self._weights is not None:
            # A report tells what a member can do: a registered weight has no more to say. But whoever has none is not
            # asked, and who warms up gets less than what it could do.
            whole = [
                weight * one.warmth if given else 0.0
                for one, weight, given in zip(self._members, whole, self._weights, strict=True)
            ]
        self._turns.follow(self._members, alike(whole))

    def _weigh(self, one: R, now: float) -> float:
        weight = weight_of(one.load)
        if not weight or now - one.loaded_at >= EXPIRY:
            self._since.pop(one, None)
            return 0.0
        return weight if now - self._since.setdefault(one, one.loaded_at) >= BLACKOUT else 0.0
