"""Retries: the mechanism of trying a call again on another instance, and the rule of when that is safe."""

import asyncio
import random

from ..loop.timer import Deadlines
from ..messages.envelope import ReplyFrame
from ..messages.error import Code, DeadlineExceeded, MeshError, NoEndpoints, Processed
from .call import Call
from .filter import Next
from .wait import pause

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110, 9.2.1): they may run twice."""

CEILING = 10
"""The longest wait, as a multiple of the base (Envoy's default)."""


def may_repeat(call: Call, error: MeshError) -> bool:
    """Return whether another attempt does no harm: the call was not processed, or it may run twice.

    A call whose time is over is never tried again, nor one that nobody could take or that is wrong wherever it goes.
    """
    if isinstance(error, DeadlineExceeded | NoEndpoints) or error.code is Code.INVALID_ARGUMENT:
        return False
    if error.processed is Processed.NO:
        return bool(call.tried)
    return error.processed is Processed.MAYBE and (call.method in SAFE_METHODS or bool(call.idempotency_key))


class Retry:
    """Tries again, at once on an instance that was not tried yet, after a wait on one that was.

    Waits have full jitter: `rand[0, min((2**n - 1) * base, 10 * base))` seconds before retry n (Envoy).
    """

    def __init__(self, attempts: int, base: float, deadlines: Deadlines, rng: random.Random) -> None:
        self._attempts = attempts
        self._base = base
        self._deadlines = deadlines
        self._rng = rng

    async def __call__(self, call: Call, proceed: Next) -> ReplyFrame:
        """Pass the call on until it is answered, may not be repeated, or has used its attempts."""
        try:
            return await proceed(call)
        except MeshError as error:
            return await self.again(call, error, proceed)

    async def again(self, call: Call, error: MeshError, proceed: Next) -> ReplyFrame:
        """Go on after the first attempt has failed with `error`."""
        for retry in range(1, self._attempts + 1):
            if not self.may_repeat(call, error):
                raise error
            if call.untried <= 0:
                bound = min((2.0**retry - 1.0) * self._base, CEILING * self._base)
                await pause(self._deadlines, bound * self._rng.random(), call)
            try:
                return await proceed(call)
            except MeshError as latest:
                error = latest
        raise error

    def may_repeat(self, call: Call, error: MeshError) -> bool:
        """Return whether there may be another attempt, and time for one."""
        if self._attempts <= 0 or not may_repeat(call, error):
            return False
        return call.limit is None or asyncio.get_running_loop().time() < call.limit
