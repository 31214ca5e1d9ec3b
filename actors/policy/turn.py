"""One change on its way into force: read, judged against what stands, compiled, written, brought to the nodes."""

import contextlib
import logging
import random
from collections.abc import Callable, Iterable
from typing import Any

from ..bus.user_request import parse
from ..loop.slice import Slices
from ..messages.error import Conflict, MeshError, Refused
from . import answer
from .bundle import Outcome
from .change import Asked, judge_rollback, judging_apply, judging_delete, reading_bundle, target
from .document import Document
from .problem import Problem, ProblemCode
from .rollout import Rollout
from .standing import Candidate, Standing
from .world import World

log = logging.getLogger("plait.policy")

_RACES = 8  # times that another engine may be faster before the user is told to come again


class Turn:
    """Carries changes out, one after the other."""

    def __init__(
        self,
        standing: Standing,
        rollout: Rollout,
        slices: Slices,
        nodes: Callable[[], Iterable[str]],
        world: Callable[[], World],
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        rng: random.Random,
        limit: float,
    ) -> None:
        """See `PolicyEngine`; `limit` is in seconds."""
        self._standing = standing
        self._rollout = rollout
        self._slices = slices
        self._nodes = nodes
        self._world = world
        self._clock = clock
        self._wall_clock = wall_clock
        self._rng = rng
        self._limit = limit
        self._told = 0

    @property
    def untold(self) -> bool:
        """Whether nodes may not know yet which revision is active."""
        return self._standing.active > self._told

    async def tell_nodes(self) -> None:
        """Tell nodes to decide by the active revision; those that do say so again.

        Raises:
            BusUnavailable, Overloaded: it could not be pushed.
        """
        if active := self._standing.active:
            await self._rollout.activate(active, (), 0.0)
            self._told = active

    async def catch_up(self) -> None:
        """Read what was written since. A store that has lost what this engine has read from it is given that again.

        As one revision that holds everything; of the engines that do so one wins, and the others find what it wrote. An
        engine that is behind the nodes does not: it would undo what they have, by a number that is taken.

        Raises:
            MeshError: the store does not answer.
        """
        standing, history = self._standing, self._standing.history
        # Looked up before the store is read: what a node has by then was stored, and is read unless it was lost.
        ahead = self._rollout.ahead(self._nodes(), history.revision)
        await standing.catch_up()
        if history.lost and not standing.problem and ahead <= history.revision:
            log.warning("the store has lost policy revision %d: it is written again", history.revision)
            record = history.next(f"restore {history.revision}", {}, history.digest, self._writer(), self._wall_clock())
            with contextlib.suppress(Conflict):
                await history.append(record)
            await standing.catch_up()
        history.floor = ahead if ahead > history.revision else 0

    def forgotten(self) -> str:
        """Return what nodes decide by that the store does not have; empty when there is no such thing."""
        revision, floor = self._standing.history.revision, self._standing.history.floor
        if floor <= revision:
            return ""
        return (
            f"the store has {f'revision {revision}' if revision else 'no policy'}, and nodes go on deciding by "
            f"revision {floor}, which it has lost: apply all that is to be in force; it will take that one's place"
        )

    def _writer(self) -> str:
        return f"{self._rng.getrandbits(128):032x}"

    async def change(self, asked: Asked) -> dict[str, Any]:
        """Carry out one change; return the answer for its user.

        Raises:
            MeshError: it cannot be said that it was carried out.
        """
        wanted: list[Document] | dict[str, Any]
        if asked.action == "apply":
            wanted, problems = await self._slices.run(reading_bundle(asked.payload))
            if problems:
                return {"errors": answer.problems(problems)}
        else:
            wanted = parse(asked.payload)
        for _ in range(_RACES):
            await self.catch_up()
            try:
                return await self._carry_out(asked, wanted)
            except Conflict:
                continue
        raise Refused("other engines write all the time; try again")

    async def _carry_out(self, asked: Asked, wanted: list[Document] | dict[str, Any]) -> dict[str, Any]:
        """Judge what is wanted by what stands, and let it be the next revision.

        Raises:
            Conflict: another engine wrote this revision first.
        """
        standing, history = self._standing, self._standing.history
        action, outcome = await self._judged(asked, wanted)
        if not outcome.accepted:
            return {"errors": answer.problems(outcome.problems)}
        before = history.held
        warnings = answer.problems(outcome.warnings)
        candidate = await standing.candidate(outcome)
        if isinstance(candidate, Problem):
            return {"errors": answer.problems([candidate])}
        applied = answer.applied(outcome.applied, before, outcome.documents)
        if asked.dry_run or not (outcome.documents or history.broken):
            synced = self._synced(history.revision)
            return {"revision": history.revision, "applied": applied, "warnings": warnings, "nodes": synced}
        writer, healed = self._writer(), bool(standing.problem or history.floor)
        if history.floor:
            text = f"nodes decided by revision {history.floor}, which the store has lost; this takes its place"
            warnings += answer.problems([Problem("policy_lost", "", "", 0, text)])
        record = history.next(action, outcome.documents, candidate.digest, writer, self._wall_clock())
        await history.append(record)
        if history.revision != candidate.revision:
            raise Conflict(f"policy revision {candidate.revision} was written by another engine")
        began = self._clock()
        warnings += await self._roll_out(candidate, asked.wait, healed=healed)
        told: dict[str, Any] = {"revision": candidate.revision, "applied": applied, "warnings": warnings}
        told["nodes"] = self._synced(candidate.revision)
        if asked.wait and self._rollout.times:
            told["convergence"] = answer.convergence(self._rollout.times, began)
        return told

    async def _judged(self, asked: Asked, wanted: list[Document] | dict[str, Any]) -> tuple[str, Outcome]:
        history = self._standing.history
        if isinstance(wanted, dict) and asked.action == "rollback":
            goal = target(wanted)
            before = await history.at(goal)
            return f"rollback {goal}", judge_rollback(before, history.held)
        if history.broken:
            hint = f"`plait rollback {history.good}` goes back to the last one that is known" if history.good else ""
            why = f"{history.broken}: what stands since is unknown, so nothing can be built on it"
            return asked.action, Outcome(problems=(Problem(ProblemCode.UNREADABLE.value, "", "", 0, why, hint),))
        if isinstance(wanted, dict):
            steps = judging_delete(wanted, history.held, history.coming)
        else:
            steps = judging_apply(wanted, history.held, history.coming, self._world())
        return asked.action, await self._slices.run(steps)

    async def _roll_out(self, candidate: Candidate, wait: bool, *, healed: bool) -> list[dict[str, Any]]:
        """Both phases. The revision is in force once it is stored: what goes wrong here is told, not undone.

        After a revision that could not be used nodes do not stand on the one before: they fetch this one whole.
        """
        revision, nodes = candidate.revision, set(self._nodes())
        refused: dict[str, str] = {}
        try:
            if not healed:
                refused = await self._rollout.prepare(
                    revision - 1, revision, candidate.digest, candidate.changes, nodes, self._limit
                )
        except MeshError as error:
            log.warning("revision %d is stored and was not pushed, nodes will ask for it: %s", revision, error)
        # Who fetches a snapshot from here on gets the new revision: it must not be older than what was activated.
        self._standing.activate(candidate)
        try:
            await self._rollout.activate(revision, nodes - set(refused), self._limit if wait else 0.0)
            self._told = revision
        except MeshError as error:
            log.warning("revision %d was not activated, nodes will ask for it: %s", revision, error)
        told = [f"node {node} cannot decide by it: {reason}" for node, reason in sorted(refused.items())]
        return answer.problems(Problem("node_refused", "", "", 0, text) for text in told)

    def _synced(self, revision: int) -> dict[str, int]:
        nodes = set(self._nodes())
        return {"synced": sum(self._rollout.has(node, revision) for node in nodes), "of": len(nodes)}
