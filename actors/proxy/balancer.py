"""How an instance is picked: round robin, random, and least request by the power of two choices.

Each balancer is one small class with one method; the endpoints are an immutable sequence, chance is given.
"""

import random
from collections.abc import Sequence
from typing import Protocol

from ..messages.traffic import Balancer
from .endpoint import Endpoint


class Picker(Protocol):
    """Picks one of several endpoints."""

    def pick(self, endpoints: Sequence[Endpoint]) -> Endpoint:
        """Return one of `endpoints`, of which there is at least one."""
        ...


class RoundRobin:
    """Each in turn; the turn goes on over changes of the set."""

    def __init__(self) -> None:
        self._turn = 0

    def pick(self, endpoints: Sequence[Endpoint]) -> Endpoint:
        """Return the next one."""
        self._turn += 1
        return endpoints[self._turn % len(endpoints)]


class RandomChoice:
    """Any, with equal chance."""

    def __init__(self, rng: random.Random) -> None:
        self._draw = rng.random

    def pick(self, endpoints: Sequence[Endpoint]) -> Endpoint:
        """Return any one."""
        return endpoints[int(self._draw() * len(endpoints))]


class LeastRequest:
    """The less busy of two distinct random ones (power of two choices, Mitzenmacher 1996; drawn without
    replacement, so that the busier of two instances is never picked)."""

    def __init__(self, rng: random.Random) -> None:
        self._draw = rng.random

    def pick(self, endpoints: Sequence[Endpoint]) -> Endpoint:
        """Return the one with fewer calls in hand."""
        count = len(endpoints)
        if count == 1:
            return endpoints[0]
        draw = self._draw
        first = int(draw() * count)
        second = int(draw() * (count - 1))
        one, other = endpoints[first], endpoints[second + (second >= first)]
        return other if other.active < one.active else one


def picker(kind: Balancer, rng: random.Random) -> Picker:
    """Return a new picker of the kind that a policy names."""
    if kind is Balancer.ROUND_ROBIN:
        return RoundRobin()
    if kind is Balancer.RANDOM:
        return RandomChoice(rng)
    return LeastRequest(rng)
