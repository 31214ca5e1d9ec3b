"""Rendezvous hashing: a key belongs to the member for which it has the highest score (Thaler and Ravishankar, 1998).

It is as even as chance allows, exact by weight, and moves no key that need not move; but each lookup looks at every
member. So it is used while members are few, and the ring from there on.
"""

from collections.abc import Collection, Container, Mapping
from itertools import repeat
from math import inf, log
from operator import mul, sub

import xxhash

from ..loop.slice import Steps
from .places import T
from .ring import Ring

FEW = 32
"""Up to so many members scores lead alone: there a lookup takes some 2 us, the ring's 0.6. With twice as many the ring
leads alone. In between each further member hands 1/32 of the keys to the ring: at one border all would move at once."""
FEW_WEIGHED = 12
"""The same where weights differ: there each score takes a logarithm."""

_LOG = log(2.0**64)


class Rendezvous:
    """Members with scores; a ring where they are many."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._seeds: list[int] = []
        self._inverses: list[float] | None = None
        """1 / weight of each, where they differ."""
        self._ring: Ring | None = None
        self._share = 0
        """Of 65,536 keys, how many the ring leads."""

    def follow(self, members: Collection[str], weights: Mapping[str, float] | None = None) -> Steps[None]:
        """Have these members from the end of the steps on."""
        names, shares = sorted(members), None
        if weights is not None:
            names = [name for name in names if weights[name] > 0.0] or names
            shares = [weights[name] for name in names]
            if min(shares, default=0.0) == max(shares, default=0.0):
                shares = None
        count, ring = len(names), None
        few = FEW if shares is None else FEW_WEIGHED
        if count > few:
            ring = self._ring or Ring()
            yield from ring.follow(names, None if shares is None else dict(zip(names, shares, strict=True)))
        seeds = [xxhash.xxh64_intdigest(name.encode()) for name in names] if count < 2 * few else []
        self._names, self._seeds, self._ring = names, seeds, ring
        self._inverses = None if shares is None else [1.0 / one for one in shares]
        self._share = min(65_536, max(0, count - few) * 65_536 // few)

    def find(self, key: int, routable: Mapping[str, T], avoided: Container[object]) -> T | None:
        """Return the member of the highest score, or of the next that can be called."""
        if self._ring is not None and key & 0xFFFF < self._share:
            return self._ring.find(key, routable, avoided)
        names = self._names
        scores = self._scores(key)
        for _ in names:
            best = scores.index(max(scores))
            found = routable.get(names[best])
            if found is not None and found not in avoided:
                return found
            scores[best] = -inf
        return None

    def _scores(self, key: int) -> list[float]:
        """A hash of each member with the key, evenly over 64 bits; by weight, the larger the weight the nearer to 1."""
        hashes = map(xxhash.xxh3_64_intdigest, repeat(key.to_bytes(8, "little")), self._seeds)
        if self._inverses is None:
            scores: list[float] = list(hashes)
            return scores
        # The same order as -weight / ln(hash / 2^64), with less work: 0 is divided by nowhere, and no step is Python's.
        try:
            return list(map(mul, map(sub, map(log, hashes), repeat(_LOG)), self._inverses))
        except ValueError:  # a hash of 0, once in 2^64
            return [-inf] * len(self._inverses)
