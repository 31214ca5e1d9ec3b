"""The innermost step: pick an instance, call it, take note of what came of it."""

from collections.abc import Awaitable

from ..messages.envelope import ReplyFrame
from .call import Call
from .endpoint import Endpoint
from .wire import Done, Waiting, Wire


class Attempt:
    """One attempt on one instance; retries come here again."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def pick(self, call: Call) -> Endpoint:
        """Pick the instance for the next attempt and note it in the call.

        Raises:
            NoEndpoints: the destination has no instance.
        """
        cluster = call.cluster
        endpoint = cluster.pick(call.tried)
        call.tried.append(endpoint)
        call.attempts += 1
        call.untried = len(cluster.endpoints) - len(call.tried)
        return endpoint

    def __call__(self, call: Call) -> Awaitable[ReplyFrame]:
        """Pick and call; a plain function that hands on the wire's coroutine, which saves one of its own.

        Raises:
            NoEndpoints: the destination has no instance.
            MeshError: as `Wire.exchange`.
        """
        return self._wire.exchange(self.pick(call), call)

    def send(self, call: Call, done: Done) -> Waiting:
        """Pick and send; `done` takes what comes of it.

        Raises:
            NoEndpoints: the destination has no instance.
            MeshError: nothing was sent.
        """
        return self._wire.send(self.pick(call), call, done)
