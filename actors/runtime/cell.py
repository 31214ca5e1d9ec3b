"""The running thing around an actor: its mailbox and its turns. An idle cell holds no task.

What begins and ends its lives stands in `life`; here is the way of a message, which every call of the mesh takes.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from types import CoroutineType
from typing import Any, cast

from ..messages.error import (
    ActorStopped,
    Cancelled,
    DeadlineExceeded,
    HandlerFailed,
    MissedDeadline,
    Overloaded,
    UnknownMessage,
)
from .actor import Actor
from .context import current
from .life import RUNNING, STOPPED_STATES, Living
from .mailbox import Mail
from .origin import at_rest

_NESTED = 12
"""Turns that may stand on one stack, each actor told by the one before it; the next message waits for the loop."""


class Cell(Living):
    """One actor child of a supervisor. It outlives its actor: the mailbox stays while a new life begins."""

    __slots__ = ()

    # Mail

    def tell(self, message: Any) -> None:
        """Send without an answer; the object itself is handed over (see `ref` for a reference that copies).

        Raises:
            Overloaded: the mailbox is full, and rejects.
            ActorStopped: the actor does not run and will not.
        """
        self.deliver(Mail(message))

    async def ask(self, message: Any, timeout: float) -> Any:
        """Send and wait for the answer, at most `timeout` seconds.

        Raises:
            DeadlineExceeded: no answer came in time.
            Overloaded, ActorStopped: as `tell`.
            Exception: what the actor raised while it handled the message.
        """
        loop = self.surroundings.loop
        when = self.surroundings.clock() + timeout
        future: asyncio.Future[Any] = loop.create_future()
        mail = Mail(message, future, when)
        self.deliver(mail)

        answered = False

        def late() -> None:
            if not future.done():
                future.set_exception(DeadlineExceeded(f"{self.name} did not answer within {timeout:g} s"))

        deadline = self.surroundings.deadlines.at(when, late)
        try:
            answer = await future
            answered = True
            return answer
        finally:
            deadline.cancel()
            if not answered:  # nobody waits for it any more: it is dropped where it waits, or stopped
                mail.deadline = 0.0
                if mail.task is not None:
                    mail.task.cancel()

    def deliver(self, mail: Mail) -> None:
        """Take one mail in: work on it at once where there is room, else keep it.

        Raises:
            Overloaded: the mailbox is full, and rejects.
            ActorStopped: the actor does not run and will not.
        """
        if (
            self.life is RUNNING
            and self.busy < self.most
            and not self.mailbox.waiting
            and self.surroundings.nested < _NESTED
        ):
            self._work(mail)
        else:
            self._keep(mail)

    def _keep(self, mail: Mail) -> None:
        if self.life in STOPPED_STATES:
            raise ActorStopped(f"{self.name} is stopped")
        offer = self.mailbox.offer(mail, self.surroundings.clock())
        if not offer.taken:
            raise Overloaded(f"the mailbox of {self.name} is full ({self.mailbox.capacity})")
        if offer.dropped is not None:
            self.drop(offer.dropped, Overloaded(f"the mailbox of {self.name} was full: dropped"))
        self.come_back()

    def drop(self, mail: Mail, error: BaseException) -> None:
        """Give a mail up: its asker hears why; where nobody asked it is a dead letter."""
        if not mail.asked:
            self.surroundings.dead_letters.add(self.path, mail.message, error)
        mail.fail(error)

    def come_back(self) -> None:
        """Look into the mailbox in the loop's next turn, where there is somebody to do it."""
        if self.mailbox.waiting and not self._due and self.busy < self.most and self.life is RUNNING:
            self._due = True
            self.surroundings.loop.call_soon(self._later)

    def first(self, actor: Actor) -> None:
        """Have the new life do what comes before its first message, as a turn like any other."""
        self._work(Mail(None), lambda _: actor.post_start())

    def _work(self, mail: Mail, turn: Callable[[Any], Any] | None = None) -> None:
        around = self.surroundings
        context = mail.context
        if context is None:
            base = self._base
            if base is None:
                base = self._base = Context()
                base.run(current.set, at_rest(self.address))
            context = base.copy()
        self.busy += 1  # what the actor tells itself, directly or by others, waits for its turn
        around.nested += 1
        self.hand = mail
        try:
            answer = context.run(turn or self.actor.receive, mail.message)  # type: ignore[union-attr]
            if type(answer) is CoroutineType:  # a plain method has answered already: no task
                task = around.eager.run(cast("Coroutine[Any, Any, Any]", answer), context)
                if task is not None:  # it waits for something
                    mail.task = task
                    if self.working is None:
                        self.working = {}
                    self.working[task] = mail
                    task.add_done_callback(self._worked)
                    return
                answer = around.eager.value
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            self.busy -= 1
            self._failed(mail, error)
        else:
            self.busy -= 1
            if mail.stashed:
                mail.stashed = False
            else:
                mail.answer(answer)
        finally:
            around.nested -= 1
        if self.mailbox.waiting:
            self.come_back()

    def _worked(self, task: "asyncio.Task[Any]") -> None:
        mail = None if self.working is None else self.working.pop(task, None)
        if mail is None:  # left behind by an earlier life: whatever it came to, nobody waits for it
            _ = task.cancelled() or task.exception()
            return
        mail.task = None  # they know each other: only the garbage collector would part them
        self.busy -= 1
        if task.cancelled():
            self._failed(mail, asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            self._failed(mail, error)
        elif mail.stashed:
            mail.stashed = False
        else:
            mail.answer(task.result())
        if self.mailbox.waiting:
            self._next()
        self.settled()

    def _failed(self, mail: Mail, error: BaseException) -> None:
        mail.stashed = False
        if isinstance(error, asyncio.CancelledError):
            mail.fail(Cancelled(f"{self.name} was told to stop working on it"))
            return
        if isinstance(error, UnknownMessage):
            self.drop(mail, error)
            return
        if not isinstance(error, Exception):  # SystemExit and the like: one actor must not take the node with it
            raised = HandlerFailed(f"{self.name} raised {type(error).__name__}: {error}")
            raised.__cause__ = error
            error = raised
        mail.crashed(error)
        if self.life is RUNNING:
            self.end(error)

    def _later(self) -> None:
        self._due = False
        self._next()

    def _next(self) -> None:
        mailbox, clock = self.mailbox, self.surroundings.clock
        now = clock()
        for _ in range(mailbox.waiting):  # not until it is empty: an actor that tells itself must not keep the loop
            if self.life is not RUNNING or self.busy >= self.most:
                return
            mail = mailbox.take(now)
            if mail is None:
                return
            if mail.deadline is not None and now >= mail.deadline:
                mail.fail(MissedDeadline())
            else:
                self._work(mail)

    def taking(self) -> None:
        """A life has begun: take up the mail that waited for it."""
        self._next()
