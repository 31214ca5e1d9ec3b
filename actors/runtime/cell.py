"""The running thing around an actor: its mailbox, its turns and its lives. An idle cell holds no task."""

import asyncio
import enum
from collections.abc import Coroutine
from contextvars import Context
from types import CoroutineType
from typing import Any, Protocol, cast

from ..messages.error import ActorStopped, Cancelled, DeadlineExceeded, MissedDeadline, Overloaded
from .actor import Actor, ChildSpec, Surroundings
from .mailbox import Mail, Mailbox


class Life(enum.Enum):
    """Where a cell stands."""

    NEW = "new"
    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"
    """Between two lives: mail is kept, nobody works."""
    STOPPING = "stopping"
    STOPPED = "stopped"


_GRACE = 1.0
"""Seconds that cancelled work has to clean up in, beyond the shutdown time."""

_RUNNING = Life.RUNNING  # read once: looking a member up costs a quarter of a microsecond on Python 3.11


class Parent(Protocol):
    """Who is told when a child ends by itself."""

    def child_ended(self, child: "Cell", reason: Exception | None) -> None:
        """`reason` is what it failed with, None when it ended in peace."""
        ...


class Cell:
    """One child of a supervisor. It outlives its actor: the mailbox stays while a new life begins."""

    def __init__(self, spec: ChildSpec, surroundings: Surroundings, parent: Parent) -> None:
        self.spec = spec
        self.life = Life.NEW
        self.mailbox = Mailbox(spec.mailbox)
        self.restarts = 0
        self.actor: Actor | None = None
        self._surroundings = surroundings
        self._loop = surroundings.loop
        self._clock = surroundings.clock
        self._most = spec.concurrency
        self._eager = surroundings.eager
        self._parent = parent
        self._working: dict[asyncio.Task[Any], Mail] = {}
        self._idle: asyncio.Future[None] | None = None
        self._due = False
        self._inside = 0
        """Messages whose handling stands on the stack right now."""

    @property
    def name(self) -> str:
        """The child's name among its siblings."""
        return self.spec.name

    @property
    def active(self) -> int:
        """Messages being handled now."""
        return len(self._working)

    # Mail

    def tell(self, message: Any) -> None:
        """See `Ref.tell`."""
        self.deliver(Mail(message))

    async def ask(self, message: Any, timeout: float) -> Any:
        """See `Ref.ask`."""
        loop = self._surroundings.loop
        when = loop.time() + timeout
        future: asyncio.Future[Any] = loop.create_future()
        self.deliver(Mail(message, future, when))

        def late() -> None:
            if not future.done():
                future.set_exception(DeadlineExceeded(f"{self.name} did not answer within {timeout:g} s"))

        deadline = self._surroundings.deadlines.at(when, late)
        try:
            return await future
        finally:
            deadline.cancel()

    def deliver(self, mail: Mail) -> None:
        """Take one mail in: work on it at once where there is room, else keep it.

        Raises:
            Overloaded: the mailbox is full.
            ActorStopped: the actor does not run and will not.
        """
        if self.life is _RUNNING and len(self._working) + self._inside < self._most and not self.mailbox:
            self._work(mail)
        elif self.life in (Life.STOPPING, Life.STOPPED):
            raise ActorStopped(f"{self.name} is stopped")
        elif not self.mailbox.offer(mail):
            raise Overloaded(f"the mailbox of {self.name} is full ({self.mailbox.capacity})")

    def _work(self, mail: Mail) -> None:
        context = mail.context or Context()
        self._inside += 1  # what the actor tells itself, directly or by others, waits for its turn
        try:
            self._begin(mail, context)
        finally:
            self._inside -= 1
        if self.mailbox and not self._due and len(self._working) + self._inside < self._most:
            self._due = True
            self._loop.call_soon(self._later)

    def _begin(self, mail: Mail, context: Context) -> None:
        try:
            answer = context.run(self.actor.receive, mail.message)  # type: ignore[union-attr]
            if type(answer) is not CoroutineType:  # a plain method has answered already: no task
                mail.answer(answer)
                return
            work = cast("Coroutine[Any, Any, Any]", answer)
            task = self._eager.run(self._turn(mail, work), context)
        except (Exception, asyncio.CancelledError) as error:
            self._failed(mail, error)
            return
        if task is not None:  # it waits for something
            mail.task, mail.work = task, work
            self._working[task] = mail
            task.add_done_callback(self._worked)

    async def _turn(self, mail: Mail, work: Coroutine[Any, Any, Any]) -> None:
        if mail.deadline is not None and self._clock() >= mail.deadline:
            work.close()  # the process stood still between taking the mail and working on it
            mail.fail(MissedDeadline())
            return
        mail.answer(await work)

    def _worked(self, task: "asyncio.Task[Any]") -> None:
        mail = self._working.pop(task, None)
        if mail is None:  # left behind by an earlier life, see `_settle`: whatever it came to, nobody waits for it
            _ = task.cancelled() or task.exception()
            return
        if task.cancelled():
            if mail.work is not None:
                mail.work.close()  # of a task that was cancelled before its first step nothing has begun
            self._failed(mail, asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            self._failed(mail, error)
        mail.task = mail.work = None  # they know each other: only the garbage collector would part them
        if self.mailbox:
            self._next()
        if self._idle is not None and not self._working and not self._idle.done():
            self._idle.set_result(None)

    def _failed(self, mail: Mail, error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError):
            mail.fail(Cancelled(f"{self.name} was told to stop working on it"))
            return
        mail.fail(error)
        if self.life is _RUNNING and isinstance(error, Exception):
            self._end(error)

    def _later(self) -> None:
        self._due = False
        self._next()

    def _next(self) -> None:
        now = self._clock()
        for _ in range(len(self.mailbox)):  # not until it is empty: an actor that tells itself must not keep the loop
            if self.life is not _RUNNING or len(self._working) + self._inside >= self._most:
                return
            mail = self.mailbox.take()
            if mail is None:
                return
            if mail.deadline is not None and now >= mail.deadline:
                mail.fail(MissedDeadline())
            else:
                self._work(mail)

    # Lives

    async def start(self) -> None:
        """Begin a life.

        Raises:
            Exception: what the actor raised while it was made or made ready.
        """
        self.life = Life.STARTING
        try:
            actor = self.spec.start()
            actor.surroundings = self._surroundings
            actor.me = self
            await actor.pre_start()
        except BaseException:
            self.life = Life.FAILED
            raise
        self.actor = actor
        self.life = Life.RUNNING
        self._next()

    def finish(self) -> None:
        """End in peace, as the actor itself decides; the parent is told."""
        self._end(None)

    def _end(self, reason: Exception | None) -> None:
        if self.life is Life.RUNNING:
            self.life = Life.FAILED
            self._parent.child_ended(self, reason)

    async def bury(self) -> None:
        """After a life ended by itself: what else was in hand ends within the shutdown time, then put away."""
        await self._settle(self.spec.shutdown)
        await self._put_away()

    async def stop(self) -> None:
        """Take no new mail, finish what is in hand within the shutdown time, cancel the rest, put away.

        Mail that nobody took is answered with `ActorStopped`.
        """
        if self.life is Life.STOPPED:
            return
        self.life = Life.STOPPING
        while (mail := self.mailbox.take()) is not None:
            mail.fail(ActorStopped(f"{self.name} is stopped"))
        await self._settle(self.spec.shutdown)
        await self._put_away()
        self.life = Life.STOPPED

    async def _settle(self, limit: float) -> None:
        if not self._working:
            return
        idle = self._idle = self._surroundings.loop.create_future()

        def cut() -> None:
            for task in list(self._working):
                task.cancel()

        def leave() -> None:
            left = list(self._working.values())
            self._working.clear()
            for mail in left:
                mail.fail(Cancelled(f"{self.name} was told to stop working on it"))
            if not idle.done():
                idle.set_result(None)
            message = f"{self.name} goes on with {len(left)} messages though they were cancelled: left behind"
            self._loop.call_exception_handler({"message": message})

        end = self._clock() + limit
        deadlines = [self._surroundings.deadlines.at(when, do) for when, do in ((end, cut), (end + _GRACE, leave))]
        try:
            await idle
        finally:
            for deadline in deadlines:
                deadline.cancel()
            self._idle = None

    async def _put_away(self) -> None:
        if self.actor is None:
            return
        try:
            async with asyncio.timeout(self.spec.shutdown + _GRACE):
                await self.actor.post_stop()
        except Exception as error:  # a failing clean-up must not keep its siblings from stopping
            self._surroundings.loop.call_exception_handler(
                {"message": f"post_stop of {self.name} failed", "exception": error}
            )
        finally:
            self.actor = None
