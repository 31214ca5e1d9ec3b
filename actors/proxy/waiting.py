"""One attempt that waits for its reply, and everything that may end it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import msgspec

from ..loop.timer import Deadline
from ..messages.cause import CAUSES
from ..messages.codec import decode_reply
from ..messages.envelope import Flag, ReplyFrame
from ..messages.error import (
    BadReply,
    DeadlineExceeded,
    Disconnected,
    FaultInjected,
    InstanceGone,
    MeshError,
    MissedDeadline,
    Processed,
)
from .call import Call
from .endpoint import Endpoint

if TYPE_CHECKING:
    from ...tracing.tracer import ActiveSpan
    from .cluster import Cluster
    from .race import Race
    from .wire import Wire

Done = Callable[[ReplyFrame | MeshError], None]
"""Takes what came of an attempt: the service's own answer, or why there is none; called once."""


class Waiting(msgspec.Struct, eq=False):
    """One attempt that waits for its reply."""

    wire: "Wire"
    endpoint: Endpoint
    call: Call
    reply: bytes
    done: Done
    cluster: "Cluster"
    began: float
    deadline: Deadline | None = None
    over: bool = False
    lent: int = 0
    """Retries that the frame took along."""
    watched: bool = False
    """Whether how long it takes is of interest to the destination's pace."""
    race: "Race | None" = None
    """Where another attempt runs beside it."""
    attempt: int = 1
    """Which of its call's it is."""
    span: "ActiveSpan | None" = None
    """Its own, of a sampled call, where it is not the first."""
    listening: bool = False
    """Whether it goes on for what it tells of the instance alone."""

    def begin(self, limit: float | None) -> None:
        """The frame is on its way; wait until `limit`, or without a limit of the attempt's own."""
        wire = self.wire
        wire.waiting[self.reply] = self
        self.endpoint.active += 1
        self.cluster.pool.active += 1
        if limit is not None:
            self.deadline = wire.deadlines.at(limit, self._late)

    def arrived(self, outcome: bytes | MeshError) -> None:
        """Take the answer, or why there is none."""
        if self.over:
            return
        self._end()
        if type(outcome) is bytes:
            try:
                answer = decode_reply(outcome)
            except MeshError as error:
                self._tell(BadReply(f"{BadReply.sentence}: {error}"))
                return
            if answer.load is not None:
                self.endpoint.report(answer.load, self.wire.clock())
            if not answer.cause or (kind := CAUSES.get(answer.cause, BadReply)).processed is _YES:
                self._tell(answer)
            elif kind is MissedDeadline and self._inherits():
                # The inherited deadline has ended there a moment before it ends here: the caller is about to be
                # cancelled and must not see an error first. Only a task that the caller left behind lives to see one.
                self.wire.deadlines.at(self.wire.clock() + GRACE, self._late)
            else:
                self._tell(self._failure(kind, answer))
        else:
            self._tell(cast("MeshError", outcome))

    def gone(self, endpoint: Endpoint) -> bool:
        """Fail at once where the attempt waits for this endpoint; return whether it did."""
        if self.endpoint is not endpoint:
            return False
        self.wire.bus.forget(self.reply)
        self.arrived(InstanceGone(f"instance {endpoint.instance.id} is gone"))
        return True

    def lost(self) -> None:
        """Fail: the answer could not reach anybody any more."""
        self.wire.bus.forget(self.reply)
        self.arrived(Disconnected("the caller has gone"))

    def cancel(self) -> None:
        """Nobody waits any more: drop a late reply, and tell the instance to stop. Harmless after the end."""
        if self.race is not None:
            self.race.cancel()
        elif not self.over and not self.listening:
            self._end()
            self.wire.give_up(self.endpoint, self.call, self.reply)
            self._record(DeadlineExceeded() if self._ended_by_time() else None)

    def listen(self, until: float, done: Done) -> None:
        """Nobody waits for the answer any more; whether there is one until then says how the instance does."""
        self.done, self.watched, self.listening = done, False, True
        if self.call.trail is not None:
            self.call.trail.ended(self, None)
        if self.deadline is not None:
            self.deadline.cancel()
        self.deadline = self.wire.deadlines.at(until, self._late)

    def overdue(self, now: float) -> None:
        """End it where it inherited a deadline that has long passed: nobody was cancelled then."""
        if self._inherits() and self.call.expires is not None and self.call.expires + GRACE < now:
            self._late()

    def _late(self) -> None:
        error = DeadlineExceeded()
        if not self.over:
            self._end()
            self.wire.give_up(self.endpoint, self.call, self.reply)
            self._record(error)
        self.done(error)

    def _tell(self, outcome: ReplyFrame | MeshError) -> None:
        self._record(outcome)
        self.done(outcome)

    def _record(self, outcome: ReplyFrame | MeshError | None) -> None:
        endpoint, cluster, wire = self.endpoint, self.cluster, self.wire
        now = wire.clock()
        seconds = now - self.began
        if outcome is not None and endpoint.tally.note(outcome, seconds, now):
            wire.noted(endpoint)
        if self.lent and (purse := self.call.purse) is not None:
            if isinstance(outcome, ReplyFrame):
                purse.give_back(self.lent, outcome.spent)
            elif outcome is not None and outcome.processed is Processed.NO:
                purse.give_back(self.lent, 0)
        if self.watched and isinstance(outcome, ReplyFrame):
            cluster.pace.answered(seconds)
        if cluster.judges:
            cluster.record(endpoint, outcome, seconds)
        if self.call.trail is not None and not self.listening:  # else the call's own span has ended
            self.call.trail.ended(self, outcome)

    def _failure(self, kind: type[MeshError], answer: ReplyFrame) -> MeshError:
        """A cause that a later release has brought is a `BadReply`: what became of the call is not known here."""
        if kind is MissedDeadline and self.call.limit is not None:
            return DeadlineExceeded()  # the caller's own limit, which has ended there a moment before it ends here
        if kind is FaultInjected:
            return FaultInjected(answer.status)
        return kind(answer.body.decode("utf-8", "replace"))

    def _inherits(self) -> bool:
        call = self.call
        return call.expires is not None and (call.limit is None or call.expires <= call.limit)

    def _ended_by_time(self) -> bool:
        """Whether the caller that gives up was cancelled at the deadline that it inherited: no change of mind then, but
        an answer that did not come in time."""
        expires = self.call.expires
        return expires is not None and self._inherits() and self.wire.clock() >= expires - EARLY

    def _end(self) -> None:
        self.over = True
        endpoint = self.endpoint
        endpoint.active -= 1
        self.cluster.pool.active -= 1
        del self.wire.waiting[self.reply]
        if self.deadline is not None:
            self.deadline.cancel()
        if endpoint.awaited and not self.call.flags & Flag.MIRROR:  # a copy has held no place
            for pool in endpoint.awaited:
                pool.wake()


_YES = Processed.YES

EARLY = 0.01
"""Seconds before an inherited deadline from which on its end is meant: those above, whose clock it was, tell a moment
before it is over here."""

GRACE = 1.0
"""Seconds after an inherited deadline in which the caller must have been cancelled, if it ever will be."""
