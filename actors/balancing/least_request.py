"""Least request: the less busy of two random members (power of two choices, Mitzenmacher 1996).

The two are distinct, so that the busier of two members is never picked. Where members differ in weight both are drawn
by weight, and the second gets the call only if it is less busy for its weight *with* that call than the first is
without. So an idle destination shares by weight, a busy one evens out calls by weight, and equal weights come to the
plain rule. Comparing `(active + 1) / weight` of both instead would give the heavier of two idle members every call;
comparing `active / weight` would give the lighter one every call that comes while the heavier has one.
"""

import random
from collections.abc import Sequence
from typing import Generic

from .picker import M, Weights
from .shares import Shares


class LeastRequest(Generic[M]):
    """The less busy of two."""

    def __init__(self, rng: random.Random) -> None:
        self._draw = rng.random
        self._shares: Shares[M] | None = None

    def follow(self, members: Sequence[M], weights: Weights) -> None:
        """Have these members from now on."""
        self._shares = None if weights is None else Shares(members, weights)

    def pick(self, members: Sequence[M]) -> M:
        """Return the one with fewer calls in hand."""
        count = len(members)
        if count == 1:
            return members[0]
        draw = self._draw
        if self._shares is not None:
            urn = self._shares.among(members)
            first = urn.first(draw())
            second = urn.second(first, draw())
            one, other = urn.members[first], urn.members[second]
            return other if (other.active + 1) * urn.weights[first] <= one.active * urn.weights[second] else one
        first = int(draw() * count)
        second = int(draw() * (count - 1))
        one, other = members[first], members[second + (second >= first)]
        return other if other.active < one.active else one
