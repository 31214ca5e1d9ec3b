"""The called side: frames from the bus become mail for an instance, and its answers become replies.

The order inbound: decode, stall barrier, deadline, then the cell's concurrency limit and mailbox. Every call whose
caller may still wait is answered; refusals say that the call was not processed.
"""

from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from typing import Protocol

from ..bus.bus import Bus, Subscription
from ..loop.timer import Deadline, Deadlines
from ..messages.codec import decode_call, encode
from ..messages.envelope import VERSION, CallFrame, Headers, ReplyFrame
from ..messages.error import CallCycle, Draining, HandlerFailed, MeshError, MissedDeadline, Overloaded, Stalled, TooDeep
from ..messages.instance import Instance
from ..messages.load import LoadReport
from ..messages.priority import HEADER, Priority, priority_of
from ..messages.resilience import Resilience
from ..messages.subject import Subjects
from ..runtime.cell import Cell
from ..runtime.context import DEPTH, current
from ..runtime.mailbox import Mail
from .arrival import Arrivals
from .backlog import Backlog
from .concurrency import ConcurrencyLimit
from .meter import WINDOW, Meter

Respond = Callable[[bytes], object]


class Answer(Protocol):
    """What a service's handler comes to."""

    status: int
    headers: Headers
    body: bytes
    degraded: tuple[str, ...]


class Served(Mail, kw_only=True, eq=False):
    """One call in the hands of an instance; it answers on the bus. It is its own message."""

    owner: "Inbound"
    frame: CallFrame
    key: bytes
    """The reply subject, which names the call."""
    respond: Respond | None
    """Where the reply goes; None for the bus."""
    caller: bytes
    """Who called, as the subject proves; empty for this very node."""
    expiry: Deadline | None = None
    ended: bool = False
    began: float = 0.0
    """When it was taken; 0 where it was refused before."""

    @property
    def urgency(self) -> Priority:
        """How much the call matters; only looked at where not all can be handled."""
        frame = self.frame
        said = priority_of(frame.baggage.get(HEADER))
        if said is None:
            said = next((one for name, value in frame.headers if name == HEADER and (one := priority_of(value))), None)
        return Priority.DEFAULT if said is None else said

    def urgent(self) -> Priority:
        """Return its urgency."""
        return self.urgency

    def answer(self, value: Answer) -> None:
        """Send the service's answer."""
        if self.ended:
            return
        owner, status = self.owner, value.status
        if owner.limit is not None and self.began:
            owner.learn(self.began)
        if status >= 500:
            owner.meter.failures += 1
        load = None if self.caller in owner.told else owner.load_for(self.caller)
        spent, degraded = self._spent(), value.degraded
        self._end(ReplyFrame(VERSION, status, value.headers, value.body, 0, spent, load, degraded=degraded))

    def fail(self, error: BaseException) -> None:
        """Send why there is none."""
        if self.ended:
            return
        known = error if isinstance(error, MeshError) and error.cause else HandlerFailed()
        owner = self.owner
        owner.meter.failures += 1
        load = None if self.caller in owner.told else owner.load_for(self.caller)
        self._end(ReplyFrame(VERSION, 500, [], str(known).encode(), known.cause, self._spent(), load))

    def _spent(self) -> int:
        """How many retries were made on behalf of this call."""
        context = None if self.context is None else self.context.get(current)
        return 0 if context is None or context.purse is None else context.purse.spent

    def _end(self, reply: ReplyFrame) -> None:
        self.close()
        if self.owner.arrivals is not None:
            self.owner.arrivals.ended(self.caller, self.frame, reply, self.began)
        try:
            if self.respond is None:
                self.owner.publish(self.key, encode(reply))
            else:
                self.respond(encode(reply))
        # Too large for the bus, no bus, or nothing that a frame can hold: the caller must at least not wait in vain.
        except (MeshError, TypeError, ValueError, OverflowError) as error:
            self.owner.refuse(self.key, self.respond, HandlerFailed(f"the reply could not be sent: {error}"))

    def expire(self) -> None:
        """Nobody waits any more: stop, and say nothing, for an error seen a moment early could still be caught."""
        if self.ended:
            return
        self.close()
        if self.owner.arrivals is not None:
            self.owner.arrivals.ended(self.caller, self.frame, None, self.began)
        self.deadline = 0.0  # where it still waits in the mailbox it is dropped when its turn comes
        if self.task is not None:
            self.task.cancel()

    def close(self) -> None:
        """The call is over, whatever became of it."""
        self.ended = True
        self.message = None  # it named itself: without this only the garbage collector would free it
        self.owner.calls.pop(self.key, None)
        if self.expiry is not None:
            self.expiry.cancel()


