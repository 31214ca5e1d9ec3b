"""A replica that keeps itself up: snapshot at the start, deltas after it, a snapshot again when one is missing.

It never empties: when nobody answers it keeps what it has and says that it is stale.
"""

import asyncio
import random
from collections.abc import Callable, Mapping

from ..bus.ask import Asker
from ..bus.bus import BusState, Subscription
from ..loop.backoff import Backoff
from ..loop.timer import Deadline
from ..messages.codec import Codec
from ..messages.error import DeadlineExceeded, MeshError, Undecodable
from ..messages.table import Delta
from .replica import Offer, Replica
from .snapshot import fetch

_deltas = Codec[Delta](Delta)

Changed = Callable[[Mapping[str, bytes | None], bool], None]
"""Takes what changed (None: the key is out), and whether that is the whole table, all that stands and all that went."""


class Follower:
    """Follows `cp.<table>.*` on the asker's connection."""

    HOLD = 0.05  # seconds that a missing delta may come late, by another owner's connection, before it is asked for
    CHECK = 5.0  # seconds between looks whether the table has moved on without a word

    def __init__(
        self, asker: Asker, table: str, callee: str, changed: Changed, rng: random.Random, timeout: float = 1.0
    ) -> None:
        """`callee` is who answers for the table (`registry`); `changed` runs on the event loop and must not block."""
        self.replica = Replica()
        self.stale = True
        """True until the first snapshot, and whenever the owner cannot be reached."""
        self.undecodable = 0
        self.gaps = 0
        self.snapshots = 0
        self._asker = asker
        self._table = table
        self._callee = callee
        self._changed = changed
        self._rng = rng
        self._timeout = timeout
        self._backoff = Backoff(base=0.05, ceiling=1.0, jitter=0.5)
        self._subscription: Subscription | None = None
        self._work: asyncio.Task[None] | None = None
        self._next: Deadline | None = None
        self._when = 0.0
        self._loop = asyncio.get_running_loop()
        self._first: asyncio.Future[None] = self._loop.create_future()
        self._failures = 0

    @property
    def revision(self) -> int:
        """The revision that the replica stands at."""
        return self.replica.revision

    def start(self) -> None:
        """Begin: listen, then fetch."""
        self._subscription = self._asker.bus.subscribe(self._asker.subjects.pushes(self._table), self._deliver)
        self._asker.bus.listen(self._bus_changed)
        self._fetch_in(0.0)

    async def ready(self, timeout: float) -> None:
        """Wait for the first snapshot.

        Raises:
            DeadlineExceeded: none came within `timeout` seconds; the follower goes on trying.
        """
        try:
            await asyncio.wait_for(asyncio.shield(self._first), timeout)
        except TimeoutError:
            raise DeadlineExceeded(f"no snapshot of {self._table} within {timeout:g} s") from None

    async def stop(self) -> None:
        """Stop following."""
        if self._subscription is not None:
            self._subscription.unsubscribe()
            self._subscription = None
        if self._next is not None:
            self._next.cancel()
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)

    # Deltas

    def _deliver(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        try:
            delta = _deltas.decode(payload)
        except Undecodable:
            self.undecodable += 1
            return
        offer = self.replica.offer(delta)
        if offer is Offer.GAP:
            self.gaps += 1
            self._fetch_in(self.HOLD * (1.0 + self._rng.random()))
        self._tell(whole=False)

    def _tell(self, whole: bool) -> None:
        changes = self.replica.take()
        if whole:
            changes = {**self.replica.entries, **{key: None for key, value in changes.items() if value is None}}
        if changes:
            self._changed(changes, whole)

    def _bus_changed(self, state: BusState) -> None:
        if self._subscription is None:
            return
        self.stale = True  # deltas may have been sent that nobody will send again
        if state is BusState.CONNECTED:
            self._fetch_in(self._rng.random() * 0.05)

    # Snapshots

    def _fetch_in(self, seconds: float) -> None:
        """Look at the table in a while; an earlier appointment stands, a later one is brought forward."""
        if self._work is not None or self._subscription is None:
            return
        when = self._loop.time() + seconds
        if self._next is not None:
            if self._when <= when:
                return
            self._next.cancel()
        self._when = when
        self._next = self._asker.deadlines.at(when, self._begin)

    def _begin(self) -> None:
        self._next = None
        self._work = self._loop.create_task(self._fetch(), name=f"fetch {self._table}")

    async def _fetch(self) -> None:
        wait = self.CHECK * (0.9 + 0.2 * self._rng.random())
        try:
            await self._asker.bus.flush(self._timeout)  # the subscription stands: no delta falls between
            known = 0 if self.stale and not self._first.done() else self.replica.revision
            found = await fetch(self._asker, self._table, self._callee, known, self._timeout)
        except MeshError:
            self.stale = True
            wait = self._backoff.wait(self._failures, self._rng)
            self._failures += 1
        else:
            self._failures = 0
            self.stale = False
            if found is not None and self.replica.install(*found):
                self.snapshots += 1
                self._tell(whole=True)
            if not self._first.done():
                self._first.set_result(None)
            if self.replica.gap:  # one more was missed meanwhile, or the owner that answered is behind
                wait = self.HOLD * (1.0 + self._rng.random())
        self._work = None
        self._fetch_in(wait)
