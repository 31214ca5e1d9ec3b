"""One attempt that waits for its reply, and everything that may end it."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import msgspec

from ..loop.timer import Deadline
from ..messages.cause import CAUSES
from ..messages.codec import decode_reply
from ..messages.envelope import ReplyFrame
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

log = logging.getLogger("plait.proxy")

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
    copied: bool = False
    """Whether it is a mirror's copy: that holds no place, and is not counted among what the instance was asked."""

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
        told: ReplyFrame | MeshError
        if type(outcome) is bytes:
            try:
                told = answer = decode_reply(outcome)
                if answer.load is not None:
                    self.endpoint.report(answer.load, self.wire.clock())
                if answer.cause and (kind := CAUSES.get(answer.cause, BadReply)).processed is not _YES:
                    if kind is MissedDeadline and self._inherits():
                        self._outlast()
                        return
                    told = self._failure(kind, answer)
            except MeshError as error:
                told = BadReply(f"{BadReply.sentence}: {error}")
        else:
            told = cast("MeshError", outcome)
        self._end(told)
        self.done(told)

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
            self.wire.give_up(self.endpoint, self.call, self.reply)
            self._end(DeadlineExceeded() if self._ended_by_time() else None)
        elif self.over and self.deadline is not None:
            self.deadline.cancel()

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
            self.wire.give_up(self.endpoint, self.call, self.reply)
            self._end(error)
        self.deadline = None
        self.done(error)

    def _outlast(self) -> None:
        """The inherited deadline has ended there a moment before it ends here: the caller is about to be cancelled and
        must not see an error first. Only a task that the caller left behind lives to see one."""
        self._end(None)
        self.deadline = self.wire.deadlines.at(self.wire.clock() + GRACE, self._late)

    def _end(self, outcome: ReplyFrame | MeshError | None) -> None:
        """Give the place back, have what came of it judged, and let who waits have the place; whatever these do, the
        caller gets its outcome."""
        self.over = True
        endpoint, wire = self.endpoint, self.wire
        self.cluster.pool.active -= 1
        del wire.waiting[self.reply]
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
        if self.copied:
            self._judged(outcome)
            return
        endpoint.active -= 1
        self._judged(outcome)
        if endpoint.awaited:
            for pool in endpoint.awaited:
                pool.wake()

    def _judged(self, outcome: ReplyFrame | MeshError | None) -> None:
        cluster, wire = self.cluster, self.wire
        now = wire.clock()
        seconds = now - self.began
        try:
            if not self.copied and outcome is not None and self.endpoint.tally.note(outcome, seconds, now):
                wire.noted(self.endpoint)
            if self.lent and (purse := self.call.purse) is not None:
                if isinstance(outcome, ReplyFrame):
                    purse.give_back(self.lent, outcome.spent)
                elif outcome is not None and outcome.processed is Processed.NO:
                    purse.give_back(self.lent, 0)
            if self.watched and isinstance(outcome, ReplyFrame):
                cluster.pace.answered(seconds)
            if cluster.judges:
                cluster.record(self.endpoint, outcome, seconds)
            if self.call.trail is not None and not self.listening:  # else the call's own span has ended
                self.call.trail.ended(self, outcome)
        except Exception:
            log.exception("what judges attempts failed")

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


_YES = Processed.YES

EARLY = 0.01
"""Seconds before an inherited deadline from which on its end is meant: those above, whose clock it was, tell a moment
before it is over here."""

GRACE = 1.0
"""Seconds after an inherited deadline in which the caller must have been cancelled, if it ever will be."""


def as_told(error: Exception) -> MeshError:
    """Return an error as callers are told it: one that is no word of the mesh's is the proxy's own failure."""
    if isinstance(error, MeshError):
        return error
    fault = MeshError(f"the proxy failed: {error!r}")
    fault.__cause__ = error
    return fault
