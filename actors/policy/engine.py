"""The policy engine actor: owns the rules. It validates, writes the next revision, and brings it to the nodes.

One change at a time passes through the mailbox; reading (get, history, status, snapshots) is answered where it arrives,
from what stands. Truth is in the store; a second engine is refused by it, reads again, judges again and tries again.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from ..bus.bus import Bus, BusState, Subscription
from ..bus.reply import may_answer
from ..bus.user_request import UserSubjects, refusal, send_json
from ..loop.timer import Deadline
from ..messages.codec import Codec, encode
from ..messages.error import Conflict, MeshError, Refused, Undecodable
from ..messages.subject import Subjects
from ..messages.table import Activate, Push
from ..routing.table import RouteTable
from ..runtime.actor import Actor
from ..table.replica import apply, digest
from ..table.snapshot import SnapshotSource
from ..table.store import KeyValue
from . import answer
from .bundle import Outcome
from .change import ACTIONS, Asked, compiled, judge_apply, judge_delete, judge_rollback, options, read, target
from .history import History
from .problem import Problem
from .rollout import Rollout

log = logging.getLogger("plait.policy")

QUEUE = b"policy"
_LARGE = 64 * 1024  # bytes of a bundle from which on it is read in a thread, so that the loop keeps its pace
_PAUSE = 1.0  # seconds before a store that did not answer is read again
_RACES = 8  # times that another engine may be faster before the user is told to come again

_pushes = Codec[Push](Push)


class _News:
    """Another engine has written."""


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
        limit: float = 1.0,
    ) -> None:
        """Serve `store` on `bus`.

        Args:
            nodes: names the nodes that are alive, whose acknowledgement is waited for.
            wall_clock: seconds since 1970, for the dates of revisions.
            limit: seconds that each of the two phases waits for them.
        """
        self.undecodable = 0
        self.active = 0
        """The revision that nodes were told to decide by."""
        self._subjects = subjects
        self._bus = bus
        self._nodes = nodes
        self._limit = limit
        self._wall_clock = wall_clock
        self._history = History(store)
        self._rules: dict[str, bytes] = {}
        self._table: RouteTable | None = None
        self._users = UserSubjects(bus, subjects, QUEUE)
        self._subscriptions: list[Subscription] = []
        self._stopped = False
        self._due: Deadline | None = None
        self._told = 0

    # Its life

    async def pre_start(self) -> None:
        """Read the store, then serve what stands there.

        Raises:
            Refused, Undecodable: the store is damaged.
        """
        await self._history.load()
        self._stand()
        subjects, bus = self._subjects, self._bus
        self._rollout = Rollout(bus, subjects, self.surroundings.deadlines)
        self._rollout.start()
        self._subscriptions = [
            *(bus.subscribe(subjects.user("policy", each), self._asked, QUEUE) for each in ACTIONS),
            bus.subscribe(subjects.pushes("pol"), self._pushed),
            SnapshotSource(lambda: (self.active, self._rules)).serve(bus, subjects, "pol", "policy"),
        ]
        history, serve = self._history, self._users.serve
        serve(subjects.user("policy", "get"), lambda asked: answer.documents(history.held, history.revision, asked))
        serve(subjects.user("policy", "history"), lambda asked: answer.steps(history.steps, self.active, asked))
        serve(
            subjects.user("policy", "status"),
            lambda _: answer.status(self._rollout.nodes, self._nodes(), self.active),
        )
        try:
            await bus.flush()
            if self.active:  # an engine that died between the phases left the nodes waiting
                await self._rollout.activate(self.active, (), 0.0)
            self._told = self.active
        except BaseException:
            await self.post_stop()
            raise
        bus.listen(self._bus_changed)

    async def post_stop(self) -> None:
        """Stop serving."""
        self._stopped = True
        if self._due is not None:
            self._due.cancel()
        self._users.close()
        self._rollout.close()
        for subscription in self._subscriptions:
            subscription.unsubscribe()

    async def receive(self, message: Any) -> None:
        """Handle one change, or the news of one."""
        if isinstance(message, _News):
            await self._look()
        elif isinstance(message, Asked):
            try:
                out = await self._change(message)
            except MeshError as error:
                out = refusal(error)
                self._look_again()  # it may have been written all the same: it must not lie there until the next change
            send_json(self._bus, message.reply, out)
        else:
            await super().receive(message)

    # What arrives

    def _asked(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        if reply and not may_answer(self._subjects, reply):
            return
        dry_run, wait = options(headers)
        try:
            self.cell.tell(Asked(subject.rpartition(b".")[2].decode(), payload, reply, dry_run, wait))
        except MeshError as error:
            send_json(self._bus, reply, refusal(error))

    def _pushed(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        try:
            push = _pushes.decode(payload)
        except Undecodable:
            self.undecodable += 1
            return
        if isinstance(push, Activate) and push.revision > self._history.revision:
            self._news()

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

    async def _look(self) -> None:
        """Read what was written by others, or by oneself without an answer, and tell the nodes."""
        try:
            await self._catch_up()
            if self.active > self._told:
                await self._rollout.activate(self.active, (), 0.0)
                self._told = self.active
        except MeshError as error:
            log.warning("the store could not be read: %s", error)
            self._look_again()

    async def _catch_up(self) -> bool:
        """Read what was written since, and let it stand, also where the store breaks off half-way through."""
        before = self.active
        try:
            await self._history.catch_up()
        finally:
            if self._history.revision != self.active:
                self._stand()
        return self.active != before

    def _look_again(self) -> None:
        def due() -> None:
            self._due = None
            if not self._stopped:
                self._news()

        if self._due is None:
            self._due = self.surroundings.deadlines.at(self.surroundings.clock() + _PAUSE, due)

    # A change

    async def _change(self, asked: Asked) -> dict[str, Any]:
        work = asyncio.to_thread(read, asked) if len(asked.payload) > _LARGE else None
        wanted = await work if work is not None else read(asked)
        if isinstance(wanted, tuple) and wanted[1]:
            return {"errors": answer.problems(wanted[1])}
        for _ in range(_RACES):
            if await self._catch_up():
                self._look_again()  # whoever wrote it may not have told the nodes
            action = asked.action
            if isinstance(wanted, tuple):
                outcome = await self._judged(wanted[0], len(asked.payload))
            elif action == "delete":
                outcome = judge_delete(wanted, self._history.held, self._history.revision + 1)
            else:
                action = f"rollback {target(wanted)}"
                outcome = judge_rollback(self._history.at(target(wanted)), self._history.held)
            try:
                return await self._carry_out(action, outcome, asked)
            except Conflict:
                continue
        raise Refused("other engines write all the time; try again")

    async def _judged(self, documents: list[Any], size: int) -> Outcome:
        held, revision = self._history.held, self._history.revision + 1
        if size > _LARGE:
            return await asyncio.to_thread(judge_apply, documents, held, revision)
        return judge_apply(documents, held, revision)

    async def _carry_out(self, action: str, outcome: Outcome, asked: Asked) -> dict[str, Any]:
        """Write and push what was judged sound.

        Raises:
            Conflict: another engine wrote this revision first.
        """
        if not outcome.accepted:
            return {"errors": answer.problems(outcome.problems)}
        history, before = self._history, self._history.held
        revision = history.revision + 1
        rules = dict(self._rules)
        apply(rules, outcome.rules)
        table = compiled(rules, revision, self._table)
        if isinstance(table, Problem):
            return {"errors": answer.problems([table])}
        warnings = answer.problems(outcome.warnings)
        applied = answer.applied(outcome.applied, before, outcome.documents)
        if asked.dry_run or not outcome.documents:
            synced = self._synced(history.revision)
            return {"revision": history.revision, "applied": applied, "warnings": warnings, "nodes": synced}
        writer = f"{self.surroundings.rng.getrandbits(128):032x}"
        await history.append(history.next(action, outcome.documents, digest(rules), writer, self._wall_clock()))
        if history.revision != revision:
            raise Conflict(f"policy revision {revision} was written by another engine")
        warnings += await self._roll_out(outcome, rules, table, asked.wait)
        synced = self._synced(revision)
        return {"revision": revision, "applied": applied, "warnings": warnings, "nodes": synced}

    async def _roll_out(
        self, outcome: Outcome, rules: dict[str, bytes], table: RouteTable, wait: bool
    ) -> list[dict[str, Any]]:
        """Both phases. The revision is in force once it is stored: what goes wrong here is told, not undone."""
        revision, nodes = self._history.revision, set(self._nodes())
        refused: dict[str, str] = {}
        try:
            refused = await self._rollout.prepare(
                revision - 1, revision, self._history.digest, outcome.rules, nodes, self._limit
            )
        except MeshError as error:
            log.warning("revision %d is stored and was not pushed, nodes will ask for it: %s", revision, error)
        # Who fetches a snapshot from here on gets the new revision: it must not be older than what was activated.
        self.active, self._rules, self._table = revision, rules, table
        try:
            await self._rollout.activate(revision, nodes - set(refused), self._limit if wait else 0.0)
            self._told = revision
        except MeshError as error:
            self._look_again()
            log.warning("revision %d was not activated, nodes will ask for it: %s", revision, error)
        told = [f"node {node} cannot decide by it: {reason}" for node, reason in sorted(refused.items())]
        return answer.problems(Problem("node_refused", "", "", 0, text) for text in told)

    def _synced(self, revision: int) -> dict[str, int]:
        nodes = set(self._nodes())
        return {"synced": sum(self._rollout.has(node, revision) for node in nodes), "of": len(nodes)}

    def _stand(self) -> None:
        """Let what the store holds be what is active."""
        history = self._history
        rules = {key: encode(one.document.rule) for key, one in history.held.items()}
        table = compiled(rules, history.revision, self._table)
        if isinstance(table, Problem):
            raise Refused(f"policy revision {history.revision} cannot be used: {table.message}")
        self.active, self._rules, self._table = history.revision, rules, table
