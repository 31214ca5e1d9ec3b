"""The one answer to a request, as an application gives it."""

import logging
from collections.abc import Callable
from typing import Protocol

from ..actors.messages.envelope import Headers
from .answer import beginning, bodiless, whole
from .error_body import JSON, status_body
from .request import HttpRequest

__all__ = ["Application", "Exchange", "HttpRequest", "Wire"]

log = logging.getLogger(__name__)


class Wire(Protocol):
    """What an exchange needs of its connection."""

    @property
    def writable(self) -> bool:
        """Whether the client keeps up: more bytes may be written without filling memory."""
        ...

    def edge(self, delimited: bool) -> str:
        """The lines that the connection adds to an answer's head; a body that is not delimited must end it."""
        ...

    def write(self, data: bytes) -> None:
        """Hand bytes to the transport."""
        ...

    def answered(self) -> None:
        """The answer is complete: the next request may begin."""
        ...


class Application(Protocol):
    """What stands behind a listener. It is called on the event loop, must not block, and answers now or later."""

    def __call__(self, request: HttpRequest, exchange: "Exchange") -> None:
        """Take one request; the answer goes to its exchange."""
        ...


class Exchange:
    """Answers one request: with `reply` at once, or with `start`, `send` and `end` piece by piece.

    After the client went away all of them do nothing. Answering twice is a mistake of the application.
    """

    __slots__ = (
        "_chunked",
        "_head_only",
        "_modern",
        "_silent",
        "_started",
        "_wire",
        "closed",
        "on_disconnect",
        "on_drained",
    )

    def __init__(self, wire: Wire, head_only: bool, modern: bool) -> None:
        self._wire = wire
        self._head_only = head_only
        self._modern = modern
        self._started = self._chunked = self._silent = False
        self.closed = False
        """The answer is complete, or the client is gone."""
        self.on_disconnect: Callable[[], None] | None = None
        """Called once if the client goes away before the answer is complete."""
        self.on_drained: Callable[[], None] | None = None
        """Called each time the client has caught up and `writable` turns true again."""

    @property
    def writable(self) -> bool:
        """Whether the client keeps up with what was sent."""
        return not self.closed and self._wire.writable

    def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """Send the whole answer. Fields that cannot be sent make it a 500.

        Raises: RuntimeError when the answer was already begun.
        """
        if self.closed or self._started:
            self._repeated()
            return
        wire = self._wire
        edge = wire.edge(True)
        try:
            data = whole(status, headers, body, edge, self._head_only)
        except ValueError as error:
            log.error("an answer cannot be sent: %s", error)
            data = whole(500, *_unsendable(), edge, self._head_only)
        self._started = self.closed = True
        wire.write(data)
        wire.answered()

    def start(self, status: int, headers: Headers) -> None:
        """Begin an answer of unknown length.

        Raises: RuntimeError when the answer was already begun.
        """
        if self.closed or self._started:
            self._repeated()
            return
        self._silent = self._head_only or bodiless(status)
        self._chunked = self._modern and not bodiless(status)
        edge = self._wire.edge(self._modern or self._silent)
        try:
            data = beginning(status, headers, edge, self._chunked)
        except ValueError as error:
            log.error("an answer cannot be sent: %s", error)
            data = whole(500, *_unsendable(), edge, self._head_only)
            self._silent = True
        self._started = True
        self._wire.write(data)

    def send(self, chunk: bytes) -> None:
        """Send a piece of the body; look at `writable` between pieces.

        Raises: RuntimeError before `start` or after the end.
        """
        if self._live() and chunk and not self._silent:
            self._wire.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if self._chunked else chunk)

    def end(self) -> None:
        """Complete the answer.

        Raises: RuntimeError before `start` or after the end.
        """
        if self._live():
            self.closed = True
            if self._chunked and not self._silent:
                self._wire.write(b"0\r\n\r\n")
            self._wire.answered()

    @property
    def started(self) -> bool:
        """Whether bytes of the answer are already on their way."""
        return self._started

    def abandon(self) -> None:
        """Note that the client is gone; for the connection, not for applications."""
        if not self.closed:
            self.closed = True
            gone, self.on_disconnect, self.on_drained = self.on_disconnect, None, None
            self._started = False
            if gone is not None:
                gone()

    def _live(self) -> bool:
        if self.closed or not self._started:
            self._repeated()
            return False
        return True

    def _repeated(self) -> None:
        # An abandoned exchange has `closed` without `_started`: late answers to a client that left are normal.
        if self._started or not self.closed:
            raise RuntimeError("an exchange takes one answer: reply, or start, send and end")


def _unsendable() -> tuple[Headers, bytes]:
    body = status_body(500, "the answer of the service cannot be sent", "bad_answer")
    return [("content-type", JSON)], body
