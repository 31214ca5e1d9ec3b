"""The registry actor: who is alive. Truth is in the store; any number of registries serve it, each can die unmissed.

Reads (snapshots, `registry.resolve`, `$SRV`) and signs of life are handled where they arrive, changes pass through the
mailbox: a slow store makes nobody look dead and keeps nobody from reading.
"""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from ..actors.bus.bus import Bus, BusState, Subscription
from ..actors.bus.reply import may_answer
from ..actors.loop.timer import Deadline
from ..actors.messages.codec import Codec, encode
from ..actors.messages.error import MeshError, Undecodable
from ..actors.messages.instance import Beat, Connection, Heartbeat, Instance, Join, Joined, Leave
from ..actors.messages.load import LoadReport
from ..actors.messages.subject import Subjects
from ..actors.messages.table import Delta
from ..actors.runtime.actor import Actor
from ..actors.table.epoch import Epoch
from ..actors.table.snapshot import SnapshotSource
from ..actors.table.store import KeyValue
from .catalog import Catalog, Process
from .deaths import SUBJECT
from .desk import Desk
from .loads import Loads
from .message import Audit, Cut, Doubted, Gone, Joining, Leaving
from .public import PublicSubjects
from .truth import Truth
from .watch import Watch

log = logging.getLogger("plait.registry")

QUEUE = b"registry"
_TICK = 0.25  # seconds between looks at the table
_AUDIT = 8  # of them between looks whether the store has moved on without a word

_joins = Codec[Join](Join)
_leaves = Codec[Leave](Leave)
_beats = Codec[Heartbeat](Heartbeat)
_deltas = Codec[Delta](Delta)


