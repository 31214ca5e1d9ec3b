"""HTTP/1.1 on one connection: requests in, answers out, in order, one exchange at a time.

Nothing here waits on a task or a timer of its own: bytes push requests forward, and the roster's sweep limits time.
"""

import asyncio
import enum
import logging
from typing import Final, cast

from .answer import whole
from .error_body import JSON, Refusal, status_body
from .exchange import Application, Exchange
from .framing import Framing, Phase
from .limit import Limits
from .request import HttpRequest
from .roster import Roster

log = logging.getLogger(__name__)

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Stage(enum.Enum):
    """What the connection is doing."""

    READING = "reading"
    """It waits for a request, or for the rest of one."""
    OPEN = "open"
    """The application has the request; more bytes are held back."""
    PARTING = "parting"
    """The last answer is written; what else the client sends is dropped until it closes."""
    CLOSED = "closed"
    """The transport is closing or closed."""


# On Python 3.11 a member costs 0.3 µs when read from its class: ten a request would be a third of the edge's work.
_READING: Final = Stage.READING
_OPEN: Final = Stage.OPEN
_PARTING: Final = Stage.PARTING
_CLOSED: Final = Stage.CLOSED


class Http1(asyncio.Protocol):
    """One client's connection. It is also the `Wire` of its exchanges."""

    __slots__ = (
        "_advancing",
        "_app",
        "_exchange",
        "_framing",
        "_held",
        "_keep",
        "_mark",
        "_paused",
        "_peer",
        "_port",
        "_requests",
        "_roster",
        "_stage",
        "_transport",
        "writable",
    )

    def __init__(self, app: Application, roster: Roster) -> None:
        self._app = app
        self._roster = roster
        self._framing = Framing(roster.limits, roster.scheme)
        self._transport: asyncio.Transport
        self._stage = _CLOSED
        self._exchange: Exchange | None = None
        self._held = b""
        self._requests = 0
        self._advancing = self._paused = False
        self._keep = self.writable = True
        self._mark = roster.now
        """When the present stage began, by the roster's clock; for an answer under way, when the client fell behind."""
        self._peer = ""
        self._port = 0

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; one connection too many is told so."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own kind is no subclass
        self._peer = str((transport.get_extra_info("peername") or ("",))[0])
        self._port = int((transport.get_extra_info("sockname") or ("", 0))[1])
        full = self._roster.full
        self._roster.add(self)
        self._stage = _READING
        if full:
            self._refuse(Refusal(503, "the gateway has no room for another connection", "too_many_connections"))

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client."""
        if self._stage is _READING and self.writable:
            self._advance(self._held + data if self._held else data)
        elif self._stage is _READING or self._stage is _OPEN:
            self._held += data
            # Reading goes on below the bound, because a paused transport would not notice that the client left.
            if len(self._held) > self._roster.limits.held_bytes and not self._paused:
                self._paused = True
                self._transport.pause_reading()

    def eof_received(self) -> None:
        """The client closed its side: it is gone, as far as anyone can tell; the transport closes itself."""
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is no more."""
        self._leave()
        self._roster.discard(self)

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self.writable = False
        self._mark = self._roster.now

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.writable = True
        self._mark = self._roster.now
        if self._exchange is not None:
            if self._exchange.on_drained is not None:
                self._exchange.on_drained()
        elif self._stage is _READING and not self._advancing:
            self._next()

    # The exchange's side

    def edge(self, delimited: bool) -> str:
        """Server, date and what becomes of the connection."""
        roster, head = self._roster, self._framing.head
        most = roster.limits.requests
        self._keep = head.keep_alive and delimited and not roster.draining and (self._requests < most or not most)
        if not self._keep:
            return roster.stamp + "connection: close\r\n"
        return roster.stamp if head.modern else roster.stamp + "connection: keep-alive\r\n"

    def write(self, data: bytes) -> None:
        """Hand bytes to the transport."""
        self._transport.write(data)

    def answered(self) -> None:
        """The exchange is over: take the next request, or part."""
        self._exchange = None
        self._mark = self._roster.now
        if self._keep and not self._roster.draining:
            self._stage = _READING
            if not self._advancing:
                self._next()
        else:
            self._stage = _PARTING
            if not self._advancing:
                self._part(bool(self._held))

    # The roster's side

    def check(self, now: float) -> None:
        """Enforce the time limits; see `Limits`."""
        limits = self._roster.limits
        waited = now - self._mark - limits.sweep
        stage = self._stage
        if not self.writable or stage is _CLOSED:
            if waited > limits.write_timeout:
                self.abort()
        elif stage is _READING:
            self._check_reading(waited, limits)
        elif stage is _PARTING and waited > limits.linger:
            self.abort()

    def _check_reading(self, waited: float, limits: Limits) -> None:
        framing = self._framing
        if framing.phase is Phase.HEAD:
            if waited > limits.header_timeout:
                self._refuse(Refusal(408, "the header did not arrive in time", "header_timeout"))
        elif framing.phase is Phase.BODY:
            if framing.received < (waited - limits.body_grace) * limits.body_rate:
                self._refuse(Refusal(408, "the body arrives too slowly", "body_timeout"))
        elif waited > limits.idle_timeout:
            self._part(False)

    def drain(self) -> None:
        """Close if nothing is under way."""
        resting = self._stage is _READING and self._framing.phase is Phase.REST and not self._held
        if resting or self._stage is _PARTING:
            self._part(False)

    def abort(self) -> None:
        """Drop the connection with all that is unsent."""
        self._leave()
        self._transport.abort()

    # Requests

    def _next(self) -> None:
        """Go on with the bytes held back."""
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        if self._held:
            self._advance(self._held)

    def _advance(self, data: bytes) -> None:
        """Take requests until the bytes are used up, one stays open, or the client does not read its answers."""
        framing = self._framing
        phase = framing.phase
        self._advancing = True
        self._held = b""
        try:
            while data and self._stage is _READING and self.writable:
                rest = framing.feed(data)
                if framing.ready:
                    self._open(framing)
                elif rest is data:
                    break
                data = rest
        except Refusal as refusal:
            self._refuse(refusal)
            return
        finally:
            self._advancing = False
        if self._stage is _READING or self._stage is _OPEN:
            self._held = data
            if framing.phase is not phase:
                self._mark = self._roster.now
                if framing.continues:
                    self._transport.write(_CONTINUE)
        elif self._stage is _PARTING:
            self._part(bool(data))

    def _open(self, framing: Framing) -> None:
        head = framing.head
        method = head.method
        self._stage = _OPEN
        self._requests += 1
        self._exchange = exchange = Exchange(self, method == "HEAD", head.modern)
        request = HttpRequest(
            method,
            self._roster.scheme,
            head.authority,
            head.path,
            head.query,
            head.headers,
            framing.body,
            self._peer,
            self._port,
        )
        try:
            self._app(request, exchange)
        except Exception:
            log.exception("the application failed on %s %s", method, head.path)
            if not exchange.started:
                exchange.reply(500, [("content-type", JSON)], status_body(500, "the gateway failed", "internal"))
            elif not exchange.closed:
                self.abort()

    # Endings

    def _refuse(self, refusal: Refusal) -> None:
        """Answer with an error, and part: what follows on this connection cannot be trusted."""
        body = status_body(refusal.status, refusal.message, refusal.cause)
        edge = self._roster.stamp + "connection: close\r\n"
        self._transport.write(whole(refusal.status, [("content-type", JSON)], body, edge, False))
        self._part(True)

    def _part(self, unread: bool) -> None:
        """Close; where the client may still be sending, only our side, so that no reset destroys the last answer."""
        self._held = b""
        self._mark = self._roster.now
        if unread and self._transport.can_write_eof():
            self._stage = _PARTING
            if self._paused:
                self._paused = False
                self._transport.resume_reading()
            self._transport.write_eof()
        else:
            self._stage = _CLOSED
            self._transport.close()

    def _leave(self) -> None:
        self._stage = _CLOSED
        self._mark = self._roster.now
        self._held = b""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.abandon()
