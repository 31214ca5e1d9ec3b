"""Warm-up (slow start): instances that are new, or back, get their share of the calls little by little."""

from collections.abc import Callable, Collection

from ..loop.timer import Deadline, Deadlines
from ..messages.traffic import Warmup
from .endpoint import Endpoint

SOONEST = 1.0
"""Seconds that an instance counts as alive from the beginning, as in Envoy: a share of nothing teaches nothing."""

OFTEN = 0.1
"""Seconds between two steps at least."""

STEPS = 100
"""Of a warm-up."""


def factor(policy: Warmup, alive: float) -> float:
    """Return what the weight of an instance that can be called since `alive` seconds is multiplied with.

    `max(minimum, (alive / duration) ** (1 / aggression))`: an aggression over 1 rises fast at first.
    """
    if alive >= policy.duration:
        return 1.0
    passed = min(1.0, max(alive, SOONEST) / policy.duration)
    grown: float = passed ** (1.0 / policy.aggression)
    return min(1.0, max(policy.minimum_percent / 100.0, grown))


class Warming:
    """The warm-up of one cluster's instances: it changes their weights, and tells when it did."""

    def __init__(
        self,
        policy: Warmup,
        clock: Callable[[], float],
        deadlines: Deadlines | None,
        changed: Callable[[], object],
    ) -> None:
        """`changed` is called at each step while anybody is warming; without `deadlines` there are no steps."""
        self.policy = policy
        """How fast; it may be another at any time."""
        self._clock = clock
        self._deadlines = deadlines
        self._changed = changed
        self._since: dict[Endpoint, float] = {}
        """Of those that are warming."""
        self._known: frozenset[Endpoint] = frozenset()
        self._step: Deadline | None = None

    def follow(self, routable: Collection[Endpoint]) -> None:
        """Have these be callable from now on; those that were not are new. Sets the weights as they are now.

        Who is there when the first call comes, or when all had gone, is as old as it is: others that could carry its
        share in the meantime there are none.
        """
        now, policy = self._clock(), self.policy
        for one in routable:
            if one not in self._known:
                self._since[one] = now if self._known else one.since
        self._known = there = frozenset(routable)
        for one, since in list(self._since.items()):
            if one in there and now - since < policy.duration:
                one.warm(self, factor(policy, now - since))
            else:
                self._forget(one)
        if self._since and self._step is None and self._deadlines is not None:
            self._step = self._deadlines.at(now + max(OFTEN, policy.duration / STEPS), self._go_on)

    def end(self) -> None:
        """Give everybody their whole weight."""
        if self._step is not None:
            self._step.cancel()
            self._step = None
        for one in list(self._since):
            self._forget(one)

    def _forget(self, one: Endpoint) -> None:
        del self._since[one]
        one.warm(self, 1.0)

    def _go_on(self) -> None:
        self._step = None
        self._changed()
