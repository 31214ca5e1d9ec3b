"""The hash ring: each member has many fixed places on a circle of 64 bits, and takes the keys that lie before them.

Where a member's places are depends on its id alone: callers that know the same members have the same ring, in
whatever order they got to know them, and who joins or leaves moves no key between two others.
"""

from bisect import bisect_left
from collections.abc import Collection, Container, Iterable, Mapping
from typing import Protocol, TypeVar

import xxhash

T = TypeVar("T")

PLACES = 160
"""Places of each member: its share is then within some 8 % of an even one (1 / sqrt(160))."""


class Places(Protocol):
    """Puts hashes to members."""

    def follow(self, members: Collection[str]) -> None:
        """Have these members, by id, from now on."""
        ...

    def find(self, key: int, routable: Mapping[str, T], avoided: Container[T]) -> T | None:
        """Return whom a hash belongs to, or the next in order who is `routable` and not `avoided`."""
        ...


def walk(owners: list[str], start: int, routable: Mapping[str, T], avoided: Container[T]) -> T | None:
    """Return the first from `start` on, once around, who is `routable` and not `avoided`."""
    for place in range(start - len(owners), start):  # an index below 0 counts from the end: that is the way around
        found = routable.get(owners[place])
        if found is not None and found not in avoided:
            return found
    return None


class Ring:
    """Members on a circle."""

    def __init__(self, minimum: int = 0) -> None:
        """With few members each has twice, four times … as many places, so that there are `minimum` in all.

        The count changes with the number of members then: where it halves or doubles, about half of all keys move.
        """
        self._minimum = minimum
        self._each = PLACES
        self._members: frozenset[str] = frozenset()
        self._points: list[int] = []
        self._owners: list[str] = []

    def __len__(self) -> int:
        return len(self._points)

    def follow(self, members: Collection[str]) -> None:
        """Have these members from now on."""
        wanted = frozenset(members)
        if wanted == self._members:
            return
        each = PLACES
        while wanted and each * len(wanted) < self._minimum:
            each *= 2
        before, had = self._members, self._each
        self._members, self._each = wanted, each
        self._remove(_places(before - wanted, 0, had))
        self._insert(_places(wanted - before, 0, each))
        stayed = before & wanted
        self._remove(_places(stayed, each, had))
        self._insert(_places(stayed, had, each))

    def find(self, key: int, routable: Mapping[str, T], avoided: Container[T]) -> T | None:
        """Return the owner of the first place at `key` or after it, passing over whoever cannot be called."""
        return walk(self._owners, bisect_left(self._points, key), routable, avoided)

    def _insert(self, places: list[tuple[int, str]]) -> None:
        """Merge sorted places in, whole stretches at a time."""
        if not places:
            return
        points, owners = self._points, self._owners
        merged: list[int] = []
        their: list[str] = []
        last = 0
        for point, owner in places:
            at = self._index(point, owner, last)
            merged += points[last:at]
            their += owners[last:at]
            merged.append(point)
            their.append(owner)
            last = at
        self._points = merged + points[last:]
        self._owners = their + owners[last:]

    def _remove(self, places: list[tuple[int, str]]) -> None:
        """Cut sorted places out."""
        if not places:
            return
        points, owners = self._points, self._owners
        left: list[int] = []
        their: list[str] = []
        last = 0
        for point, owner in places:
            at = self._index(point, owner, last)
            left += points[last:at]
            their += owners[last:at]
            last = at + 1
        self._points = left + points[last:]
        self._owners = their + owners[last:]

    def _index(self, point: int, owner: str, low: int) -> int:
        points, owners = self._points, self._owners
        at = bisect_left(points, point, low)
        while at < len(points) and points[at] == point and owners[at] < owner:
            at += 1  # two at one point stand by id: no order of coming may tell two rings apart
        return at


def _places(members: Iterable[str], first: int, end: int) -> list[tuple[int, str]]:
    """Return the places of each member from number `first` up to `end`, sorted."""
    digest = xxhash.xxh64_intdigest
    return sorted((digest(f"{one}_{number}".encode()), one) for one in members for number in range(first, end))
