"""Round robin: each in turn, by weight as earliest deadline first; the turn goes on over changes of the set."""

import random
from collections.abc import Sequence
from heapq import heapify, heapreplace
from typing import Generic

from .picker import M, Weights


class RoundRobin(Generic[M]):
    """Each in turn. Equal weights need no deadlines: a counter does."""

    def __init__(self, rng: random.Random) -> None:
        self._draw = rng.random
        self._turn = 0
        self._members: Sequence[M] = ()
        self._heap: list[tuple[float, int, float, M]] = []
        """(when due, place, period, member), where weights differ: the heaviest is due every 1, others less often."""

    def follow(self, members: Sequence[M], weights: Weights) -> None:
        """Have these members from now on; those who stay wait as long as before, in proportion to their weights."""
        self._members = members
        heap: list[tuple[float, int, float, M]] = []
        if weights is not None:
            now = self._heap[0][0] if self._heap else 0.0
            waits = {member: (due - now) / period for due, _, period, member in self._heap}
            most = max(weights)
            for place, (member, weight) in enumerate(zip(members, weights, strict=True)):
                if weight > 0.0:
                    period = most / weight
                    wait = waits.get(member)
                    # By chance: else all callers would begin with the same member, and all meet a new one at once.
                    heap.append((now + (self._draw() if wait is None else wait) * period, place, period, member))
            heapify(heap)
        self._heap = heap

    def pick(self, members: Sequence[M]) -> M:
        """Return the next one."""
        heap = self._heap
        if heap:
            if members is not self._members:
                return self._among(members)
            due, place, period, member = heap[0]
            heapreplace(heap, (due + period, place, period, member))
            return member
        self._turn += 1
        return members[self._turn % len(members)]

    def _among(self, members: Sequence[M]) -> M:
        """Return the one of a few who is due first: seldom, so in one pass over all."""
        few, heap = set(members), self._heap
        at = min((at for at, entry in enumerate(heap) if entry[3] in few), key=heap.__getitem__, default=None)
        if at is None:  # they weigh nothing
            self._turn += 1
            return members[self._turn % len(members)]
        due, place, period, member = heap[at]
        heap[at] = (due + period, place, period, member)
        heapify(heap)
        return member
