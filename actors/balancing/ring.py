"""The hash ring: each member has many fixed places on a circle of 64 bits, and takes the keys that lie before them.

Where a member's places are depends on its id alone: callers that know the same members have the same ring, in
whatever order they got to know them, and who joins or leaves moves no key between two others.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Container, Iterator, Mapping

import xxhash

from ..loop.slice import Steps
from .places import T

PLACES = 160
"""Places of each member: its share is then within some 8 % of an even one (1 / sqrt(160))."""

_STEP = 320
"""Places that are put in or taken out at a time: less than a millisecond of work."""


class Ring:
    """Members on a circle. Numbers stand for them: arrays of numbers are copied without touching an object each."""

    def __init__(self, minimum: int = 0) -> None:
        """With few members each has twice, four times … as many places, so that there are `minimum` in all.

        The count changes with the number of members then: where it halves or doubles, about half of all keys move.
        """
        self._minimum = minimum
        self._counts: dict[str, int] = {}
        """How many places each member has."""
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._next = 0
        self._points = array("Q")
        self._owners = array("I")

    def __len__(self) -> int:
        return len(self._points)

    def follow(self, members: Collection[str], weights: Mapping[str, float] | None = None) -> Steps[None]:
        """Have these members from the end of the steps on; whoever weighs twice as much has twice as many places."""
        work = 0
        more: list[tuple[int, str]] = []
        less: list[tuple[int, str]] = []
        for name, have, want in self._differences(counts(members, weights, self._minimum)):
            self._counts[name] = want
            if want > have:
                more += _places(name, have, want)
            else:
                less += _places(name, want, have)
            work += abs(want - have)
            if work >= _STEP:
                self._change(more, less)
                work, more, less = 0, [], []
                yield
        self._change(more, less)

    def find(self, key: int, routable: Mapping[str, T], avoided: Container[object]) -> T | None:
        """Return the owner of the first place at `key` or after it, passing over whoever cannot be called."""
        owners, names = self._owners, self._names
        start = bisect_left(self._points, key)
        for place in range(start - len(owners), start):  # an index below 0 counts from the end: the way around
            found = routable.get(names[owners[place]])
            if found is not None and found not in avoided:
                return found
        return None

    def _differences(self, wanted: Mapping[str, int]) -> Iterator[tuple[str, int, int]]:
        """Each member whose count changes, with what it has and shall have; many places come in several parts."""
        for name in sorted(wanted.keys() | self._counts.keys()):
            have, want = self._counts.get(name, 0), wanted.get(name, 0)
            while have != want:
                part = min(want, have + _STEP) if want > have else max(want, have - _STEP)
                yield name, have, part
                have = part

    def _change(self, more: list[tuple[int, str]], less: list[tuple[int, str]]) -> None:
        for name in dict.fromkeys(name for _, name in more if name not in self._numbers):
            self._numbers[name], self._names[self._next] = self._next, name
            self._next += 1
        if more:
            self._merge(sorted(more), 0)
        if less:
            self._merge(sorted(less), 1)
        for name in dict.fromkeys(name for _, name in less if not self._counts[name]):
            del self._counts[name], self._names[self._numbers.pop(name)]

    def _merge(self, places: list[tuple[int, str]], cut: int) -> None:
        """Put sorted places in, or, with `cut` 1, take them out; what lies between is copied in whole stretches."""
        points, owners, last = self._points, self._owners, 0
        new, their = array("Q"), array("I")
        for point, name in places:
            at = self._index(point, name, last)
            new += points[last:at]
            their += owners[last:at]
            if not cut:
                new.append(point)
                their.append(self._numbers[name])
            last = at + cut
        self._points = new + points[last:]
        self._owners = their + owners[last:]

    def _index(self, point: int, name: str, low: int) -> int:
        points, owners, names = self._points, self._owners, self._names
        at = bisect_left(points, point, low)
        while at < len(points) and points[at] == point and names[owners[at]] < name:
            at += 1  # two at one point stand by id: no order of coming may tell two rings apart
        return at


def counts(members: Collection[str], weights: Mapping[str, float] | None, minimum: int = 0) -> dict[str, int]:
    """Return how many places each member has: 160 for each 1 of its weight, at least one where it weighs anything.

    Where weights come to less than 1/2 or more than 4 on average they are doubled or halved until they do not: only
    then do the weights of others change how many places a member has.
    """
    known = weights or {}
    some = sum(1 for weight in known.values() if weight > 0.0)
    scale, total = 1.0, sum(known.values())
    if not some:
        some, total = len(members), float(len(members))
        known = dict.fromkeys(members, 1.0)
    while total * scale > 4 * some:
        scale /= 2
    while total * scale * 2 < some:
        scale *= 2
    each = scale * PLACES
    while members and each * total < minimum:
        each *= 2
    return {name: max(1, round(known[name] * each)) for name in members if known[name] > 0.0}


def _places(name: str, first: int, end: int) -> list[tuple[int, str]]:
    """Return a member's places from number `first` up to `end`."""
    digest = xxhash.xxh64_intdigest
    return [(digest(f"{name}_{number}".encode()), name) for number in range(first, end)]
