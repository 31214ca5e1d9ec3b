"""The innermost step: pick an instance, call it, take note of what came of it."""

from collections.abc import Awaitable, Sequence

from ..messages.envelope import ReplyFrame
from .call import Call
from .endpoint import Endpoint
from .waiting import Done, Waiting
from .wire import Wire

NOBODY: tuple[Endpoint, ...] = ()


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
        hashing, tried = cluster.hashing, call.tried
        endpoint = cluster.pick(tried) if hashing is None else hashing.pick(call, tried, cluster)
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


class AnyAttempt(Attempt):
    """An attempt that may go to an instance that was tried before (`retryIgnorePreviousHosts: false`)."""

    def pick(self, call: Call) -> Endpoint:
        """Pick any instance; none counts as untried, so that each retry waits.

        Raises:
            NoEndpoints: the destination has no instance.
        """
        endpoint = call.cluster.choose(call, NOBODY)
        call.tried.append(endpoint)
        call.attempts += 1
        call.untried = 0
        return endpoint


class DistantAttempt(Attempt):
    """An attempt that, where it is a retry, leaves the localities that were tried (`retryRemoteLocalities`)."""

    def pick(self, call: Call) -> Endpoint:
        """Pick an instance of another locality than those of the attempts before, where there is one.

        Raises:
            NoEndpoints: the destination has no instance.
        """
        cluster, tried = call.cluster, call.tried
        avoided: Sequence[Endpoint] = tried
        if tried:
            seen = {one.instance.locality for one in tried}
            near = [one for one in cluster.endpoints if one.instance.locality in seen]
            if len(near) < len(cluster.endpoints):
                avoided = near
        endpoint = cluster.choose(call, avoided)
        tried.append(endpoint)
        call.attempts += 1
        call.untried = len(cluster.endpoints) - len(tried)
        return endpoint
