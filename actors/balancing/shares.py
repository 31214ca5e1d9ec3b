"""Draws by weight: from all members in the time of a bisection, from some of them in one pass."""

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import Generic

from .picker import M


class Urn(Generic[M]):
    """Members of whom each is drawn as often as it weighs; those of weight 0 are not in it, unless nobody else is."""

    __slots__ = ("_last", "_sums", "_total", "mean", "members", "weights")

    def __init__(self, members: Sequence[M], weights: Sequence[float]) -> None:
        those = [(one, weight) for one, weight in zip(members, weights, strict=True) if weight > 0.0]
        if not those:
            those = [(one, 1.0) for one in members]
        self.members = [one for one, _ in those]
        self.weights = [weight for _, weight in those]
        self._sums = list(accumulate(self.weights))
        self._total = self._sums[-1]
        self._last = len(those) - 1
        self.mean = self._total / len(those)

    def first(self, chance: float) -> int:
        """Return the place of the member that a `chance` of 0 to 1 hits."""
        at = bisect(self._sums, chance * self._total)
        return min(at, self._last)  # a product may be rounded up to the total

    def second(self, first: int, chance: float) -> int:
        """Return the place of another than the `first`, each as likely as it weighs; the first where it is alone."""
        if not self._last:
            return first
        sums = self._sums
        weight = self.weights[first]
        at = chance * (self._total - weight)
        if at >= sums[first] - weight:
            at += weight  # beyond the stretch of the first
        found = bisect(sums, at)
        if found > self._last:
            found = self._last
        if found != first:
            return found
        return first + 1 if first < self._last else first - 1  # rounding, with weights of very different size


class Shares(Generic[M]):
    """The weights of the members of one destination."""

    __slots__ = ("_members", "_of", "_urn")

    def __init__(self, members: Sequence[M], weights: Sequence[float]) -> None:
        self._members = members
        self._urn = Urn(members, weights)
        self._of = dict(zip(members, weights, strict=True))

    def among(self, members: Sequence[M]) -> Urn[M]:
        """Return the urn of all, or one of some of them; whoever is not known weighs 1."""
        if members is self._members:
            return self._urn
        of = self._of
        return Urn(members, [of.get(one, 1.0) for one in members])
