"""Asking over the bus: one message out, one answer back, or an error within a time limit."""

import asyncio
from itertools import count

from ..loop.timer import Deadlines
from ..messages.error import DeadlineExceeded, MeshError
from ..messages.subject import Subjects
from .bus import Bus, Done


async def ask(
    bus: Bus, subject: bytes, payload: bytes, reply: bytes, timeout: float, deadlines: Deadlines, headers: bytes = b""
) -> bytes:
    """Send `payload` and return the answer that comes on `reply`, a subject used once and covered by an inbox.

    Raises:
        DeadlineExceeded: no answer within `timeout` seconds.
        NoResponders: nobody listens on `subject`.
        Disconnected: the connection was lost while waiting.
        TooLarge, BusUnavailable, Overloaded: nothing was sent.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()

    def done(result: bytes | MeshError) -> None:
        if answer.done():
            return
        if isinstance(result, MeshError):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    def late() -> None:
        done(DeadlineExceeded(f"no answer on {subject.decode(errors='replace')} within {timeout:g} s"))

    bus.request(subject, payload, reply, done, headers)
    deadline = deadlines.at(loop.time() + timeout, late)
    try:
        return await answer
    finally:
        deadline.cancel()
        bus.forget(reply)


class Asker:
    """One caller's asks over one connection. Make one per connection: it owns the caller's reply subjects there."""

    def __init__(self, bus: Bus, subjects: Subjects, caller: str, deadlines: Deadlines) -> None:
        """Listen for answers at once; a flush of the bus makes sure that the server knows."""
        self.bus = bus
        self.subjects = subjects
        self.caller = caller
        self.deadlines = deadlines
        self._counter = count(1)
        self._inbox = bus.inbox(subjects.node_replies(caller, bus.token))

    async def ask(self, callee: str, subject: bytes, payload: bytes, timeout: float, headers: bytes = b"") -> bytes:
        """Ask `callee` (a node, `registry`, `policy`: the one token whose right it is to answer).

        Raises:
            MeshError: as `ask`.
        """
        prefix = self.subjects.node_reply_prefix(callee, self.caller, self.bus.token)
        reply = prefix + str(next(self._counter)).encode()
        return await ask(self.bus, subject, payload, reply, timeout, self.deadlines, headers)

    def request(self, callee: str, subject: bytes, payload: bytes, done: Done) -> bytes:
        """Ask without waiting: `done` gets the answer, or why there is none; return what `bus.forget` takes.

        Raises:
            TooLarge, BusUnavailable, Overloaded: nothing was sent.
        """
        prefix = self.subjects.node_reply_prefix(callee, self.caller, self.bus.token)
        reply = prefix + str(next(self._counter)).encode()
        self.bus.request(subject, payload, reply, done)
        return reply

    def close(self) -> None:
        """Stop listening for answers."""
        self._inbox.unsubscribe()
