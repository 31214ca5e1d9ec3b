"""The innermost step: pick an instance that has a place, call it; where none has one, wait for it."""

import asyncio
from collections.abc import Sequence

from ..messages.envelope import ReplyFrame
from .call import Call
from .endpoint import Endpoint
from .idempotence import REPLAYABLE, may_run_twice
from .pool import REQUESTS, Pending
from .waiting import Done, Waiting
from .wire import Wire, resolver

NOBODY: tuple[Endpoint, ...] = ()


class Attempt:
    """One attempt on one instance; retries come here again."""

    def __init__(self, wire: Wire, beside: int = 0) -> None:
        """`beside` are the attempts after the first that may begin while another is under way."""
        self._wire = wire
        self._beside = beside

    def pick(self, call: Call) -> Endpoint | None:
        """Pick the instance for the next attempt and note it in the call; None while all of them are full.

        Raises:
            NoEndpoints: the destination has no instance.
            PoolOverflow: as many attempts are under way to the destination as may.
        """
        cluster, avoided = call.cluster, self.avoided(call)
        pool, hashing = cluster.pool, cluster.hashing
        if pool.active >= pool.requests:
            raise pool.overflow(REQUESTS)
        probed = None if cluster.tripped is None else cluster.tripped.probe(call)
        if probed is not None:
            endpoint = probed
        else:
            endpoint = cluster.pick(avoided) if hashing is None else hashing.pick(call, avoided, cluster)
        if probed is None and endpoint.active >= pool.per_instance:
            roomy = cluster.choose_with_room(call, avoided)
            if roomy is None:
                return None
            endpoint = roomy
        call.tried.append(endpoint)
        call.attempts += 1
        call.untried = len(cluster.endpoints) - len(call.tried)
        return endpoint

    def avoided(self, call: Call) -> Sequence[Endpoint]:
        """Return whom the next attempt leaves alone where there is somebody else: those that were tried."""
        return call.tried

    async def __call__(self, call: Call) -> ReplyFrame:
        """Pick and call, and wait for the reply.

        Raises:
            NoEndpoints, PoolOverflow: as `pick`.
            MeshError: there is no reply that the service itself gave; `processed` says what became of the call.
        """
        future: asyncio.Future[ReplyFrame] = asyncio.get_running_loop().create_future()
        waiting = self.send(call, resolver(future))
        try:
            return await future
        finally:
            waiting.cancel()
            del future, waiting  # they know the error, which knows this frame: only the collector would part them

    def send(self, call: Call, done: Done) -> Waiting | Pending:
        """Pick and send, at once or when an instance has a place; `done` takes what comes of it.

        Raises:
            NoEndpoints, PoolOverflow: as `pick`; the latter also where too many wait already.
            NotAdmitted: too many attempts fail, and this is one of those that are not sent.
            MeshError: nothing was sent.
        """
        if call.cluster.admission is not None:  # once, not again whenever it might have a place
            call.cluster.admission.check()
        endpoint = self.pick(call)
        if endpoint is None:
            return call.cluster.pool.join(self, call, done, call.cluster.endpoints, self._wire.deadlines)
        return self.launch(endpoint, call, done)

    def launch(self, endpoint: Endpoint, call: Call, done: Done) -> Waiting:
        """Send to an instance that was picked.

        Raises:
            MeshError: nothing was sent.
        """
        waiting = self._wire.send(endpoint, call, done)
        if len(call.tried) <= self._beside and len(call.body) <= REPLAYABLE and may_run_twice(call):
            waiting.cluster.pace.watch(waiting)
        return waiting


class AnyAttempt(Attempt):
    """An attempt that may go to an instance that was tried before (`retryIgnorePreviousHosts: false`)."""

    def pick(self, call: Call) -> Endpoint | None:
        """Pick any instance; none counts as untried, so that each retry waits.

        Raises:
            NoEndpoints, PoolOverflow: as `Attempt.pick`.
        """
        endpoint = super().pick(call)
        call.untried = 0
        return endpoint

    def avoided(self, call: Call) -> Sequence[Endpoint]:
        """Return nobody."""
        return NOBODY


class DistantAttempt(Attempt):
    """An attempt that, where it is a retry, leaves the localities that were tried (`retryRemoteLocalities`)."""

    def avoided(self, call: Call) -> Sequence[Endpoint]:
        """Return everybody in the localities of the attempts before, unless that is everybody."""
        tried, endpoints = call.tried, call.cluster.endpoints
        if not tried:
            return tried
        seen = {one.instance.locality for one in tried}
        near = [one for one in endpoints if one.instance.locality in seen]
        return near if len(near) < len(endpoints) else tried
