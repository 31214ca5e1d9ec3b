"""A bounded mailbox: what an actor has been told and not yet taken."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextvars import Context
from typing import Any

import msgspec


class Mail(msgspec.Struct, eq=False):
    """One message on its way to an actor; a subclass may answer over the bus instead of a future."""

    message: Any
    reply: "asyncio.Future[Any] | None" = None
    """Where the answer goes, when one was asked for."""
    deadline: float | None = None
    """Loop time after which nobody wants the answer; None for never."""
    context: Context | None = None
    """The context that the actor works in; a new empty one where None."""
    task: "asyncio.Task[Any] | None" = None
    """The task that works on it, while there is one."""
    work: "Coroutine[Any, Any, Any] | None" = None
    """What that task works off."""

    def answer(self, value: Any) -> None:
        """The actor handled the message and returned `value`."""
        if self.reply is not None and not self.reply.done():
            self.reply.set_result(value)

    def fail(self, error: BaseException) -> None:
        """The message was not handled, or its handling failed."""
        if self.reply is not None and not self.reply.done():
            if isinstance(error, StopIteration):  # no future takes one, see PEP 479
                error = RuntimeError(f"the actor raised StopIteration: {error}")
            self.reply.set_exception(error)


class Mailbox:
    """First in, first out; full means refused, never lost in silence."""

    __slots__ = ("_mails", "capacity", "refused")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.refused = 0
        """Messages that found it full."""
        self._mails: deque[Mail] = deque()

    def __bool__(self) -> bool:
        return bool(self._mails)

    def __len__(self) -> int:
        return len(self._mails)

    def offer(self, mail: Mail) -> bool:
        """Put `mail` at the end; False, and counted, when the mailbox is full."""
        if len(self._mails) >= self.capacity:
            self.refused += 1
            return False
        self._mails.append(mail)
        return True

    def take(self) -> Mail | None:
        """Take the first mail, or None when there is none."""
        return self._mails.popleft() if self._mails else None
