"""A bounded mailbox: what an actor has been told and not yet taken; control messages stand in front."""

import asyncio
from collections import deque
from contextvars import Context
from typing import Any

import msgspec

from ..messages.priority import Priority
from .spec import Overflow


class Mail(msgspec.Struct, eq=False):
    """One message on its way to an actor; a subclass may answer over the bus instead of a future."""

    message: Any
    reply: "asyncio.Future[Any] | None" = None
    """Where the answer goes, when one was asked for."""
    deadline: float | None = None
    """Loop time after which nobody wants the answer; None for never."""
    context: Context | None = None
    """The context that the actor works in; a new one where None."""
    task: "asyncio.Task[Any] | None" = None
    """The task that works on it, while there is one."""
    since: float = 0.0
    """When it was put into the mailbox; 0 for one that never waited."""
    stashed: bool = False
    """The actor has put it aside: its turn is over, its answer is still to come."""

    def answer(self, value: Any) -> None:
        """The actor handled the message and returned `value`."""
        if self.reply is not None and not self.reply.done():
            self.reply.set_result(value)

    def fail(self, error: BaseException) -> None:
        """The message was not handled."""
        if self.reply is not None and not self.reply.done():
            if isinstance(error, StopIteration):  # no future takes one, see PEP 479
                error = RuntimeError(f"the actor raised StopIteration: {error}")
            self.reply.set_exception(error)

    def crashed(self, error: BaseException) -> None:
        """The actor raised `error` while it handled the message."""
        self.fail(error)

    @property
    def asked(self) -> bool:
        """True where somebody hears what became of it; else it is a dead letter when it fails."""
        return self.reply is not None

    @property
    def urgency(self) -> Priority | None:
        """How much it matters where not all can be handled; None for what is never refused for its waiting."""
        return None


class Offer(msgspec.Struct, frozen=True):
    """What became of a mail that was put into a mailbox."""

    taken: bool
    dropped: Mail | None = None
    """The mail that was given up for room: an older one, or the new one itself."""


_TAKEN = Offer(True)
_REFUSED = Offer(False)


class Mailbox:
    """First in, first out, control messages first. Full means what its overflow policy says, each case counted.

    Control messages are those whose class has `control = True`; as many as it holds may wait beside the others.
    """

    __slots__ = (
        "_control",
        "_mails",
        "capacity",
        "dropped",
        "handled",
        "longest",
        "overflow",
        "refused",
        "waited",
        "waiting",
    )

    def __init__(self, capacity: int, overflow: Overflow = Overflow.REJECT) -> None:
        self.capacity = capacity
        self.overflow = overflow
        self.waiting = 0
        """Messages in it."""
        self.refused = 0
        """Messages that found it full and were rejected."""
        self.dropped = 0
        """Messages given up for room."""
        self.handled = 0
        """Messages taken out of it."""
        self.waited = 0.0
        """Seconds that these waited, together."""
        self.longest = 0.0
        """Seconds that the one waited that waited longest."""
        # Made with the first mail: a deque takes more room than all the rest of an idle actor.
        self._mails: deque[Mail] | None = None
        self._control: deque[Mail] | None = None

    def __len__(self) -> int:
        return self.waiting

    def offer(self, mail: Mail, now: float) -> Offer:
        """Put `mail` at the end, or apply the overflow policy where the mailbox is full."""
        kind: Any = type(mail.message)  # pyright: ignore[reportUnknownVariableType]
        if getattr(kind, "control", False) is True:
            if self._control is None:
                self._control = deque()
            queue = self._control
        else:
            if self._mails is None:
                self._mails = deque()
            queue = self._mails
        dropped = None
        if len(queue) >= self.capacity:
            if self.overflow is Overflow.REJECT:
                self.refused += 1
                return _REFUSED
            self.dropped += 1
            if self.overflow is Overflow.DROP_NEWEST or not queue:
                return Offer(True, mail)
            dropped = queue.popleft()
            self.waiting -= 1
        mail.since = now
        queue.append(mail)
        self.waiting += 1
        return _TAKEN if dropped is None else Offer(True, dropped)

    def take(self, now: float) -> Mail | None:
        """Take the next mail, or None when there is none."""
        if self._control:
            mail = self._control.popleft()
        elif self._mails:
            mail = self._mails.popleft()
        else:
            return None
        self.note(mail, now)
        return mail

    def note(self, mail: Mail, now: float) -> None:
        """Count a mail that was taken out."""
        self.waiting -= 1
        waited = now - mail.since
        self.handled += 1
        self.waited += waited
        if waited > self.longest:
            self.longest = waited

    def put_back(self, mails: "deque[Mail]") -> None:
        """Put mails that were taken before in front, in their order; there is always room for them."""
        if self._mails is None:
            self._mails = deque()
        self._mails.extendleft(reversed(mails))
        self.waiting += len(mails)
