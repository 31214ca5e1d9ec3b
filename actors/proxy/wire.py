"""One attempt on the wire: a frame to one endpoint, and the reply or the reason why there is none."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count

from ..bus.bus import Bus, Subscription
from ..loop.timer import Deadlines
from ..messages.codec import encode
from ..messages.envelope import VERSION, CallFrame, ReplyFrame
from ..messages.error import (
    MeshError,
)
from ..messages.subject import Subjects
from .call import Call, Caller
from .disrupted import Disruptions
from .endpoint import Endpoint
from .waiting import GRACE, Done, Waiting

Accept = Callable[[bytes, bytes, Callable[[bytes], object]], None]
"""An instance of this very node takes a frame: payload, the call's key, where the reply goes."""

Stop = Callable[[bytes], object]
"""An instance of this very node hears that nobody waits for a call any more: the call's key."""


class Wire:
    """The caller's side of the data connection."""

    def __init__(
        self, bus: Bus, subjects: Subjects, deadlines: Deadlines, clock: Callable[[], float] | None = None
    ) -> None:
        self.bus = bus
        self.deadlines = deadlines
        self.waiting: dict[bytes, Waiting] = {}
        """Attempts that wait for their reply, by its subject."""
        self.subjects = subjects
        self.noted: Callable[[Endpoint], object] = lambda endpoint: None
        """Hears, at most once a second for each, of endpoints with attempts that have come to an end."""
        self._loop = asyncio.get_running_loop()
        self.clock = clock or self._loop.time
        self._sweeping = False
        self._count = count(1)
        self._inboxes: dict[str, Subscription] = {}
        self._local: dict[str, Accept] = {}
        self._stops: dict[str, Stop] = {}
        self.disruptions: Disruptions | None = None
        """Faults put in on purpose, while there are some."""

    def open(self, caller: Caller) -> None:
        """Listen for the replies to a caller's calls; flush the bus before the first one."""
        if caller.name not in self._inboxes:
            self._inboxes[caller.name] = self.bus.inbox(self.subjects.replies(caller.name, self.bus.token))

    def close(self, caller: Caller) -> None:
        """Stop listening for a caller's replies; what still waits for one fails."""
        inbox = self._inboxes.pop(caller.name, None)
        if inbox is not None:
            inbox.unsubscribe()
        for waiting in [each for each in self.waiting.values() if each.call.caller is caller]:
            waiting.lost()

    def attach(self, instance: str, accept: Accept, stop: Stop) -> None:
        """Calls to this instance need no bus: it lives in this node."""
        self._local[instance], self._stops[instance] = accept, stop

    def detach(self, instance: str) -> None:
        """The instance no longer takes calls here."""
        self._local.pop(instance, None)
        self._stops.pop(instance, None)

    def send(self, endpoint: Endpoint, call: Call, done: Done) -> Waiting:
        """Send one attempt; `done` takes what comes of it.

        Raises:
            TooLarge, BusUnavailable, Overloaded: nothing was sent; `done` is not called.
        """
        addresses = endpoint.addresses.get((call.caller.name, call.method))
        subject, prefix = addresses or self._address(endpoint, call)
        reply = prefix + b"%d" % next(self._count)
        limit, expires, now = call.limit, call.expires, self.clock()
        nearer = limit
        if expires is not None and (limit is None or expires <= limit):
            nearer, limit = expires, None  # the caller itself will be cancelled then
        lent = 0 if call.purse is None else call.purse.lend()
        traceparent, trail, span = call.traceparent, call.trail, None
        if trail is not None:
            traceparent, span = trail.send(endpoint)
        frame = CallFrame(
            VERSION,
            call.number,
            call.attempts,
            call.method,
            call.authority,
            call.path,
            call.query,
            call.headers,
            call.body,
            None if nearer is None else max(0, int((nearer - now) * 1e6)),
            traceparent,
            call.tracestate,
            call.baggage,
            call.caller.service,
            call.cluster.service,
            call.cluster.subset,
            call.chain,
            lent,
            call.revision,
            call.hash_key,
            call.idempotency_key,
            call.flags,
        )
        waiting = Waiting(self, endpoint, call, reply, done, call.cluster, now, lent=lent, span=span)
        accept = self._local.get(endpoint.instance.id)
        faults = self.disruptions
        try:
            if faults is not None and faults.strike(waiting, partial(self._deliver, subject, frame, waiting)):
                pass  # it is delivered later, or never
            elif accept is None:
                self.bus.request(subject, encode(frame), reply, waiting.arrived)
            else:
                self._loop.call_soon(accept, encode(frame), reply, waiting.arrived)
        except MeshError as error:
            if call.purse is not None:
                call.purse.give_back(lent, 0)
            if trail is not None:
                trail.unsent(span, error)
            raise
        waiting.attempt = call.attempts
        waiting.begin(limit)
        if not self._sweeping and limit is None:
            self._sweep()
        return waiting

    def _deliver(self, subject: bytes, frame: CallFrame, waiting: Waiting) -> None:
        """Send what a fault has held up."""
        accept = self._local.get(waiting.endpoint.instance.id)
        if accept is None:
            self.bus.request(subject, encode(frame), waiting.reply, waiting.arrived)
        else:
            self._loop.call_soon(accept, encode(frame), waiting.reply, waiting.arrived)

    def _sweep(self) -> None:
        """Look once a second for calls whose inherited deadline nobody heeded, while there are calls."""
        now = self.clock()
        for waiting in list(self.waiting.values()):
            waiting.overdue(now)
        self._sweeping = bool(self.waiting)
        if self._sweeping:
            self.deadlines.at(now + GRACE, self._sweep)

    def _address(self, endpoint: Endpoint, call: Call) -> tuple[bytes, bytes]:
        instance, caller = endpoint.instance, call.caller.name
        subject = self.subjects.call(instance.service, call.method.lower(), instance.id, caller)
        prefix = self.subjects.reply_prefix(instance.service, caller, self.bus.token)
        if len(endpoint.addresses) < 1000:  # methods come from outside
            endpoint.addresses[caller, call.method] = subject, prefix
        return subject, prefix

    def give_up(self, endpoint: Endpoint, call: Call, reply: bytes) -> None:
        """Drop a late reply, and tell the instance that nobody waits for it."""
        self.bus.forget(reply)
        instance = endpoint.instance
        stop = self._stops.get(instance.id)
        if stop is not None:
            self._loop.call_soon(stop, reply)  # behind the call itself
            return
        with suppress(MeshError):  # without a bus there is nobody to tell
            self.bus.publish(self.subjects.cancel(instance.service, instance.id, call.caller.name), reply)

    def gone(self, endpoint: Endpoint) -> None:
        """Fail what waits for an instance that is known to be dead."""
        for waiting in list(self.waiting.values()):
            waiting.gone(endpoint)


def resolver(future: "asyncio.Future[ReplyFrame]") -> Done:
    """Return what sets `future` to what came of an attempt."""

    def done(outcome: ReplyFrame | MeshError) -> None:
        if future.done():
            return
        if isinstance(outcome, MeshError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    return done
