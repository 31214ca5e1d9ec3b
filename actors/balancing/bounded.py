"""Bounded load: hashed calls pass over whoever has more in hand than its share allows (Mirrokni et al., 2016).

With a factor of 1.25 nobody gets a call that makes it hold more than 1.25 times what it would hold if all calls in hand
were shared by weight, rounded up. Somebody always has room: all limits together exceed the calls in hand.
"""

from collections.abc import Container, Iterable
from math import ceil
from typing import Protocol, cast

from .picker import Member


class Weighing(Member, Protocol):
    """A member with its weight."""

    weight: float


class Full(Container[object]):
    """Those who have as many calls in hand as they may, and those whom the call avoids anyway."""

    __slots__ = ("_avoided", "_each", "_unit")

    def __init__(self, members: Iterable[Weighing], factor: float, avoided: Container[object]) -> None:
        """`members` are all who may be called just now; what they have in hand is looked at once."""
        calls, total, count = 1, 0.0, 0
        for one in members:
            calls += one.active
            total += one.weight
            count += 1
        self._avoided = avoided
        self._unit = factor * calls / total if total else 0.0
        self._each = factor * calls / count if count and not total else 0.0

    def __contains__(self, one: object) -> bool:
        """Return whether a member is passed over."""
        member = cast("Weighing", one)
        return member.active >= self.limit(member) or member in self._avoided

    def limit(self, member: Weighing) -> int:
        """Return the most calls that a member may have in hand: at least one."""
        return max(1, ceil(self._each or self._unit * member.weight))
