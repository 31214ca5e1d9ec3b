"""Fault injection: delays and aborts put in on purpose, drawn apart from each other."""

import random

from ...tracing import tag
from ..loop.timer import Deadlines
from ..messages import rule
from ..messages.envelope import ReplyFrame
from ..messages.error import FaultInjected
from .call import Call
from .filter import Next
from .wait import pause


class Fault:
    """Holds a share of the calls up, answers a share of them itself."""

    def __init__(self, policy: rule.Fault, deadlines: Deadlines, rng: random.Random) -> None:
        self._policy = policy
        self._deadlines = deadlines
        self._rng = rng

    async def __call__(self, call: Call, proceed: Next) -> ReplyFrame:
        """Delay first, then abort, as Envoy's fault filter does.

        Raises:
            FaultInjected: the call is one of those to abort.
        """
        policy = self._policy
        if policy.delay and self._rng.random() * 100.0 < policy.delay_percent:
            if call.trail is not None:
                call.trail.event(tag.FAULT, {"plait.fault": "delay", "plait.wait_ms": policy.delay * 1e3})
            call.delayed = True
            await pause(self._deadlines, policy.delay, call)
        if policy.abort_status and self._rng.random() * 100.0 < policy.abort_percent:
            if call.trail is not None:
                call.trail.event(tag.FAULT, {"plait.fault": "abort", tag.HTTP_STATUS: policy.abort_status})
            raise FaultInjected(policy.abort_status)
        return await proceed(call)