class Registry(Actor):
    """Run it with a concurrency above 1: each change is a compare-and-set of its own key."""

    def __init__(
        self,
        node: str,
        subjects: Subjects,
        bus: Bus,
        store: KeyValue,
        system: Bus | None = None,
        *,
        wall_clock: Callable[[], float],
        pause: float = 3.0,
    ) -> None:
        """Serve `store` on `bus`; `system` is a connection that sees disconnect events.

        Args:
            wall_clock: seconds since 1970, for what users see.
            pause: seconds of silence that are no sign of death, whatever a process did before.
        """
        self.node = node
        self.counts: Counter[str] = Counter()
        """What came in and could not be used: `undecodable`, `mismatched`, `overloaded`."""
        self.catalog = Catalog()
        self._subjects = subjects
        self._bus = bus
        self._system = system
        self._store = store
        self._wall_clock = wall_clock
        self._truth = Truth(bus, subjects, store, self.catalog, lambda: self._tell(Audit(reload=True)))
        self._watch = Watch(node, bus, subjects, self.catalog, self._pass_on, pause)
        self._desk = Desk(store, self.catalog, self._truth.decided, self._watch.lives)
        self._loads = Loads(self.catalog)
        self._public = PublicSubjects(bus, subjects, QUEUE, self.catalog, wall_clock, self._load)
        self._subscriptions: list[Subscription] = []
        self._missed: dict[Process, frozenset[tuple[str, str]]] = {}
        self._timer: Deadline | None = None
        self._ticks = 0
        self._gap_ticks = 0
        self._stopped = False

    # Its life

    async def pre_start(self) -> None:
        """Load the store, then listen. The limit on silence begins now: nobody could be heard before."""
        await self._truth.start(Epoch(self._store, self._wall_clock, self.surroundings.rng), self.surroundings.clock)
        self._watch.start(self.surroundings)
        subjects, on = self._subjects, self._listen
        on(subjects.pushes("reg"), self._pushed)
        on(subjects.heartbeats(), self._beat)
        on(subjects.registrations("join"), self._join, QUEUE)
        on(subjects.registrations("renew"), self._join, QUEUE)
        on(subjects.registrations("leave"), self._leave, QUEUE)
        source = SnapshotSource(self.catalog.table, ahead=lambda known: self._tell(Audit(reload=False, known=known)))
        self._subscriptions.append(source.serve(self._bus, subjects, "reg", "registry"))
        self._public.serve()
        try:
            if self._system is not None:
                self._subscriptions.append(self._system.subscribe(SUBJECT, self._disconnected))
                await self._system.flush()
            await self._bus.flush()
            await self._truth.reload()  # what changed between the first look and the subscriptions
        except BaseException:
            await self.post_stop()
            raise
        self._watch.begin()
        self._bus.listen(self._bus_changed)
        self._sweep_in(_TICK)

    async def post_stop(self) -> None:
        """Stop listening."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        self._watch.stop()
        self._public.close()
        for subscription in self._subscriptions:
            subscription.unsubscribe()

    async def receive(self, message: Any) -> None:
        """Handle one change."""
        match message:
            case Joining():
                instance = message.instance
                joined = await self._desk.join(instance, message.renew, self._watch.lost)
                self._watch.heard((instance.node, instance.data))
                self._answer(message.reply, encode(joined))
            case Leaving():
                self._answer(message.reply, encode(await self._desk.leave(message.leave)))
            case Gone():
                await self._take_out(message)
            case Doubted():
                await self._rewrite(message, lambda key: self._desk.doubt(key, message.process, message.doubt))
            case Cut():
                await self._rewrite(message, lambda key: self._desk.cut(key, message.control))
            case Audit():
                await self._truth.audit(message.reload, message.known)
            case _:
                await super().receive(message)

    def unread(self) -> int:
        """Return how many messages were none, or not their sender's."""
        counts = self.counts
        return counts["undecodable"] + counts["mismatched"] + self._public.undecodable + self._watch.undecodable

    # What arrives

    def _listen(self, subject: bytes, deliver: Callable[[bytes, bytes, bytes], None], queue: bytes = b"") -> None:
        def guarded(subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
            try:
                deliver(subject, reply, payload)
            except Undecodable:
                self.counts["undecodable"] += 1

        self._subscriptions.append(self._bus.subscribe(subject, guarded, queue))

    def _tell(self, message: Any) -> None:
        try:
            self.cell.tell(message)
        except MeshError:  # the sender gets no answer and asks again; a verdict is found again by the next sweep
            self.counts["overloaded"] += 1

    def _join(self, subject: bytes, reply: bytes, payload: bytes) -> None:
        try:
            instance = _joins.decode(payload).instance
        except Undecodable as error:
            if self._may_answer(reply):
                self._answer(reply, encode(Joined(error=f"this is no registration: {error}", code="invalid_argument")))
            raise
        if not self._may_answer(reply):
            return
        if self._matches(subject, instance.service, instance.id):
            self._tell(Joining(instance, b".renew." in subject, reply))
            return
        said, proven = f"{instance.service}.{instance.id}"[:150], subject[-150:].decode(errors="replace")
        why = f"{said!r} cannot be registered at {proven!r}: each says for itself what it is"
        self._answer(reply, encode(Joined(error=why, code="invalid_argument")))

    def _leave(self, subject: bytes, reply: bytes, payload: bytes) -> None:
        leave = _leaves.decode(payload)
        if self._matches(subject, leave.service, leave.id) and self._may_answer(reply):
            self._tell(Leaving(leave, reply))

    def _matches(self, subject: bytes, *tokens: str) -> bool:
        """Only the subject is held against the sender's rights: the payload has to say the same."""
        good = tuple(subject.decode(errors="replace").split(".")[-len(tokens) :]) == tokens
        self.counts["mismatched"] += not good
        return good

    def _may_answer(self, reply: bytes) -> bool:
        good = not reply or may_answer(self._subjects, reply, "registry")
        self.counts["mismatched"] += not good
        return good

    def _answer(self, reply: bytes, payload: bytes) -> None:
        if not reply:
            return
        try:
            self._bus.publish(reply, payload)
        except MeshError as error:
            log.warning("an answer was lost: %s", error)

    def _beat(self, subject: bytes, reply: bytes, payload: bytes) -> None:
        beat = _beats.decode(payload)
        if not self._matches(subject, beat.node) or not self._may_answer(reply):
            return
        process = beat.node, beat.data
        self._watch.heard(process)
        self._loads.heard(beat, self.surroundings.clock())
        if beat.control == Connection() != beat.data:
            self._watch.beaten_by_data(process)
        missing = frozenset[tuple[str, str]]() if self.catalog.gap else self.catalog.missing(beat)
        before = self._missed.pop(process, frozenset())
        if missing:
            self._missed[process] = missing  # once may be a change on its way from another registry, twice is not
        catalog = self.catalog
        self._answer(reply, encode(Beat(catalog.revision, tuple(sorted(missing & before)), catalog.behind(beat))))

    def _load(self, key: str) -> LoadReport | None:
        return self._loads.of(key, self.surroundings.clock())

    def _pushed(self, subject: bytes, reply: bytes, payload: bytes) -> None:
        self.catalog.offer(_deltas.decode(payload))

    def _disconnected(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        try:
            self._watch.disconnected(payload)
        except Undecodable:
            self.counts["undecodable"] += 1

    def _bus_changed(self, state: BusState) -> None:
        if state is BusState.CONNECTED and not self._stopped:
            self._watch.begin()  # nobody could be heard meanwhile
            self._tell(Audit(reload=True))

    # Verdicts

    def _pass_on(self, verdict: Gone | Doubted | Cut) -> None:
        """Put a verdict of the watch into the mailbox.

        Raises:
            Overloaded, ActorStopped: as `Cell.tell`; the next look finds it again.
        """
        try:
            self.cell.tell(verdict)
        except MeshError:
            self.counts["overloaded"] += 1
            raise

    async def _take_out(self, gone: Gone) -> None:
        def still(known: Instance) -> bool:
            return known.data == gone.lost if gone.lost is not None else (known.node, known.data) == gone.silent

        try:
            for key in gone.keys:
                if gone.silent is not None and self._watch.heard_again(gone.silent):
                    break
                if await self._desk.take_out(key, still):
                    log.info("%s is out: %s", key, "connection lost" if gone.lost else "its node is silent")
        except MeshError as error:
            log.warning("%s could not be taken out, the next sweep tries again: %s", ", ".join(gone.keys), error)
        finally:
            self._watch.done(gone)

    async def _rewrite(self, verdict: Doubted | Cut, rewrite: Callable[[str], Awaitable[bool]]) -> None:
        heard = isinstance(verdict, Doubted) and not verdict.doubt
        word = "heard again" if heard else "suspected: its node is silent" if isinstance(verdict, Doubted) else "stale"
        try:
            for key in verdict.keys:
                if await rewrite(key):
                    log.info("%s is %s", key, word)
        except MeshError as error:
            log.warning("%s: the next look tries again: %s", ", ".join(verdict.keys), error)
        finally:
            self._watch.done(verdict)

    def _sweep_in(self, seconds: float) -> None:
        self._timer = self.surroundings.deadlines.at(self.surroundings.clock() + seconds, self._sweep)

    def _sweep(self) -> None:
        self._sweep_in(_TICK)
        self._ticks += 1
        self._gap_ticks = self._gap_ticks + 1 if self.catalog.gap else 0
        if self._gap_ticks >= 2 or self._ticks % _AUDIT == 0:
            self._watch.forget()
            self._loads.forget()
            self._missed = {one: missed for one, missed in self._missed.items() if self.catalog.of_process(one)}
            self._tell(Audit(reload=self._gap_ticks >= 2))
