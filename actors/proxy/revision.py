"""A node's side of policy: prepares each revision, activates it when told, and finds by itself what it was not told.

The two callbacks are the proxy's: `prepare(revision, entries)` compiles in slices and may raise; `activate(revision,
compiled)` swaps. Whoever has no answer from the policy engine keeps deciding by what it has.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Mapping

from ..bus.ask import Asker
from ..bus.bus import BusState, Subscription
from ..loop.backoff import Backoff
from ..loop.slice import Slices
from ..loop.timer import Deadline
from ..messages.codec import Codec, encode
from ..messages.error import DeadlineExceeded, MeshError, Undecodable
from ..messages.table import Acknowledge, Activate, Prepare, Push
from ..table.snapshot import fetch
from .preparation import OtherDigest, Preparation, Prepared, PrepareRevision

log = logging.getLogger("plait.policy")

_pushes = Codec[Push](Push)
_PARTS = 10_000

Activated = Callable[[int, object], None]


class PolicyFollower:
    """Follows `cp.pol.*` on the asker's connection."""

    IMPATIENT = 1.0  # seconds between looks while a revision is prepared and its activation does not come
    CHECK = 5.0  # seconds between looks otherwise

    def __init__(
        self,
        asker: Asker,
        node: str,
        prepare: PrepareRevision,
        activate: Activated,
        rng: random.Random,
        timeout: float = 1.0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Follow as `node`; without one, a client that is gone before it matters, nothing is acknowledged.

        Args:
            asker: asks the policy engine; its connection brings the pushes.
            node: the node's name.
            prepare: compiles a revision.
            activate: puts a compiled revision in force.
            rng: spreads the looks of many nodes.
            timeout: seconds that a question to the policy engine may take.
            clock: monotonic seconds, by which the compiling is cut into slices; the loop's unless given.
        """
        self.revision = 0
        """The active revision."""
        self.stale = True
        """True until the first snapshot, and whenever the policy engine cannot be reached."""
        self.undecodable = 0
        self.refused = ""
        """Why the latest revision could not be compiled; empty when it could."""
        self._asker = asker
        self._node = node
        self._activate = activate
        self._rng = rng
        self._timeout = timeout
        self._entries: Mapping[str, bytes] = {}
        self._prepared: Prepared | None = None
        self._parts: dict[int, Prepare] = {}
        self._early: dict[int, Prepare] = {}
        self._backoff = Backoff(base=0.05, ceiling=1.0, jitter=0.5)
        self._failures = 0
        self._subscription: Subscription | None = None
        self._work: asyncio.Task[None] | None = None
        self._again = False
        self._next: Deadline | None = None
        self._loop = asyncio.get_running_loop()
        self._preparation = Preparation(Slices(self._loop, clock or self._loop.time), prepare)
        self._first: asyncio.Future[None] = self._loop.create_future()

    def start(self) -> None:
        """Begin: listen, then fetch."""
        self._subscription = self._asker.bus.subscribe(self._asker.subjects.pushes("pol"), self._deliver)
        self._asker.bus.listen(self._bus_changed)
        self._look()

    async def ready(self, timeout: float) -> None:
        """Wait for the first snapshot.

        Raises:
            DeadlineExceeded: none came within `timeout` seconds; the follower goes on trying.
        """
        try:
            await asyncio.wait_for(asyncio.shield(self._first), timeout)
        except TimeoutError:
            raise DeadlineExceeded(f"no policy within {timeout:g} s") from None

    async def stop(self) -> None:
        """Stop following."""
        if self._subscription is not None:
            self._subscription.unsubscribe()
            self._subscription = None
        if self._next is not None:
            self._next.cancel()
        self._preparation.give_up()
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)

    # Pushes

    def _deliver(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        try:
            push = _pushes.decode(payload)
        except Undecodable:
            self.undecodable += 1
            return
        if isinstance(push, Prepare):
            self._collect(push)
        elif push.revision == self.revision and isinstance(push, Activate):
            self._say(self.revision, "active")  # an engine that is new asks who decides by what
        elif isinstance(push, Activate) and push.revision > self.revision:
            prepared = self._prepared
            if prepared is not None and prepared.revision == push.revision:
                self._become(prepared)
            elif self._preparation.revision == push.revision:
                self._preparation.wanted = True
            else:
                self._look()

    def _collect(self, push: Prepare) -> None:
        """Put the parts of one revision together; they come in order, or the rest is found by looking."""
        if push.revision <= self.revision or not 0 <= push.part < push.parts <= _PARTS:
            return
        if any(part.revision != push.revision or part.digest != push.digest for part in self._parts.values()):
            self._parts = {}
        self._parts[push.part] = push
        if len(self._parts) < push.parts:
            return
        parts, self._parts = self._parts, {}
        if push.previous != self.revision or self._preparation.revision:
            self._early = parts  # the one before it is missing here, or not ready, perhaps only for a moment
            self._look()
            return
        self._make_ready(parts)

    def _make_ready(self, parts: dict[int, Prepare]) -> None:
        self._preparation.build(self._entries, [parts[number] for number in sorted(parts)], self._made)

    def _made(self, revision: int, made: Prepared | Exception) -> None:
        """Take what became of a revision that was worked on; whatever a rule does to the compiler, the node goes on."""
        if isinstance(made, Exception):
            self.refused = str(made) if isinstance(made, OtherDigest) else f"{type(made).__name__}: {made}"
            log.error("policy revision %d cannot be used here: %s", revision, self.refused)
            self._say(revision, "refused", self.refused)
            if isinstance(made, OtherDigest):
                self._look()
        elif self._preparation.wanted:
            self._become(made)
        else:
            self._prepared = made
            self._say(revision, "prepared")
            self._look_in(self.IMPATIENT)

    def _become(self, made: Prepared) -> None:
        try:
            self._activate(made.revision, made.compiled)
        except Exception as error:  # whoever follows the table has failed: the node goes on with what it has
            self._prepared, self.refused = None, f"{type(error).__name__}: {error}"
            log.exception("policy revision %d cannot be put in force here", made.revision)
            self._say(made.revision, "refused", self.refused)
            return
        self.revision, self._entries, self._prepared, self.refused = made.revision, made.entries, None, ""
        self._say(made.revision, "active")
        early, self._early = self._early, {}
        if early and early[0].previous == self.revision:
            self._make_ready(early)
        elif early and early[0].previous > self.revision:
            self._early = early

    def _say(self, revision: int, state: str, reason: str = "") -> None:
        if not self._node:
            return
        word = Acknowledge(self._node, revision, state, reason[:1000])
        with contextlib.suppress(MeshError):  # without a connection nobody waits for it; the reconnect says it again
            self._asker.bus.publish(self._asker.subjects.acknowledge(self._node), encode(word))

    def _bus_changed(self, state: BusState) -> None:
        if self._subscription is None:
            return
        self.stale = True
        if state is BusState.CONNECTED:
            self._look_in(self._rng.random() * 0.05)

    # Looking

    def _look(self) -> None:
        self._look_in(0.0)

    def _look_in(self, seconds: float) -> None:
        if self._subscription is None:
            return
        if self._work is not None:
            self._again = self._again or seconds < self.IMPATIENT  # what is asked now may be answered too early
            return
        if self._next is not None:
            self._next.cancel()
        self._next = self._asker.deadlines.at(self._loop.time() + seconds, self._begin)

    def _begin(self) -> None:
        self._next = None
        self._again = False
        self._work = self._loop.create_task(self._fetch(), name="fetch policy")

    async def _fetch(self) -> None:
        wait = self.CHECK * (0.9 + 0.2 * self._rng.random())
        try:
            await self._asker.bus.flush(self._timeout)
            found = await fetch(self._asker, "pol", "policy", self.revision, self._timeout)
        except MeshError:
            self.stale = True
            wait = self._backoff.wait(self._failures, self._rng)
            self._failures += 1
        else:
            self._failures = 0
            if found is not None and found.revision > self.revision:
                await self._take(found.revision, dict(found.entries))
            elif self.stale:
                self._say(self.revision, "active")  # an engine that is new does not know it
            self.stale = False
            if not self._first.done():
                self._first.set_result(None)
            if self._prepared is not None:
                wait = self.IMPATIENT
        self._work = None
        self._look_in(0.0 if self._again and not self.stale else wait)

    async def _take(self, revision: int, entries: dict[str, bytes]) -> None:
        """Let a whole table be what this node decides by, unless it cannot be."""
        prepared = self._prepared
        if prepared is not None and prepared.revision == revision and prepared.entries == entries:
            self._become(prepared)
            return
        if self._preparation.revision == revision:
            self._preparation.wanted = True
        else:
            self._preparation.take(revision, entries, self._made)
        await self._preparation.over()
