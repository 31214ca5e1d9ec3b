"""The hash ring: each member has many fixed places on a circle, and takes the keys that lie before them.

Where a member's places are depends on its id alone: callers that know the same members have the same ring, in
whatever order they got to know them, and who joins or leaves moves no key between two others.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Container, Iterable, Mapping

import xxhash

from ..loop.slice import Steps
from .places import T

PLACES = 160
"""Places of each member: its share is then within some 8 % of an even one (1 / sqrt(160))."""

_STEP = 320
"""Places that are made, put in or taken out at a time: less than a millisecond of work."""
_STRETCH = 50_000
"""Places that are copied at a time."""
_OWNER = 0xFFFF_FFFF

Change = tuple[int, int, int]
"""A member's number, and its places from one up to another."""


class Ring:
    """Members on a circle of 2^32 points: a place is 6 bytes, so that many members have room, and two at one point
    are few. Numbers stand for members: arrays of numbers are copied without touching an object each."""

    def __init__(self, minimum: int = 0) -> None:
        """With few members each has twice, four times … as many places, so that there are `minimum` in all.

        The count changes with the number of members then: where it halves or doubles, about half of all keys move.
        """
        self._minimum = minimum
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._counts = array("I")
        """How many places each has, by number."""
        self._free: list[int] = []
        self._points = array("I")
        self._owners = array("H")

    def __len__(self) -> int:
        return len(self._points)

    def follow(self, members: Collection[str], weights: Mapping[str, float] | None = None) -> Steps[None]:
        """Have these members from the end of the steps on; whoever weighs twice as much has twice as many places."""
        wanted = counts(members, weights, self._minimum)
        more: list[Change] = []
        less: list[Change] = []
        yield
        for place, name in enumerate(dict.fromkeys((*wanted, *self._numbers))):
            if place % 2000 == 1999:
                yield
            number, want = self._number(name), wanted.get(name, 0)
            have = self._counts[number]
            if want > have:
                more.append((number, have, want))
            elif have > want:
                less.append((number, want, have))
        points, owners = self._points, self._owners
        if len(self._names) > 0x1_0000 and owners.typecode == "H":
            owners = array("I", owners)
        for changes, cut in ((more, 0), (less, 1)):
            if changes:
                buckets = yield from self._spread(changes)
                points, owners = yield from self._merged(points, owners, buckets, cut)
        self._points, self._owners = points, owners
        for number, _, want in more:
            self._counts[number] = want
        for number, want, _ in less:
            self._counts[number] = want
        for name in [one for one in self._numbers if one not in wanted]:
            self._free.append(self._numbers.pop(name))

    def find(self, key: int, routable: Mapping[str, T], avoided: Container[object]) -> T | None:
        """Return the owner of the first place at `key` or after it, passing over whoever cannot be called."""
        owners, names = self._owners, self._names
        start = bisect_left(self._points, key >> 32)
        for place in range(start - len(owners), start):  # an index below 0 counts from the end: the way around
            found = routable.get(names[owners[place]])
            if found is not None and found not in avoided:
                return found
        return None

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is not None:
            return number
        if self._free:
            number = self._free.pop()
            self._names[number] = name
        else:
            number = len(self._names)
            self._names.append(name)
            self._counts.append(0)
        self._numbers[name] = number
        return number

    def _spread(self, changes: Iterable[Change]) -> "Steps[list[array[int]]]":
        """Return places, each a point and a number in one, in buckets that stand in order: so that no step has to sort
        all of them."""
        bits = (sum(end - first for _, first, end in changes) // _STEP).bit_length()
        shift, digest, left = 64 - bits, xxhash.xxh64_intdigest, _STEP
        buckets = [array("Q") for _ in range(1 << bits)]
        for number, first, end in changes:
            name = self._names[number]
            for low in range(first, end, _STEP):
                high = min(end, low + _STEP)
                for place in range(low, high):
                    point = digest(f"{name}_{place}".encode())
                    buckets[point >> shift].append(point >> 32 << 32 | number)
                left -= high - low
                if left <= 0:
                    left = _STEP
                    yield
        return buckets

    def _merged(
        self, points: "array[int]", owners: "array[int]", buckets: "list[array[int]]", cut: int
    ) -> "Steps[tuple[array[int], array[int]]]":
        """Return the circle with these places put in or, with `cut` 1, taken out; what lies between is copied in whole
        stretches."""
        names, last, copied = self._names, 0, 0
        new, their = points[:0], owners[:0]
        for bucket in buckets:
            ordered = sorted(bucket)
            if len({one >> 32 for one in ordered}) < len(ordered):
                # Two at one point stand by id: no order of coming may tell two rings apart.
                ordered.sort(key=lambda one: (one >> 32, names[one & _OWNER]))
            for one in ordered:
                point, number = one >> 32, one & _OWNER
                at = bisect_left(points, point, last)
                while at < len(points) and points[at] == point and names[owners[at]] < names[number]:
                    at += 1
                new += points[last:at]
                their += owners[last:at]
                if not cut:
                    new.append(point)
                    their.append(number)
                copied += at - last
                last = at + cut
                if copied > _STRETCH:
                    copied = 0
                    yield
            yield
        for low in range(last, len(points), _STRETCH):
            new += points[low : low + _STRETCH]
            their += owners[low : low + _STRETCH]
            yield
        return new, their


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
