"""One call under way: the straight way of its first attempt, and the chain of filters when that is not enough.

Most calls need one attempt. Where no filter acts before it, it is sent without a coroutine, a future or a turn of the
event loop; the chain begins where the first attempt has failed and may be repeated.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, cast

from ..messages.envelope import ReplyFrame
from ..messages.error import MeshError
from ..runtime.drive import Drive
from .call import Call
from .chain import Chain
from .wire import Done, Waiting

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


class Running:
    """One call from its start to its one outcome."""

    __slots__ = ("_began", "_call", "_chain", "_clock", "_done", "_drive", "_observer", "_over", "_waiting")

    def __init__(self, observer: Observer, clock: Callable[[], float], call: Call, done: Done) -> None:
        self._observer = observer
        self._clock = clock
        self._call = call
        self._done = done
        self._over = False
        self._began = clock()
        self._waiting: Waiting | None = None
        self._drive: Drive[ReplyFrame] | None = None

    def start(self, router: Router) -> None:
        """Route the call and send it off."""
        call = self._call
        try:
            chain = self._chain = router.route(call)
            if call.allowance is not None and call.decision.timeout is None:
                call.limit = self._began + call.allowance
            if chain.direct:
                if chain.timeout is not None:
                    end = self._began + chain.timeout
                    call.limit = end if call.limit is None or end < call.limit else call.limit
                self._waiting = chain.attempt.send(call, self._first)
                return
        except MeshError as error:
            if call.attempts:
                self._first(error)
            else:
                self._finish(error)
            return
        self._run(cast("Work", chain.proceed(call)))

    def cancel(self) -> None:
        """Nobody waits for the outcome any more. Harmless after the end."""
        if not self._over:
            self._over = True
            if self._waiting is not None:
                self._waiting.cancel()
            if self._drive is not None:
                self._drive.cancel()

    def _first(self, outcome: ReplyFrame | MeshError) -> None:
        """Take what came of the first attempt."""
        if isinstance(outcome, MeshError):
            retry = self._chain.retry
            if retry is not None and retry.may_repeat(self._call, outcome):
                self._waiting = None
                self._run(retry.again(self._call, outcome, self._chain.attempt))
                return
        self._finish(outcome)

    def _run(self, work: Work) -> None:
        drive = Drive(work, self._driven)
        if not self._over:
            self._drive = drive

    def _driven(self, reply: ReplyFrame | None, error: Exception | None) -> None:
        if reply is not None:
            self._finish(reply)
        elif isinstance(error, MeshError):
            self._finish(error)
        else:
            fault = MeshError(f"the proxy failed: {error!r}")
            fault.__cause__ = error
            self._finish(fault)

    def _finish(self, outcome: ReplyFrame | MeshError) -> None:
        if self._over:
            return
        self._over = True
        seconds = self._clock() - self._began
        if isinstance(outcome, MeshError):
            self._observer.failed(self._call, outcome, seconds)
        else:
            self._observer.answered(self._call, outcome, seconds)
        self._done(outcome)
