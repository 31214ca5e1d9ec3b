"""Maglev's table: as many entries for each member as for any other, in an order of each member's own.

Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer" (NSDI 2016), section 3.4; hashes and the
order of members are Envoy's: callers that know the same members have the same table. Shares are more even than a
ring's; who joins or leaves moves a few keys between others.
"""

from array import array
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from heapq import heapreplace
from itertools import cycle
from math import ceil

import xxhash

from ..loop.slice import Steps
from .places import T

_STEP = 2000
"""Entries that are looked at between two rests: a fraction of a millisecond."""


class Maglev:
    """Members in a table. A change fills a new table; the one before it serves until that is full."""

    def __init__(self, size: int) -> None:
        """`size` is a prime: each member's order then comes by every entry."""
        self._size = size
        self._names: dict[int, str] = {}
        self._table = array("i")

    def follow(self, members: Collection[str], weights: Mapping[str, float] | None = None) -> Steps[None]:
        """Have these members from the end of the steps on; whoever weighs twice as much has twice as many entries."""
        size, names = self._size, sorted(members)
        shares: list[float] | None = None
        if weights is not None:
            names = [name for name in names if weights[name] > 0.0] or names
            shares = [weights[name] for name in names]
        if not names:
            self._table, self._names = array("i"), {}
            return
        digest = xxhash.xxh64_intdigest
        offsets = [digest(name.encode()) % size for name in names]
        skips = [digest(name.encode(), seed=1) % (size - 1) + 1 for name in names]
        yield
        table = array("i", [-1]) * size
        open_entries, left = size, _STEP
        price = 1 if shares is None else 3  # whose turn it is takes longer to find out by weight
        for number in _turns(len(names), shares):
            at, skip = offsets[number], skips[number]
            while table[at] >= 0:  # near the end this is most of the work
                at += skip
                if at >= size:
                    at -= size
                left -= 1
                if left < 0:
                    left = _STEP
                    yield
            table[at] = number
            offsets[number] = at
            open_entries -= 1
            if not open_entries:
                break
            left -= price
            if left < 0:
                left = _STEP
                yield
        self._table, self._names = table, dict(enumerate(names))

    def find(self, key: int, routable: Mapping[str, T], avoided: Container[object]) -> T | None:
        """Return the owner of the key's entry, or of the next that the key leads to whose owner can be called.

        The way on is the key's own: the keys of who cannot be called are spread over all others evenly.
        """
        table, names = self._table, self._names
        size = len(table)
        if not size:
            return None
        at, stride = key % size, (key >> 32) % (size - 1) + 1  # the size is a prime: every stride comes by every entry
        for _ in range(size):
            found = routable.get(names[table[at]])
            if found is not None and found not in avoided:
                return found
            at = (at + stride) % size
        return None


def _turns(count: int, weights: Sequence[float] | None) -> Iterable[int]:
    """Return who fills an entry next, without end: each in each round, or, where weights differ, in as many rounds as
    it weighs compared with the heaviest."""
    return cycle(range(count)) if weights is None or min(weights) == max(weights) else _by_weight(weights)


def _by_weight(weights: Sequence[float]) -> Iterator[int]:
    """Envoy's rule: after `k` turns a member waits for the round that has `round * weight >= k * heaviest`."""
    most = max(weights)
    heap = [(1, number, 0) for number in range(len(weights))]
    while True:
        at, number, turns = heap[0]
        yield number
        turns += 1
        heapreplace(heap, (max(at + 1, ceil(turns * most / weights[number])), number, turns))
