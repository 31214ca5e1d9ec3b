"""Picks among localities first, by their shares, then an instance there: a picker of its own for each level."""

import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

from ..balancing.picker import Weights, alike
from .balancer import Picker
from .endpoint import Endpoint
from .level import Level

_WHOLE = 1 << 64
_GOLDEN = 0x9E3779B97F4A7C15
"""2 ** 64 over the golden ratio: near keys, which lie together on a ring, come to lie far apart."""


class Leveled:
    """A picker around pickers; which level a call goes to is one draw."""

    def __init__(self, rng: random.Random, make: Callable[[], Picker], first: Picker) -> None:
        """The first level is picked from by `first`, the others by what `make` makes."""
        self.first = first
        self._draw = rng.random
        self._make = make
        self._pickers: list[Picker] = [first]
        self._levels: tuple[Level, ...] = ()
        self._bounds: list[float] = []
        self._count = 0
        self._only: tuple[Endpoint, ...] | None = None
        """The first level's, where that has all calls: mostly, and then nothing is drawn."""

    @property
    def levels(self) -> tuple[Level, ...]:
        """Who gets which share."""
        return self._levels

    def take(self, levels: tuple[Level, ...]) -> tuple[Endpoint, ...]:
        """Have these levels from now on; returns everybody in them. A level keeps its picker by its place."""
        self._levels = levels
        while len(self._pickers) < len(levels):
            self._pickers.append(self._make())
        self._bounds = list(accumulate(level.share for level in levels))
        everybody = tuple(one for level in levels for one in level.endpoints)
        self._count = len(everybody)
        alone = bool(levels) and all(not level.share for level in levels[1:])
        self._only = levels[0].endpoints if alone else None
        return everybody

    def follow(self, members: Sequence[Endpoint], weights: Weights) -> None:
        """Tell the pickers who is in their levels, and what they weigh now: what everybody weighs has no part in it."""
        for picker, level in zip(self._pickers, self._levels, strict=False):
            picker.follow(level.endpoints, alike([one.weight for one in level.endpoints]))

    def pick(self, members: Sequence[Endpoint]) -> Endpoint:
        """Return one of `members`: of all, or, for a retry, of those that are left of the levels.

        A retry stays in the level that is drawn where somebody is left there; else it goes on with the nearest.
        """
        if len(members) == self._count:
            if self._only is not None:
                return self.first.pick(self._only)
            drawn = self._at(self._draw())
            return self._pickers[drawn].pick(self._levels[drawn].endpoints)
        drawn = self._at(self._draw())
        wanted = set(members)
        order: list[int] = [drawn, *range(len(self._levels))]
        for at in order:
            left = tuple(one for one in self._levels[at].endpoints if one in wanted)
            if left:
                return self._pickers[at].pick(left)
        return self._pickers[drawn].pick(members)

    def of_key(self, number: int) -> int:
        """Return the place of the level that a hashed key (64 bits) belongs to; the same key always to the same one,
        as long as shares stay, and at every caller of the same locality."""
        return self._at((number * _GOLDEN % _WHOLE) / _WHOLE)

    def _at(self, point: float) -> int:
        """Shares may add up to a little less than 1: what lies beyond is the last one's that has a share."""
        found = bisect_right(self._bounds, point)
        while found >= len(self._levels) or not self._levels[found].share:
            found -= 1
        return found
