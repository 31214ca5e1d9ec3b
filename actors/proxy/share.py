"""Who among a destination's reachable instances gets which share of the calls: by weight, warmth and locality."""

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..loop.timer import Deadlines
from ..messages.health import DRAINING, STARTING
from ..messages.traffic import Locality, TrafficPolicy, Warmup
from .balancer import Picker
from .endpoint import Endpoint
from .level import levels
from .leveled import Leveled
from .locality import NOT_KNOWN, Here
from .warmup import Warming

_COMING_OR_GOING = (STARTING, DRAINING)


def _still() -> float:
    return 0.0


class Around(NamedTuple):
    """What sharing out depends on besides policy: where this node is, and time."""

    here: Here = NOT_KNOWN
    clock: Callable[[], float] = _still
    """Monotonic seconds on the scale of `deadlines`."""
    deadlines: Deadlines | None = None


NOWHERE = Around()


class Shares:
    """One cluster's. A policy that asks for nothing of it leaves the instances, and the picker, as they are."""

    def __init__(self, around: Around, refresh: Callable[[], object]) -> None:
        """`refresh` has the cluster find anew who may be picked: weights have changed."""
        self._around = around
        self._refresh = refresh
        self._locality: Locality | None = None
        self._least_healthy = 0.0
        self._warmup: Warmup | None = None
        self._warming: Warming | None = None
        self.leveled: Leveled | None = None
        """Picks a locality first, where the policy asks for that."""

    def use(self, policy: TrafficPolicy, rng: random.Random, make: Callable[[], Picker], picker: Picker) -> Picker:
        """Share out in this way from now on; returns what picks: `picker`, which `make` makes more of, or several."""
        wanted = locality_of(policy), 0.0 if policy.outlier is None else policy.outlier.min_health_percent
        same = wanted == (self._locality, self._least_healthy) and policy.warmup == self._warmup
        (self._locality, self._least_healthy), self._warmup = wanted, policy.warmup
        if self._locality is None:
            self.leveled = None
        elif self.leveled is None or self.leveled.first is not picker:
            self.leveled, same = Leveled(rng, make, picker), False
        if not same:
            self._warm(policy.warmup)
            self._refresh()
        return picker if self.leveled is None else self.leveled

    def follow(self, members: Sequence[Endpoint], reachable: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
        """Return those of the reachable who get calls, the near ones first; their weights are set.

        Who has no weight gets none, unless nobody has any.
        """
        if any(not one.instance.weight for one in reachable):
            reachable = tuple(one for one in reachable if one.instance.weight) or reachable
        if self._locality is not None and self.leveled is not None:
            good = frozenset(reachable)
            counted = [one for one in members if one in good or self._counts(one)]
            found = levels(counted, good, self._around.here, self._locality, self._least_healthy)
            reachable = self.leveled.take(found)
        if self._warming is not None:
            self._warming.follow(reachable)
        return reachable

    def _counts(self, one: Endpoint) -> bool:
        """Whether an instance that cannot be called is missed: not who has only begun, leaves, or has no weight."""
        return bool(one.instance.weight) and one.instance.health not in _COMING_OR_GOING

    def _warm(self, policy: Warmup | None) -> None:
        if self._warming is not None and policy is not None:
            self._warming.policy = policy
        elif self._warming is not None:
            self._warming.end()
            self._warming = None
        elif policy is not None:
            self._warming = Warming(policy, self._around.clock, self._around.deadlines, self._refresh)


def locality_of(policy: TrafficPolicy) -> Locality | None:
    """Return how localities count: as was asked for; where outlier detection was, near instances first; else not.

    As in Istio, whose localities matter only where it is found out who is unhealthy. Here the registry knows that, too,
    so that to ask for localities is enough.
    """
    if policy.locality is not None:
        return policy.locality if policy.locality.enabled else None
    return Locality() if policy.outlier is not None else None
