"""What a balancer is: it follows the members of one destination and their weights, and picks one for each call."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

Weights = Sequence[float] | None
"""Parallel to the members: shares in proportion to each other, finite and not negative; None where all are alike."""


class Member(Protocol):
    """Somebody who may be called."""

    active: int
    """Calls of this caller that it has in hand."""


M = TypeVar("M", bound=Member)


class Picker(Protocol[M]):
    """Picks one of several members."""

    def follow(self, members: Sequence[M], weights: Weights) -> None:
        """Have these members from now on; what is known of those who stay is kept."""
        ...

    def pick(self, members: Sequence[M]) -> M:
        """Return one of `members`: the sequence that is followed, or some of it where others were tried."""
        ...


def alike(weights: Sequence[float]) -> Weights:
    """Return weights as pickers take them: None where they tell nobody from the others, as where all of them are 0."""
    return None if not weights or min(weights) == max(weights) else weights
