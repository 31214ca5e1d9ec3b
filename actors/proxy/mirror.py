"""Mirrors: copies of requests that nobody waits for, sent beside them to see how another version takes them.

A copy is an exchange of its own: its answer is dropped (where a rule says so, after it was compared), it is never tried
again, and neither balancers nor metrics of the call that it copies see it. What is called on its behalf makes no
copies: they would multiply at each hop.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from ..messages.envelope import Flag, ReplyFrame
from ..messages.error import MeshError
from ..messages.mirroring import MirrorDiff
from ..routing.matcher import without_port
from .call import Call
from .cluster import Cluster
from .comparison import Comparison
from .filter import Next
from .pair import Comparisons, Pair
from .wire import Wire

MOST = 256
"""Copies of one node that wait for their answer; what would be more is not sent."""

MOST_BYTES = 16 * 1024 * 1024
"""Bytes of the bodies of these copies; what would be more is not sent."""

LIMIT = 15.0
"""Seconds for a copy whose route sets no timeout."""


class Copy(NamedTuple):
    """Where copies of a share of a route's requests go."""

    percent: float
    cluster: Cluster
    """Of the mirrors alone: its balancer's turn is not the calls' own."""
    diff: MirrorDiff | None = None
    comparison: Comparison | None = None
    """Where its answers are compared."""


class Mirrors:
    """Sends the copies of one node."""

    def __init__(self, wire: Wire, rng: random.Random) -> None:
        self._wire = wire
        self._draw = rng.random
        self._number = partial(rng.getrandbits, 63)
        self.waiting = 0
        """Copies that wait for their answer."""
        self.held = 0
        """Bytes of their bodies."""
        self.comparisons = Comparisons()
        self.counts: Counter[tuple[str, str]] = Counter()
        """Copies by (service, `sent` or `dropped`)."""

    def copy(self, call: Call, copies: Sequence[Copy], seconds: float) -> list[Pair]:
        """Send a copy of `call` to each of `copies` whose draw says so; each may take `seconds`.

        Returns what waits for the caller's answer to compare it.
        """
        pairs: list[Pair] = []
        for copy in copies:
            if self._drawn(copy.percent):
                pair = self._pair(copy)
                room = self.waiting < MOST and self.held + len(call.body) <= MOST_BYTES
                sent = room and self._send(call, copy.cluster, seconds, pair)
                self.counts[copy.cluster.service, "sent" if sent else "dropped"] += 1
                if sent and pair is not None:
                    pairs.append(pair)
        return pairs

    def _drawn(self, percent: float) -> bool:
        return percent >= 100.0 or self._draw() * 100.0 < percent

    def _pair(self, copy: Copy) -> Pair | None:
        diff, comparison = copy.diff, copy.comparison
        if diff is None or comparison is None or not self._drawn(diff.percent):
            return None
        return Pair(self.comparisons, comparison, diff.size, asyncio.get_running_loop().time())

    def _send(self, call: Call, cluster: Cluster, seconds: float, pair: Pair | None) -> bool:
        copy = msgspec.structs.replace(
            call,
            number=self._number(),
            authority=shadow(call.authority),
            cluster=cluster,
            flags=call.flags | Flag.MIRROR,
            attempts=1,
            tried=[],
            trail=None,
            purse=None,  # nobody waits for it, so nothing it leads to is tried again
            expires=None,  # it outlives who made the call
            limit=asyncio.get_running_loop().time() + seconds,
        )
        try:
            endpoint = cluster.choose(copy, ())
            waiting = self._wire.send(endpoint, copy, partial(self._ended, len(call.body), pair))
        except MeshError:
            return False
        waiting.copied = True
        endpoint.active -= 1  # balancers count calls, not copies
        self.waiting += 1
        self.held += len(call.body)
        return True

    def _ended(self, size: int, pair: Pair | None, outcome: ReplyFrame | MeshError) -> None:
        self.waiting -= 1
        self.held -= size
        if pair is not None:
            pair.copied(outcome, asyncio.get_running_loop().time())


class Mirror:
    """Has copies sent of the calls that pass."""

    def __init__(self, mirrors: Mirrors, copies: Sequence[Copy], timeout: float | None) -> None:
        self._mirrors = mirrors
        self._copies = tuple(copies)
        self._seconds = timeout or LIMIT

    async def __call__(self, call: Call, proceed: Next) -> ReplyFrame:
        """Send the copies, unless the call is itself on behalf of one, and pass the call on."""
        if call.flags & Flag.MIRROR:
            return await proceed(call)
        pairs = self._mirrors.copy(call, self._copies, self._seconds)
        if not pairs:
            return await proceed(call)
        try:
            reply = await proceed(call)
        except MeshError as error:
            for pair in pairs:
                pair.answered(error, asyncio.get_running_loop().time())
            raise
        for pair in pairs:
            pair.answered(reply, asyncio.get_running_loop().time())
        return reply


def shadow(authority: str) -> str:
    """Return `authority` with `-shadow` behind its host, by which the called see that they got a copy (as in Envoy)."""
    host = without_port(authority)
    return f"{host}-shadow{authority[len(host) :]}"
