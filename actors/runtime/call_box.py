"""The mailbox of those who are called: more urgent calls first, and calls that wait too long refused, the lowest first.

A call is refused while it is certain that nobody has worked on it, so that it is safe to try elsewhere. What is no call
(what an actor tells itself, health checks) is never refused for its waiting.
"""

from collections import deque
from typing import Any

from ..messages.error import Overloaded
from ..messages.priority import Priority
from .mailbox import Mail, Mailbox, Offer
from .queue_time import QueueTime

_DEFAULT = Priority.DEFAULT
_TAKEN = Offer(True)
_REFUSED = Offer(False)


class CallBox(Mailbox):
    """First in, first out within a class of priority. What is no call stands among the calls of default priority."""

    __slots__ = ("_critical", "_low", "_time", "shed")

    def __init__(self, capacity: int, workers: int) -> None:
        """`workers` take messages out of it at a time."""
        super().__init__(capacity)
        self._critical: deque[Mail] | None = None
        self._low: deque[Mail] | None = None
        self._time = QueueTime(workers)
        self.shed = [0, 0, 0]
        """Calls that were refused because they had waited too long, or for room, by priority."""

    def offer(self, mail: Mail, now: float) -> Offer:
        """Put `mail` at the end of its class; where that is full, a call of a lower class makes room."""
        if not self.waiting:
            self._time.begin(now)
        else:
            self._relieve(now)
        kind: Any = type(mail.message)  # pyright: ignore[reportUnknownVariableType]
        if getattr(kind, "control", False) is True:
            return super().offer(mail, now)
        urgency = mail.urgency
        if urgency is None:
            urgency = _DEFAULT
        calls = self.waiting - len(self._control or ())
        if calls >= self.capacity and not self._displace(urgency):
            self.refused += 1
            self.shed[urgency] += 1
            return _REFUSED
        mail.since = now
        self._queue(urgency).append(mail)
        self.waiting += 1
        return _TAKEN

    def take(self, now: float) -> Mail | None:
        """Take the next mail, or None when there is none."""
        if not self.waiting:
            return None
        self._relieve(now)
        self._time.taken += 1
        if self._critical and not self._control:
            return self._out(self._critical, now)
        if self._low and not self._mails and not self._control:
            return self._out(self._low, now)
        return super().take(now)

    def _out(self, queue: deque[Mail], now: float) -> Mail:
        mail = queue.popleft()
        self.note(mail, now)
        return mail

    def _queue(self, urgency: Priority) -> deque[Mail]:
        if urgency is _DEFAULT:
            if self._mails is None:
                self._mails = deque()
            return self._mails
        if urgency is Priority.CRITICAL:
            if self._critical is None:
                self._critical = deque()
            return self._critical
        if self._low is None:
            self._low = deque()
        return self._low

    def _relieve(self, now: float) -> None:
        """Refuse what has waited too long, the lowest class first; the last that waits is worked on however old."""
        allowed = self._time.allowance(now)
        if allowed is None:
            return
        before = now - allowed
        for queue in (self._low, self._mails):
            while queue and self.waiting > 1 and queue[0].since < before and queue[0].urgency is not None:
                self._cut(queue.popleft(), now, allowed)
        critical = self._critical
        if critical and not self._low and not self._mails:  # nothing else could have made room for them
            while self.waiting > 1 and critical and critical[0].since < before:
                self._cut(critical.popleft(), now, allowed)

    def _cut(self, mail: Mail, now: float, allowed: float) -> None:
        self._time.cut(now, allowed)
        self._give_up(mail, "it had waited too long")

    def _displace(self, urgency: Priority) -> bool:
        """Give up the newest call of a lower class; return whether there was one."""
        for level, queue in ((Priority.SHEDDABLE, self._low), (_DEFAULT, self._mails)):
            if level > urgency and queue and queue[-1].urgency is not None:
                self._give_up(queue.pop(), "it made room for a more urgent one")
                return True
        return False

    def work_with(self, workers: int) -> None:
        """Have so many workers from now on."""
        self._time.workers = workers

    def _give_up(self, mail: Mail, why: str) -> None:
        self.waiting -= 1
        self.shed[mail.urgency or 0] += 1
        mail.fail(Overloaded(f"the call was not worked on: {why}"))
