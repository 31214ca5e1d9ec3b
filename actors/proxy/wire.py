"""One attempt on the wire: a frame to one endpoint, and the reply or the reason why there is none."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import count

from ..messages.codec import decode_reply, encode
from ..messages.envelope import VERSION, CallFrame, ReplyFrame
from ..messages.error import (
    CAUSES,
    BadReply,
    DeadlineExceeded,
    InstanceGone,
    MeshError,
    MissedDeadline,
    Processed,
)
from ..messages.subject import Subjects
from ..runtime.bus import Bus, Subscription
from ..runtime.timer import Deadlines
from .call import Call, Caller
from .endpoint import Endpoint

Accept = Callable[[bytes, bytes, Callable[[bytes], object]], None]
"""An instance of this very node takes a frame: payload, the call's key, where the reply goes."""


class Waiting:
    """One attempt that waits for its reply."""

    __slots__ = ("endpoint", "future", "reply")

    def __init__(self, endpoint: Endpoint, reply: bytes, future: "asyncio.Future[bytes]") -> None:
        self.endpoint = endpoint
        self.reply = reply
        self.future = future

    def done(self, outcome: bytes | MeshError) -> None:
        """Take the answer, or why there is none."""
        if not self.future.done():
            if isinstance(outcome, bytes):
                self.future.set_result(outcome)
            else:
                self.future.set_exception(outcome)

    def late(self) -> None:
        """The time limit has ended."""
        self.done(DeadlineExceeded())


class Wire:
    """The caller's side of the data connection."""

    def __init__(
        self, bus: Bus, subjects: Subjects, deadlines: Deadlines, clock: Callable[[], float] | None = None
    ) -> None:
        self._bus = bus
        self._subjects = subjects
        self._deadlines = deadlines
        self._loop = asyncio.get_running_loop()
        self._clock = clock or self._loop.time
        self._count = count(1)
        self._waiting: dict[bytes, Waiting] = {}
        self._inboxes: dict[str, Subscription] = {}
        self._local: dict[str, Accept] = {}

    def open(self, caller: Caller) -> None:
        """Listen for the replies to a caller's calls; flush the bus before the first one."""
        if caller.name not in self._inboxes:
            self._inboxes[caller.name] = self._bus.inbox(self._subjects.replies(caller.name, self._bus.token))

    def close(self, caller: Caller) -> None:
        """Stop listening for a caller's replies."""
        inbox = self._inboxes.pop(caller.name, None)
        if inbox is not None:
            inbox.unsubscribe()

    def attach(self, instance: str, accept: Accept) -> None:
        """Calls to this instance need no bus: it lives in this node."""
        self._local[instance] = accept

    def detach(self, instance: str) -> None:
        """The instance no longer takes calls here."""
        self._local.pop(instance, None)

    @property
    def waiting(self) -> int:
        """Attempts that wait for their reply."""
        return len(self._waiting)

    async def exchange(self, endpoint: Endpoint, call: Call) -> ReplyFrame:
        """Send one attempt and wait for its reply.

        Raises:
            MeshError: there is no reply that the service itself gave; `processed` says what became of the call.
        """
        addresses = endpoint.addresses.get((call.caller.name, call.method))
        subject, prefix = addresses or self._address(endpoint, call)
        reply = prefix + b"%d" % next(self._count)
        end = call.limit
        binding = end is not None and (call.expires is None or end < call.expires)
        nearer = end if binding else call.expires
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
            None if nearer is None else max(0, int((nearer - self._clock()) * 1e6)),
            call.traceparent,
            call.tracestate,
            call.baggage,
            call.caller.service,
            call.cluster.service,
            call.cluster.subset,
            call.chain,
            0,
            call.revision,
            call.hash_key,
            call.idempotency_key,
            call.flags,
        )
        future: asyncio.Future[bytes] = self._loop.create_future()
        waiting = Waiting(endpoint, reply, future)
        accept = self._local.get(endpoint.instance.id)
        if accept is None:
            self._bus.request(subject, encode(frame), reply, waiting.done)
        else:
            self._loop.call_soon(accept, encode(frame), reply, waiting.done)
        self._waiting[reply] = waiting
        endpoint.active += 1
        deadline = self._deadlines.at(end, waiting.late) if end is not None and binding else None
        answered = False
        try:
            data = await future
            answered = True
        except MeshError as error:
            answered = not isinstance(error, DeadlineExceeded)
            raise
        finally:
            endpoint.active -= 1
            del self._waiting[reply]
            if deadline is not None:
                deadline.cancel()
            if not answered:
                self._give_up(endpoint, call, reply)
        try:
            answer = decode_reply(data)
        except MeshError as error:
            raise BadReply(f"{BadReply.sentence}: {error}") from error
        if answer.cause:
            kind = CAUSES.get(answer.cause, MeshError)
            if kind.processed is not Processed.YES:
                if issubclass(kind, MissedDeadline) and not binding and call.expires is not None:
                    # The inherited deadline has ended there a moment before it ends here: the caller is about to be
                    # cancelled and must not see an error first.
                    await self._loop.create_future()
                raise kind(answer.body.decode("utf-8", "replace"))
        return answer

    def _address(self, endpoint: Endpoint, call: Call) -> tuple[bytes, bytes]:
        instance, caller = endpoint.instance, call.caller.name
        subject = self._subjects.call(instance.service, call.method.lower(), instance.id, caller)
        prefix = self._subjects.reply_prefix(instance.service, caller, self._bus.token)
        if len(endpoint.addresses) < 1000:  # methods come from outside
            endpoint.addresses[caller, call.method] = subject, prefix
        return subject, prefix

    def _give_up(self, endpoint: Endpoint, call: Call, reply: bytes) -> None:
        """Nobody waits any more: drop a late reply, and tell the instance to stop."""
        self._bus.forget(reply)
        instance = endpoint.instance
        with suppress(MeshError):  # without a bus there is nobody to tell
            self._bus.publish(self._subjects.cancel(instance.service, instance.id, call.caller.name), reply)

    def gone(self, endpoint: Endpoint) -> None:
        """Fail what waits for an instance that is known to be dead."""
        for waiting in [w for w in self._waiting.values() if w.endpoint is endpoint]:
            self._bus.forget(waiting.reply)
            waiting.done(InstanceGone(f"instance {endpoint.instance.id} is gone"))
