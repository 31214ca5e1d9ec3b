"""What one destination has under way from this node, its limits, and the calls that wait for a place.

A call over the limits waits or fails here, before anything is sent: a slow destination must not take all that its
callers have. Limits of an instance make calls wait; that of the destination refuses them at once, as Envoy's do.
"""

from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import Protocol

import msgspec

from ...tracing import tag
from ..loop.timer import Deadline, Deadlines
from ..messages import traffic
from ..messages.error import MissedDeadline, PoolOverflow
from .call import Call
from .endpoint import Endpoint
from .waiting import GRACE, Done, Waiting, as_told

DEFAULT = traffic.Pool()
"""Where no rule says anything: finite, and far above what a healthy destination needs."""

NONE = traffic.Pool(2**31, 0, 2**31, 2**31)
"""No limits: for what no policy is about, such as events and copies."""

PER_INSTANCE, PENDING, REQUESTS, RETRIES = "per_instance", "pending", "requests", "retries"
"""The limits by their names in metrics."""


class Sender(Protocol):
    """What a waiting call needs of its attempt."""

    def pick(self, call: Call) -> Endpoint | None:
        """Return the instance that the attempt goes to, None while none has a place."""
        ...

    def launch(self, endpoint: Endpoint, call: Call, done: Done) -> Waiting:
        """Send the attempt."""
        ...


class Pending(msgspec.Struct, eq=False):
    """One attempt that waits for a place; once it has one, it stands for the attempt under way."""

    pool: "Pool"
    sender: Sender
    call: Call
    done: Done
    deadline: Deadline | None = None
    waiting: Waiting | None = None

    def cancel(self) -> None:
        """Nobody waits any more. Harmless after the end."""
        if self.waiting is not None:
            self.waiting.cancel()
        else:
            self.leave()

    def leave(self) -> bool:
        """Give the place in the queue up; return whether there was one."""
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
        return self.pool.drop(self)

    def go(self, endpoint: Endpoint) -> None:
        """There is a place: send it."""
        if self.call.trail is not None:
            self.call.trail.event(tag.DEQUEUED, {tag.UPSTREAM_INSTANCE: endpoint.instance.id})
        try:
            self.waiting = self.sender.launch(endpoint, self.call, self.done)
        except Exception as error:  # it is one of other calls that has just ended: that is not to blame for this one
            self.done(as_told(error))

    def late(self) -> None:
        """Its time is over, and certainly nobody has worked on it."""
        if self.leave():
            self.done(MissedDeadline("the time was over before an instance had a place for the call"))


class Pool:
    """Counts what is under way to one destination, and keeps its queue in the order of arrival."""

    __slots__ = ("_endpoints", "active", "limits", "overflowed", "per_instance", "queue", "requests", "retrying")

    def __init__(self) -> None:
        self.limits: traffic.Pool = NONE
        self.per_instance = NONE.per_instance
        """Most attempts in the hands of one instance, whichever destination they are counted for."""
        self.requests = NONE.requests
        """Most attempts under way to the destination."""
        self.active = 0
        """Attempts under way."""
        self.retrying = 0
        """Retries under way."""
        self.queue: OrderedDict[Pending, None] = OrderedDict()
        """Attempts that wait for a place, the first one first."""
        self.overflowed: Counter[str] = Counter()
        """Attempts and retries refused, by the name of the limit."""
        self._endpoints: tuple[Endpoint, ...] = ()

    def use(self, limits: traffic.Pool) -> None:
        """Have these limits from now on; what is over them already goes on."""
        if limits != self.limits:
            self.limits, self.per_instance, self.requests = limits, limits.per_instance, limits.requests
            self.wake()

    def overflow(self, limit: str) -> PoolOverflow:
        """Count a refusal and return its error."""
        self.overflowed[limit] += 1
        return PoolOverflow(f"{PoolOverflow.sentence}: {_WORDS[limit].format(getattr(self.limits, limit))}")

    def may_retry(self) -> bool:
        """Return whether one more retry may be under way; count it among the refused where not."""
        if self.retrying < self.limits.retries:
            return True
        self.overflowed[RETRIES] += 1
        return False

    # The queue

    def join(
        self, sender: Sender, call: Call, done: Done, endpoints: Sequence[Endpoint], deadlines: Deadlines
    ) -> Pending:
        """Have an attempt wait for a place at one of `endpoints`.

        Raises:
            PoolOverflow: as many wait as may.
        """
        if len(self.queue) >= self.limits.pending:
            raise self.overflow(PENDING)
        pending = Pending(self, sender, call, done)
        limit, expires = call.limit, call.expires
        if expires is not None and (limit is None or expires <= limit):
            limit = expires + GRACE  # the caller is cancelled when what it inherited ends; only who was left sees more
        if limit is not None:
            pending.deadline = deadlines.at(limit, pending.late)
        if not self.queue:
            self._await(tuple(endpoints))
        self.queue[pending] = None
        if call.trail is not None:
            call.trail.event(tag.QUEUED, {"plait.waiting": len(self.queue)})
        return pending

    def drop(self, pending: Pending) -> bool:
        """Take one out of the queue; return whether it was there."""
        if pending not in self.queue:
            return False
        del self.queue[pending]
        if not self.queue:
            self._await(())
        return True

    def wake(self) -> None:
        """A place may be free: whoever has waited longest gets it."""
        while self.queue:
            first = next(iter(self.queue))
            try:
                endpoint = first.sender.pick(first.call)
            except Exception as error:  # whatever it is, nobody waits for ever behind it
                first.leave()
                first.done(as_told(error))
                continue
            if endpoint is None:
                return
            first.leave()
            first.go(endpoint)

    def follow(self, endpoints: tuple[Endpoint, ...]) -> None:
        """Others may be picked from now on: whoever waits, waits for these."""
        if self.queue:
            self._await(endpoints)
            self.wake()

    def _await(self, endpoints: tuple[Endpoint, ...]) -> None:
        """Hear when one of these instances has a place; nobody else's endpoints are asked to tell."""
        for one in self._endpoints:
            one.awaited = tuple(pool for pool in one.awaited if pool is not self)
        for one in endpoints:
            one.awaited = (*one.awaited, self)
        self._endpoints = endpoints


_WORDS = {
    PENDING: "{} calls wait already",
    REQUESTS: "{} calls are under way",
}
