"""Fallbacks: what a call is answered with where its destination fails, tried in order until one has an answer.

They are the outermost filter. Where the first attempt can be sent straight away it still is: this is asked only about
failures, and about answers where a rule keeps them.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import NamedTuple

from ..messages import fallback as rule
from ..messages.envelope import ReplyFrame
from ..messages.error import MeshError
from ..routing.fall_on import FallOn
from .call import Call
from .cluster import Cluster
from .degraded import NONE, Degraded, stand_in
from .filter import Next
from .idempotence import does_no_harm, may_run_twice
from .last_good import LastAnswers

LOCAL_SHARE, LOCAL_MOST = 0.05, 0.05
"""What the destination must leave of an inherited deadline where only this node's own answers stand in: a share of it,
and seconds at most."""
SHARE, MOST = 0.25, 1.0
"""What it must leave of the caller's time where another destination is asked."""
LONGEST = 15.0
"""Seconds for another destination where neither a rule nor the caller bounds it."""


class Way(NamedTuple):
    """Another destination, ready to be asked."""

    cluster: Cluster
    proceed: Next
    """Its own chain."""
    seconds: float
    """Time that it may take."""


class Step(NamedTuple):
    """One fallback."""

    policy: rule.Fallback
    on: FallOn
    way: Way | None = None
    """Of one that leads elsewhere."""


class Fallback:
    """Answers in place of a destination that fails."""

    def __init__(self, service: str, subset: str, steps: Sequence[Step], answers: LastAnswers | None) -> None:
        self._service = service
        self._subset = subset
        self._steps = tuple(steps)
        self._answers = answers
        self._away = any(step.way is not None for step in steps)
        self._statuses = frozenset(status for step in steps for status in step.on.statuses)

    async def __call__(self, call: Call, proceed: Next) -> ReplyFrame:
        """Pass the call on, and answer it where that fails.

        Raises:
            MeshError: it failed, and no fallback has an answer.
        """
        outer = self.begin(call)
        return await self.settle(call, proceed(call), outer)

    async def settle(self, call: Call, work: Awaitable[ReplyFrame], outer: float | None) -> ReplyFrame:
        """Wait for what comes of a call, and answer it where that fails; `outer` is what `begin` gave.

        Raises:
            MeshError: it failed, and no fallback has an answer.
        """
        outcome: ReplyFrame | MeshError
        try:
            outcome = await work
        except MeshError as error:
            outcome = error
        if self.heeds(outcome):
            try:
                return await self.instead(call, outcome, outer)
            finally:
                del outcome  # it knows this frame: only the garbage collector would part them
        assert isinstance(outcome, ReplyFrame)
        call.limit = outer
        self.note(call, outcome)
        return outcome

    def begin(self, call: Call) -> float | None:
        """Have the destination leave time for what may have to be done after it; return the call's own limit."""
        outer, expires = call.limit, call.expires
        end = expires
        if self._away and outer is not None and (end is None or outer < end):
            end = outer
        if end is not None:
            left = max(0.0, end - asyncio.get_running_loop().time())
            bound = end - (min(MOST, left * SHARE) if self._away else min(LOCAL_MOST, left * LOCAL_SHARE))
            if outer is None or bound < outer:
                call.limit = bound
        return outer

    def heeds(self, outcome: ReplyFrame | MeshError) -> bool:
        """Return whether something else than to be passed on may become of it."""
        return isinstance(outcome, MeshError) or outcome.status in self._statuses

    def note(self, call: Call, reply: ReplyFrame) -> None:
        """Keep an answer for bad times, where a rule says so."""
        if self._answers is not None:
            self._answers.note(call, reply, asyncio.get_running_loop().time())

    async def instead(self, call: Call, failure: ReplyFrame | MeshError, outer: float | None) -> ReplyFrame:
        """Return the first answer that a fallback has, else what there is.

        Raises:
            MeshError: `failure`, where it is one and no fallback has an answer.
        """
        call.limit = outer
        fitting = False
        for step in self._steps:
            if not _fits(step, call, failure):
                continue
            fitting = True
            reply = (
                await self._asked(step.way, call, failure) if step.way is not None else self._own(step, call, failure)
            )
            if reply is not None:
                return reply
        if fitting:
            call.degraded = Degraded(self._service, self._subset, NONE, _why(failure))
        if isinstance(failure, MeshError):
            try:
                raise failure
            finally:
                del failure  # it knows this frame: only the garbage collector would part them
        return failure

    def _own(self, step: Step, call: Call, failure: ReplyFrame | MeshError) -> ReplyFrame | None:
        """An answer that this node has itself."""
        to = step.policy.to
        if isinstance(to, rule.Fixed):
            kind = "empty" if to.empty else "fixed"
            return self._marked(call, kind, failure, to.status, list(to.headers), to.body)
        now = asyncio.get_running_loop().time()
        kept = self._answers.find(call, now) if self._answers is not None else None
        if kept is None:
            return None
        reply = kept.reply
        fields = [field for field in reply.headers if field[0] != "age"]
        fields.append(("age", str(int(now - kept.at))))
        return self._marked(call, "last-good", failure, reply.status, fields, reply.body, reply.degraded)

    async def _asked(self, way: Way, call: Call, failure: ReplyFrame | MeshError) -> ReplyFrame | None:
        """The answer of another destination, None where it has none or fails, too."""
        cluster, tried, outer = call.cluster, call.tried, call.limit
        now = asyncio.get_running_loop().time()
        end = now + way.seconds
        way.cluster.budget.call(now)
        call.limit = end if outer is None or end < outer else outer
        call.cluster, call.tried = way.cluster, []
        try:
            reply = await way.proceed(call)
        except MeshError:
            reply = None  # the first failure is the one to tell of
        finally:
            call.limit = outer
        if reply is not None and reply.status < 500:
            return self._marked(call, "elsewhere", failure, reply.status, reply.headers, reply.body, reply.degraded)
        call.cluster, call.tried = cluster, tried
        return None

    def _marked(
        self,
        call: Call,
        kind: str,
        failure: ReplyFrame | MeshError,
        status: int,
        fields: list[tuple[str, str]],
        body: bytes,
        below: tuple[str, ...] = (),
    ) -> ReplyFrame:
        call.degraded = Degraded(self._service, self._subset, kind, _why(failure))
        return stand_in(self._service, kind, failure, status, fields, body, below)


def _fits(step: Step, call: Call, failure: ReplyFrame | MeshError) -> bool:
    """Whether a fallback is for calls like this one, and does no harm."""
    if call.method not in step.policy.methods:
        return False
    if isinstance(failure, MeshError):
        return step.on.failure(failure) and (step.way is None or does_no_harm(call, failure))
    safe = step.way is None or may_run_twice(call)
    return failure.status in step.on.statuses and safe


def _why(failure: ReplyFrame | MeshError) -> type[MeshError] | int:
    return type(failure) if isinstance(failure, MeshError) else failure.status
