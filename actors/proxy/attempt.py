"""The innermost step: pick an instance, call it, take note of what came of it."""

from collections.abc import Awaitable

from ..messages.envelope import ReplyFrame
from .call import Call
from .wire import Wire


class Attempt:
    """One attempt on one instance; retries come here again."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def __call__(self, call: Call) -> Awaitable[ReplyFrame]:
        """Pick and call; a plain function that hands on the wire's coroutine, which saves one of its own.

        Raises:
            NoEndpoints: the destination has no instance.
            MeshError: as `Wire.exchange`.
        """
        cluster = call.cluster
        endpoint = cluster.pick(call.tried)
        call.tried.append(endpoint)
        call.attempts += 1
        call.untried = len(cluster.endpoints) - len(call.tried)
        return self._wire.exchange(endpoint, call)
