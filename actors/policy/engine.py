"""The policy engine actor: owns the rules. It validates, writes the next revision, and brings it to the nodes.

One change at a time passes through the mailbox; reading (get, history, status, snapshots) is answered where it arrives,
from what stands. Truth is in the store; a second engine is refused by it, reads again, judges again and tries again.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from ..bus.bus import Bus, BusState, Subscription
from ..bus.reply import may_answer
from ..bus.user_request import UserSubjects, refusal, send_json
from ..loop.slice import Slices
from ..loop.timer import Deadline
from ..messages.codec import Codec
from ..messages.error import HandlerFailed, MeshError, Overloaded, Undecodable
from ..messages.subject import Subjects
from ..messages.table import Activate, Push
from ..runtime.actor import Actor
from ..table.replica import Table
from ..table.snapshot import SnapshotSource
from ..table.store import KeyValue
from . import answer
from .change import ACTIONS, Asked, asked, said
from .record import WHOLE_EVERY
from .rollout import Rollout
from .standing import Standing
from .turn import Turn
from .upload import Uploads
from .world import UNKNOWN, World

log = logging.getLogger("plait.policy")

QUEUE = b"policy"
_PAUSE = 1.0  # seconds before a store that did not answer is read again
WAITING = 64 * 1024 * 1024
"""Bytes of changes that wait for their turn; the mailbox alone would take a thousand bundles of any size."""

_pushes = Codec[Push](Push)


class _News:
    """Another engine has written."""


class _Compaction:
    """It is time to take out what is old."""


class PolicyEngine(Actor):
    """Run it with a concurrency of 1: the turns are what makes changes follow each other."""

    def __init__(
        self,
        subjects: Subjects,
        bus: Bus,
        store: KeyValue,
        nodes: Callable[[], Iterable[str]],
        *,
        wall_clock: Callable[[], float],
        world: Callable[[], World] = lambda: UNKNOWN,
        limit: float = 1.0,
    ) -> None:
        """Serve `store` on `bus`.

        Args:
            nodes: names the nodes that are alive, whose acknowledgement is waited for.
            wall_clock: seconds since 1970, for the dates of revisions.
            world: what is known of the mesh's services and gateways, for warnings.
            limit: seconds that each of the two phases waits for them.
        """
        self.undecodable = 0
        self._subjects = subjects
        self._bus = bus
        self._store = store
        self._nodes = nodes
        self._limit = limit
        self._wall_clock = wall_clock
        self._world = world
        self._users = UserSubjects(bus, subjects, QUEUE)
        self._subscriptions: list[Subscription] = []
        self._stopped = False
        self._due: Deadline | None = None
        self._waiting = 0

    @property
    def active(self) -> int:
        """The revision that nodes were told to decide by."""
        return self._standing.active

    # Its life

    async def pre_start(self) -> None:
        """Read the store, then serve what stands there; what is damaged there is reported, and stops nothing.

        Raises:
            MeshError: the store does not answer.
        """
        around, subjects, bus = self.surroundings, self._subjects, self._bus
        slices = Slices(around.loop, around.clock)
        standing = self._standing = Standing(self._store, slices)
        await standing.load()
        rollout = self._rollout = Rollout(bus, subjects, around.deadlines, around.clock, self._wall_clock)
        rollout.told = self._word
        rollout.start()
        clocks = (around.clock, self._wall_clock)
        self._turn = Turn(standing, rollout, slices, self._nodes, self._world, *clocks, around.rng, self._limit)
        self._uploads = Uploads(bus, subjects, around.deadlines, around.clock, around.rng, self._take)
        self._subscriptions = [
            *(bus.subscribe(subjects.user("policy", each), self._asked, QUEUE) for each in ACTIONS),
            bus.subscribe(subjects.pushes("pol"), self._pushed),
            SnapshotSource(lambda: Table(standing.active, standing.rules)).serve(bus, subjects, "pol", "policy"),
        ]
        self._serve_readers()
        try:
            await bus.flush()
            await self._turn.tell_nodes()  # an engine that died between the phases left them waiting
        except BaseException:
            await self.post_stop()
            raise
        bus.listen(self._bus_changed)

    def _serve_readers(self) -> None:
        standing, rollout, serve = self._standing, self._rollout, self._users.serve
        history, subject = standing.history, self._subjects.user
        serve(subject("policy", "get"), lambda asked: answer.documents(history.held, history.good, asked))
        serve(
            subject("policy", "history"),
            lambda asked: answer.steps(history.steps, standing.active, history.first, standing.problem, asked),
        )
        serve(
            subject("policy", "status"),
            lambda _: answer.status(
                rollout.nodes, self._nodes(), standing.active, standing.problem or self._turn.forgotten()
            ),
        )

    async def post_stop(self) -> None:
        """Stop serving."""
        self._stopped = True
        if self._due is not None:
            self._due.cancel()
        self._users.close()
        self._uploads.close()
        self._rollout.close()
        for subscription in self._subscriptions:
            subscription.unsubscribe()

    async def receive(self, message: Any) -> None:
        """Handle one change, or the news of one."""
        match message:
            case Asked():
                self._waiting = max(0, self._waiting - len(message.payload))
                send_json(self._bus, message.reply, await self._answer(message))
            case _News():
                await self._look()
            case _Compaction():
                await self._compact()
            case _:
                await super().receive(message)

    # What arrives

    def _asked(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        if reply and not may_answer(self._subjects, reply):
            return
        action, fields = subject.rpartition(b".")[2].decode(), said(headers)
        if action == "apply" and b"plait-parts" in fields:
            self._uploads.begin(payload, reply, fields)
        else:
            self._take(asked(action, payload, reply, fields))

    def _take(self, change: Asked) -> None:
        size = len(change.payload)
        try:
            if self._waiting + size > WAITING:
                raise Overloaded("the changes that wait for the policy engine are too large; try again")
            self._waiting += size  # first: its turn may come before `tell` returns
            try:
                self.cell.tell(change)
            except MeshError:
                self._waiting -= size
                raise
        except MeshError as error:
            send_json(self._bus, change.reply, refusal(error))

    def _pushed(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        try:
            push = _pushes.decode(payload)
        except Undecodable:
            self.undecodable += 1
            return
        if isinstance(push, Activate) and push.revision > self._standing.history.revision:
            self._standing.history.heard = push.revision
            self._news()

    def _word(self, revision: int) -> None:
        if revision > self._standing.history.revision:  # another engine has written it, or the store has lost it
            self._look_again()

    def unread(self) -> int:
        """Return how many pushes, acknowledgements and questions were none."""
        return self.undecodable + self._rollout.undecodable + self._users.undecodable

    def _bus_changed(self, state: BusState) -> None:
        if state is BusState.CONNECTED and not self._stopped:
            self._news()

    def _news(self) -> None:
        try:
            self.cell.tell(_News())
        except MeshError as error:  # too much to do, or about to stop
            log.warning("the policy engine does not look at what others wrote now, but in a while: %s", error)
            self._look_again()

    # What it does

    async def _answer(self, change: Asked) -> dict[str, Any]:
        try:
            out = await self._turn.change(change)
        except MeshError as error:
            out = refusal(error)
            self._look_again()  # it may have been written all the same: it must not lie there until the next change
        except Exception as error:  # a bundle that trips the engine up is refused; the engine is not restarted by it
            log.exception("a fault in the policy engine: this change is refused")
            out = refusal(HandlerFailed(f"a fault in the policy engine itself: {type(error).__name__}: {error}"))
            self._look_again()
        if self._turn.untold:
            self._look_again()
        if out.get("revision") and not self.active % WHOLE_EVERY:
            self._compaction()
        return out

    async def _look(self) -> None:
        """Read what was written by others, or by oneself without an answer, and tell the nodes."""
        try:
            await self._turn.catch_up()
            if self._turn.untold:
                await self._turn.tell_nodes()
        except MeshError as error:
            log.warning("the store could not be read: %s", error)
            self._look_again()

    def _look_again(self) -> None:
        def due() -> None:
            self._due = None
            if not self._stopped:
                self._news()

        if self._due is None:
            self._due = self.surroundings.deadlines.at(self.surroundings.clock() + _PAUSE, due)

    def _compaction(self) -> None:
        try:
            self.cell.tell(_Compaction())
        except MeshError as error:
            log.info("old policy revisions are taken out later: %s", error)

    async def _compact(self) -> None:
        try:
            await self._standing.history.compact()
        except MeshError as error:
            log.warning("old policy revisions could not be taken out, they will be later: %s", error)
