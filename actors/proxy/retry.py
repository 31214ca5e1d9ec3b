"""Retries: the mechanism of trying a call again on another instance, and the rule of when that is safe."""

import asyncio
import random

from ...tracing import tag
from ...tracing.record import Value
from ..loop.timer import Deadlines
from ..messages.envelope import ReplyFrame
from ..messages.error import DeadlineExceeded, MeshError, Overloaded
from ..messages.rule import RetryPolicy
from ..routing.retry_on import RetryOn, absent, hopeless
from .call import Call
from .filter import Next
from .idempotence import REPLAYABLE, does_no_harm
from .trail import error_type
from .wait import pause

CEILING = 10
"""The longest wait, as a multiple of the base (Envoy's default)."""


def picks_anew(call: Call, outcome: ReplyFrame | MeshError) -> bool:
    """Return whether another attempt is no retry: the instance was not there for calls, and another one may be.

    Instances leave, and are missed a moment later; no call may be lost to that, and nobody was put to work. So neither
    budget nor tokens are asked.
    """
    return call.untried > 0 and absent(outcome)


class Retry:
    """Tries again, at once on an instance that was not tried yet, after a wait on one that was.

    Waits have full jitter: `rand[0, min((2**n - 1) * base, 10 * base))` seconds before retry n (Envoy).
    """

    def __init__(self, policy: RetryPolicy, deadlines: Deadlines, rng: random.Random) -> None:
        self._attempts = policy.attempts
        self._base = policy.backoff
        self._per_try = policy.per_try_timeout
        self._on = RetryOn(policy.on) if policy.on else None
        self.heeds_answers = self._on is not None and self._on.heeds_answers
        """Whether answers of the service may be tried again, not failures of the mesh alone."""
        self._deadlines = deadlines
        self._rng = rng

    async def __call__(self, call: Call, proceed: Next) -> ReplyFrame:
        """Pass the call on until it is answered, may not be repeated, or has used its attempts."""
        return await self.again(call, await self._once(call, proceed), proceed)

    async def again(self, call: Call, outcome: ReplyFrame | MeshError, proceed: Next) -> ReplyFrame:
        """Go on after `outcome`, which is what the first attempt came to."""
        for _ in range(self._attempts):
            retry = len(call.tried)  # a second attempt beside the first is one of them
            if not self.may_repeat(call, outcome):
                break
            seconds, free = 0.0, picks_anew(call, outcome)
            if call.untried <= 0:
                seconds = min((2.0**retry - 1.0) * self._base, CEILING * self._base) * self._rng.random()
                if not _lasts(call, seconds):
                    _note(call, tag.RETRY_REFUSED, outcome, {"plait.reason": "no time is left"})
                    break  # the time is over before the wait is: nothing better than this outcome can come
            pool, budget = call.cluster.pool, call.cluster.budget
            if not pool.may_retry() or not (free or granted(call)):
                _note(call, tag.RETRY_REFUSED, outcome, {"plait.reason": "the budget of retries is spent"})
                break
            _note(call, tag.RETRY, outcome, {"plait.wait_ms": round(seconds * 1e3, 3)})
            pool.retrying += 1
            try:
                if seconds:
                    await pause(self._deadlines, seconds, call)
                outcome = await self._once(call, proceed)
            finally:
                pool.retrying -= 1
                if not free:
                    budget.end()
        if isinstance(outcome, MeshError):
            try:
                raise outcome
            finally:
                del outcome  # it knows this frame: only the garbage collector would part them
        return outcome

    def may_repeat(self, call: Call, outcome: ReplyFrame | MeshError) -> bool:
        """Return whether there may be another attempt, and time for one; budgets are not asked.

        An answer below which retries were made is not tried again: it would multiply what has not helped.
        """
        if isinstance(outcome, MeshError):
            wanted = self._repeats(call, outcome)
        else:
            wanted = self._on is not None and not outcome.spent and self._on.answer(outcome)
        return (
            wanted
            and len(call.tried) <= self._attempts
            and (len(call.body) <= REPLAYABLE or picks_anew(call, outcome))
            and _lasts(call, 0.0)
        )

    def _repeats(self, call: Call, error: MeshError) -> bool:
        if not call.tried or hopeless(error):
            return False
        if isinstance(error, DeadlineExceeded) and self._per_try is None:
            return False  # the time of the whole call; that of one attempt leaves time for another
        others = call.cluster.endpoints
        if isinstance(error, Overloaded) and others and all(one in call.tried for one in others):
            return False  # whoever has too much gets no more: only somebody else can take it
        return does_no_harm(call, error) if self._on is None else self._on.failure(error)

    async def _once(self, call: Call, proceed: Next) -> ReplyFrame | MeshError:
        """Make one attempt, within its own time limit where it has one, and within the call's where that is nearer.

        A failure is returned: an error that a frame holds through which it was raised would wait for the collector.
        """
        outer = call.limit
        if self._per_try is not None:
            end = asyncio.get_running_loop().time() + self._per_try
            call.limit = end if outer is None or end < outer else outer
        try:
            return await proceed(call)
        except MeshError as error:
            return error
        finally:
            call.limit = outer

    @property
    def limits_attempts(self) -> bool:
        """Whether each attempt has a time limit of its own."""
        return self._per_try is not None


def granted(call: Call) -> bool:
    """Return whether the request has a token left and its destination's budget allows one more attempt.

    A token that the budget does not honour is gone all the same: who called sees that something was spent here, and
    does not try again what was given up here.
    """
    if call.purse is not None and not call.purse.spend():
        return False
    return call.cluster.budget.take(asyncio.get_running_loop().time())


def _note(call: Call, name: str, outcome: ReplyFrame | MeshError, more: dict[str, Value]) -> None:
    if call.trail is not None:
        call.trail.event(name, {tag.ATTEMPT: call.attempts + 1, tag.ERROR_TYPE: error_type(outcome), **more})


def _lasts(call: Call, seconds: float) -> bool:
    """Return whether the call has more than `seconds` left, by its own limit and its caller's."""
    now = asyncio.get_running_loop().time() + seconds
    return (call.limit is None or now < call.limit) and (call.expires is None or now < call.expires)
