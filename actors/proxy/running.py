"""One call under way: the straight way of its first attempt, and the chain of filters when that is not enough.

Most calls need one attempt. Where no filter acts before it, it is sent without a coroutine, a future or a turn of the
event loop; the chain begins where the first attempt has failed and may be repeated.
"""

import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, cast

import msgspec

from ...tracing.slow import SLOW
from ..loop.drive import Drive
from ..messages.envelope import ReplyFrame
from ..messages.error import MeshError, RateLimited
from ..runtime.purse import Purse
from .acting import act
from .call import Call
from .chain import Chain
from .pool import Pending
from .trail import SAMPLED, begin, keep
from .waiting import Done, Waiting, as_told

log = logging.getLogger("plait.proxy")

Work = Coroutine[Any, Any, ReplyFrame]


class Observer(Protocol):
    """Takes note of what came of calls."""

    def answered(self, call: Call, reply: ReplyFrame, seconds: float) -> None:
        """The service answered."""
        ...

    def failed(self, call: Call, error: MeshError, seconds: float) -> None:
        """There is no answer."""
        ...


class Router(Protocol):
    """Decides where a call goes."""

    def route(self, call: Call) -> Chain:
        """Return the chain that brings the call there.

        Raises:
            MeshError: there is no way.
        """
        ...


class Running(msgspec.Struct, eq=False):
    """One call from its start to its one outcome."""

    observer: Observer
    clock: Callable[[], float]
    call: Call
    done: Done
    began: float
    chain: Chain | None = None
    waiting: Waiting | Pending | None = None
    drive: Drive[ReplyFrame] | None = None
    over: bool = False
    outer: float | None = None
    """The call's own limit, where fallbacks have the destination end before it."""

    def start(self, router: Router) -> None:
        """Route the call and send it off."""
        call = self.call
        if call.purse is None:
            call.purse = Purse()  # here its request enters the mesh
        if call.traceparent[54:55] in SAMPLED:
            call.trail = begin(call)
        try:
            chain = self.chain = router.route(call)
            if call.action is not None:
                self.done, answer = act(call.action, call, self.done)
                if answer is not None:
                    self._finish(answer)
                    return
            if chain.limits is not None:
                self.done = chain.limits.admit(call, self.began, self.done)
            call.cluster.budget.call(self.began)  # not for what was refused or answered here: it needs no retries
            if call.allowance is not None and call.decision.timeout is None:
                call.limit = self.began + call.allowance
            if chain.direct:
                if chain.fallback is not None:
                    self.outer = chain.fallback.begin(call)
                if chain.timeout is not None:
                    end = self.began + chain.timeout
                    call.limit = end if call.limit is None or end < call.limit else call.limit
                self.waiting = chain.attempt.send(call, self._first)
                return
        except RateLimited as error:  # outside of all that could try again, or fall back
            self._finish(error)
            return
        except MeshError as error:
            if self.chain is not None and (call.attempts or self.chain.fallback is not None):
                self._first(error)
            else:
                self._finish(error)
            return
        self._run(cast("Work", chain.proceed(call)))

    def cancel(self) -> None:
        """Nobody waits for the outcome any more. Harmless after the end."""
        if not self.over:
            self.over = True
            if self.waiting is not None:
                self.waiting.cancel()
            if self.drive is not None:
                self.drive.cancel()
            self.waiting = self.drive = None
            trail, self.call.trail = self.call.trail, None
            if trail is not None:
                trail.cancel()

    def _first(self, outcome: ReplyFrame | MeshError) -> None:
        """Take what came of the first attempt."""
        chain = self.chain
        if chain is not None and (chain.heeds_answers or isinstance(outcome, MeshError)):
            retry = chain.retry
            if retry is not None and retry.may_repeat(self.call, outcome):
                work = retry.again(self.call, outcome, chain.attempt)
                self._run(work if chain.fallback is None else chain.fallback.settle(self.call, work, self.outer))
                return
        if chain is not None and chain.fallback is not None:
            if chain.fallback.heeds(outcome):
                self._run(chain.fallback.instead(self.call, outcome, self.outer))
                return
            assert isinstance(outcome, ReplyFrame)
            try:
                chain.fallback.note(self.call, outcome)
            except Exception:
                log.exception("an answer could not be kept for bad times")
        self._finish(outcome)

    def _run(self, work: Work) -> None:
        self.waiting = None
        drive = Drive(work, self._driven)
        if not self.over:
            self.drive = drive

    def _driven(self, reply: ReplyFrame | None, error: Exception | None) -> None:
        if reply is not None:
            self._finish(reply)
        else:
            assert error is not None
            self._finish(as_told(error))

    def _finish(self, outcome: ReplyFrame | MeshError) -> None:
        if self.over:
            return
        self.over = True
        self.waiting = self.drive = None  # they know this: only the garbage collector would part them
        seconds = self.clock() - self.began
        trail, self.call.trail = self.call.trail, None  # it knows the call
        if trail is not None:
            trail.end(outcome)
        elif seconds >= SLOW or type(outcome) is not ReplyFrame or outcome.status >= 500:
            keep(self.call, outcome, seconds)
        try:
            if isinstance(outcome, MeshError):
                self.observer.failed(self.call, outcome, seconds)
            else:
                self.observer.answered(self.call, outcome, seconds)
        except Exception:  # whoever looks on must not leave the caller waiting
            log.exception("what observes calls failed")
        self.done(outcome)