class Inbound:
    """Takes calls for one instance."""

    def __init__(
        self,
        instance: Instance,
        cell: Cell,
        bus: Bus,
        deadlines: Deadlines,
        clock: Callable[[], float],
        undecodable: Callable[[str, MeshError], None],
        meter: Meter | None = None,
        arrivals: Arrivals | None = None,
    ) -> None:
        self.instance = instance
        self.meter = meter or Meter()
        self.arrivals = arrivals
        self.told: set[bytes] = set()
        """Callers that have the last report of how busy the instance is."""
        self.cell = cell
        self.publish = bus.publish
        self._bus = bus
        self._deadlines = deadlines
        self._clock = clock
        self._undecodable = undecodable
        self.calls: dict[bytes, Served] = {}
        """Calls that are not answered yet, by their reply subject."""
        self._subscriptions: list[Subscription] = []
        self._callers: dict[bytes, bytes] = {}
        self._draining = False
        self._backlog = Backlog(bus, clock)
        self.limit: ConcurrencyLimit | None = None
        """How many calls it takes, where a policy asks for that."""

    def open(self, subjects: Subjects) -> None:
        """Subscribe; flush the bus before the instance is announced."""
        service, name = self.instance.service, self.instance.id
        self._prefix = subjects.prefix.encode() + b"rsp." + service.encode() + b"."
        self._subscriptions = [
            self._bus.subscribe(subjects.calls_to(service, name), self._deliver),
            self._bus.subscribe(subjects.cancels_to(service, name), self._cancel),
        ]

    def drain(self) -> None:
        """Refuse new calls as not processed; those in hand go on."""
        self._draining = True

    def close(self) -> None:
        """Listen no more."""
        self._backlog.close()
        for subscription in self._subscriptions:
            subscription.unsubscribe()
        self._subscriptions = []

    @property
    def active(self) -> int:
        """Calls that are not answered yet."""
        return len(self.calls)

    # What it says of its load

    def load(self) -> LoadReport:
        """Return how busy the instance is, the same report for a tenth of a second."""
        cell = self.cell
        mailbox = cell.mailbox
        return self.meter.report(self._clock(), cell.busy, len(mailbox), cell.spec.concurrency or 0, mailbox.waited)

    def load_for(self, caller: bytes) -> LoadReport:
        """Return the report for a caller that has not heard the last one."""
        if not self.told:
            self._deadlines.at(self._clock() + WINDOW, self.told.clear)
        self.told.add(caller)
        return self.load()

    # What comes

    def _deliver(self, subject: bytes, reply: bytes, payload: bytes, _: bytes) -> None:
        caller = subject[subject.rfind(b".") + 1 :]
        prefix = self._callers.get(caller)
        if prefix is None:
            prefix = self._prefix + caller + b"."
            if len(self._callers) < 10_000:
                self._callers[caller] = prefix
        if not reply.startswith(prefix):
            # Only the caller that the subject proves may be answered, and only in this service's name: else a call
            # could make the instance publish anywhere.
            self._undecodable(caller.decode("ascii", "replace"), MeshError("the reply subject is not the caller's own"))
            return
        self._accept(payload, reply, None, self._bus.stalled, caller)

    def accept(self, payload: bytes, key: bytes, respond: Respond) -> None:
        """Take a call from this very node."""
        self._accept(payload, key, respond, False, b"")

    def _accept(self, payload: bytes, key: bytes, respond: Respond | None, stalled: bool, caller: bytes) -> None:
        try:
            frame = decode_call(payload)
        except MeshError as error:
            self._undecodable(key.split(b".")[-3:][0].decode("ascii", "replace"), error)
            self.refuse(key, respond, error)
            return
        self.meter.requests += 1
        served = Served(None, context=Context(), owner=self, frame=frame, key=key, respond=respond, caller=caller)
        served.message = served
        if stalled:
            served.fail(Stalled())
        elif self.cell.turn_based and self.instance.id in frame.chain:
            path = " → ".join((*frame.chain[frame.chain.index(self.instance.id) :], self.instance.id))
            served.fail(CallCycle(f"{path}: it handles one call at a time, so it would wait for itself"))
        elif len(frame.chain) > DEPTH:
            served.fail(TooDeep(f"more than {DEPTH} calls wait for each other: {' → '.join(frame.chain[-4:])}"))
        elif self._draining:
            served.fail(Draining())
        elif frame.timeout is not None and frame.timeout <= 0:
            served.fail(MissedDeadline())
        elif respond is None and self._backlog.late(served.urgent):
            served.fail(Overloaded("the call has waited on the line for too long"))
        elif self.limit is not None and not self.limit.takes(len(self.calls), served.urgency):
            served.fail(Overloaded("the instance has as many calls in hand as it does well"))
        else:
            self._take(served, frame)

    def use(self, resilience: Resilience) -> None:
        """Treat calls by what is said about the instance's own service from now on."""
        asked = resilience.concurrency
        if asked != (None if self.limit is None else self.limit.asked):
            self.limit = None if asked is None else ConcurrencyLimit(asked)

    def learn(self, began: float) -> None:
        """A call that was taken at `began` has been answered."""
        if self.limit is not None:
            self.limit.ended(self._clock() - began, len(self.calls))

    def _take(self, served: Served, frame: CallFrame) -> None:
        now = self._clock()
        deadline = None if frame.timeout is None else now + frame.timeout * 1e-6
        served.deadline = deadline
        served.began = now
        self.calls[served.key] = served
        try:
            self.cell.deliver(served)
        except MeshError as error:
            served.fail(error)
            return
        self._backlog.worked(self._clock() - now)
        if deadline is not None and served.key in self.calls:
            served.expiry = self._deadlines.at(deadline, served.expire)

    def refuse(self, key: bytes, respond: Respond | None, error: MeshError) -> None:
        """Answer with an error, where the bus lets it."""
        data = encode(ReplyFrame(VERSION, 500, [], str(error).encode(), error.cause))
        with suppress(MeshError):  # no bus: nobody to tell
            if respond is None:
                self.publish(key, data)
            else:
                respond(data)

    def _cancel(self, subject: bytes, _reply: bytes, payload: bytes, _: bytes) -> None:
        caller = subject[subject.rfind(b".") + 1 :]
        if payload.startswith(self._prefix + caller + b"."):
            self.stop(payload)

    def stop(self, key: bytes) -> None:
        """Nobody waits for this call any more; harmless where it has ended."""
        served = self.calls.get(key)
        if served is not None:
            served.expire()
