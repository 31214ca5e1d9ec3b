"""A replica that keeps itself up: snapshot at the start, deltas after it, a snapshot again when one is missing.

It never empties: when nobody answers it keeps what it has and says that it is stale; when the store has lost its data
and a new epoch begins, it tells of what that lacks only once there was time to write it again.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping

from ..bus.ask import Asker
from ..bus.bus import BusState, Subscription
from ..loop.backoff import Backoff
from ..loop.timer import Deadline
from ..messages.codec import Codec
from ..messages.error import DeadlineExceeded, MeshError, Undecodable
from ..messages.table import Delta
from .epoch import Allegiance
from .replica import Offer, Replica, Table
from .snapshot import fetch

log = logging.getLogger("plait.table")

_deltas = Codec[Delta](Delta)

Changed = Callable[[Mapping[str, bytes | None], bool], None]
"""Takes what changed (None: the key is out), and whether that is the whole table, all that stands and all that went."""


class Follower:
    """Follows `cp.<table>.*` on the asker's connection."""

    HOLD = 0.05  # seconds that a missing delta may come late, by another owner's connection, before it is asked for
    CHECK = 5.0  # seconds between looks whether the table has moved on without a word
    CARRY = 10.0  # seconds in which a new epoch is to get what the one before had
    IN_VAIN = 6  # snapshots without a word of what is missing, about 2.5 s, after which nobody has it

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
        self.strays = 0
        """Changes that followed none that any owner has; they were dropped."""
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
        self._in_vain: dict[tuple[int, int], int] = {}
        """How often an owner was asked in vain for what a change builds on that is held for it."""
        self._allegiance = Allegiance()
        self._settling: Deadline | None = None

    @property
    def revision(self) -> int:
        """The revision that the replica stands at."""
        return self.replica.revision

    @property
    def epoch(self) -> int:
        """The epoch of that revision."""
        return self.replica.epoch

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
        for deadline in (self._next, self._settling):
            if deadline is not None:
                deadline.cancel()
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
        if delta.epoch == self.replica.epoch:
            self._allegiance.heard()
        if offer is Offer.GAP:
            self.gaps += 1
            self._fetch_in(self._hold())
        self._tell(whole=False)

    def _hold(self) -> float:
        """Return how long to wait for what is missing: longer each time that an owner was asked for it in vain."""
        asked = max(self._in_vain.values(), default=0)
        return self._backoff.wait(asked, self._rng) if asked else self.HOLD * (1.0 + self._rng.random())

    def _tell(self, whole: bool) -> None:
        changes = self.replica.take()
        whole = whole and not self.replica.carried  # what is carried over is not out yet
        if whole:
            changes = {**self.replica.entries, **{key: None for key, value in changes.items() if value is None}}
        if changes:
            try:
                self._changed(changes, whole)
            except Exception:  # the next look is not to be lost over it
                log.exception("a change of %s tripped up who reads it", self._table)

    def _settle(self) -> None:
        self._settling = None
        self.replica.settle()
        self._tell(whole=False)

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
        early = self.replica.early()
        try:
            await self._asker.bus.flush(self._timeout)  # the subscription stands: no delta falls between
            known = 0 if self.stale and not self._first.done() else self.replica.revision
            found = await fetch(self._asker, self._table, self._callee, known, self._timeout, self.replica.epoch)
        except MeshError:
            self.stale = True
            wait = self._backoff.wait(self._failures, self._rng)
            self._failures += 1
        else:
            if self._take(found):
                self._failures = 0
                wait = self._missing(early, wait)
            else:  # the owner that answered does not know yet that an epoch has ended
                self.stale = True
                wait = self._backoff.wait(self._failures, self._rng)
                self._failures += 1
        self._work = None
        self._fetch_in(wait)

    def _take(self, found: Table | None) -> bool:
        """Take in what an owner has; False where that is of an earlier epoch."""
        back = found is not None and found.epoch < self.replica.epoch
        if back and not self._allegiance.over(self._loop.time()):
            return False
        self._allegiance.heard()
        self.stale = False
        before = self.replica.epoch
        if found is not None and self.replica.install(found, carry=True, back=back):
            self.snapshots += 1
            self._tell(whole=True)
            if before and before != self.replica.epoch:
                log.warning("the store of %s has begun anew, in epoch %d", self._table, self.replica.epoch)
        if self.replica.carried and self._settling is None:
            self._settling = self._asker.deadlines.at(self._loop.time() + self.CARRY, self._settle)
        if not self._first.done():
            self._first.set_result(None)
        return True

    def _missing(self, early: Iterable[tuple[int, int]], wait: float) -> float:
        """See to what is missing still: it is asked for again, ever later, and given up after a while.

        It may be on its way, or the owner that answered may be behind; or nobody has it, and whoever sent what follows
        it is no owner.
        """
        still = self.replica.early()
        self._in_vain = {place: self._in_vain.get(place, 0) + 1 for place in early if place in still}
        strays = [place for place, asked in self._in_vain.items() if asked >= self.IN_VAIN]
        if strays:
            if not self.strays:
                log.warning("changes of %s follow none that its owners have: dropped", self._table)
            self.strays += self.replica.drop(strays)
            for place in strays:
                del self._in_vain[place]
        return self._hold() if self.replica.gap else wait
