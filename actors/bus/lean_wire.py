"""One TCP connection of the lean bus, from INFO to its end: handshake, writes, liveness and the stall barrier.

Writes of one turn of the event loop leave as one. A PONG answers the oldest PING, so each PING is sent with what is
to happen then: end a flush, prove that the server lives, or lift the stall barrier.
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable
from typing import cast

from ..messages.error import BusDenied, BusUnavailable, Overloaded, Undecodable
from .address import GAP, SILENCE, TICK, Address
from .bus import Deliver
from .lean_handshake import Handshake, ServerInfo, read_info
from .lean_owner import Owner
from .lean_parser import Parser
from .login import NOBODY, REFUSALS, Login, distrusted

log = logging.getLogger(__name__)

# The server keeps the connection after these; every other complaint comes with its end.
_BEARABLE = ("permissions violation", "invalid subject", "invalid publish subject")
_UNANSWERED = 2


class Wire(asyncio.Protocol):
    """One connection to a NATS server."""

    def __init__(
        self,
        owner: Owner,
        to: Address,
        name: str,
        ping_interval: float,
        clock: Callable[[], float],
        login: Login = NOBODY,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._owner = owner
        self.to = to
        self._interval = ping_interval
        self._clock = clock
        self._parser = Parser(owner.deliveries, owner.waiting, self)
        self.feed = Handshake(to, name, login, self).feed
        self.out: list[bytes] = []
        """What this turn of the loop writes; whoever puts in the first piece has `flush` called soon."""
        self.queued = 0
        """Bytes in `out`."""
        self.paused = False
        self.ended: asyncio.Future[str] = self._loop.create_future()
        """Why the connection ended, once it has."""
        self.ready: asyncio.Future[str] = self._loop.create_future()
        """An empty text when the server has taken us, else why not."""
        self.denied = False
        """Whether it is a matter of who we are, or who the server is."""
        self._transport: asyncio.Transport | None = None
        self._info: ServerInfo | None = None
        self._up = False
        self._pongs: deque[Callable[[bool], None]] = deque()
        self._barriers = 0
        self._unanswered = 0
        self._trips: deque[float] = deque(maxlen=4)
        """Seconds between the latest PINGs and their PONGs: a long line is no silent one."""
        self._reason = ""
        self._timer: asyncio.TimerHandle | None = None
        self._beat = self._heard = self._next_ping = self._pinged = clock()

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has the methods, not the class

    def data_received(self, data: bytes) -> None:
        # asyncio reads before it runs timers, uvloop runs timers first: both look for the gap.
        now = self._clock()
        if now - self._beat > GAP:
            self._gap(now)
        self._beat = self._heard = now
        # What the callbacks write leaves together when the chunk is read: an empty piece keeps them from scheduling it.
        if not self.out:
            self.out.append(b"")
        try:
            self.feed(data)
        except Undecodable as error:
            self.drop(str(error))
        self.flush()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        distrust = distrusted(exc) if exc is not None else None  # TLS 1.3 has an end that ours does not wait for
        self.denied = self.denied or distrust is not None
        reason = self._reason or (str(distrust or exc) if exc else "the server closed the connection")
        if not self.ready.done():
            self.ready.set_result(reason)
        if not self.ended.done():
            self.ended.set_result(reason)
        while self._pongs:
            self._pongs.popleft()(False)
        self._owner.lost(self, reason)

    # Whom it serves

    @property
    def is_up(self) -> bool:
        """Whether the server has taken us."""
        return self._up

    def serve(self, owner: Owner) -> None:
        """Serve another owner, who has the same `waiting`, from now on."""
        self._owner = owner
        owner.stalled = self._barriers > 0
        self.aim(owner.deliveries.get)

    def aim(self, find: Callable[[bytes], Deliver | None]) -> None:
        """Have the callback of each message found by `find`, from the next chunk on."""
        self._parser.find = find

    # Writing

    def write(self, line: bytes) -> None:
        """Send a control line with the other writes of this turn."""
        if not self.out:
            self._loop.call_soon(self.flush)
        self.out.append(line)
        self.queued += len(line)

    def flush(self) -> None:
        """Hand over what this turn has written, unless the server reads too slowly."""
        out = self.out
        if not out or self.paused or self._transport is None:
            return
        batch = b"".join(out)
        out.clear()
        self.queued = 0
        if batch and not self._transport.is_closing():
            self._transport.write(batch)

    def make_room(self) -> None:
        """Shorten a queue that is at its limit.

        Raises:
            Overloaded: the server does not read.
        """
        self.flush()
        if self.out:
            raise Overloaded(f"the bus takes the bytes too slowly: {self.queued} wait")

    def send_ping(self, answered: Callable[[bool], None]) -> None:
        """Send a PING; `answered` is called once, with True at its PONG, with False if the connection ends first."""
        self._pongs.append(answered)
        self.write(b"PING\r\n")

    def drop(self, reason: str) -> None:
        """End the connection at once."""
        self._reason = self._reason or reason
        if self._transport is not None:
            self._transport.abort()

    async def end(self, timeout: float = 1.0) -> None:
        """Write what is left and close; what the server has not read after `timeout` seconds is dropped."""
        self._reason = self._reason or "closed by this side"
        self.flush()
        if self._transport is None:
            return
        self._transport.close()
        try:
            await asyncio.wait((self.ended,), timeout=timeout)
        finally:
            self._transport.abort()

    # The handshake (lean_handshake.Line)

    async def secure(self, context: ssl.SSLContext, name: str) -> None:
        """Go on in TLS with a server that has a certificate for `name`."""
        assert self._transport is not None
        secured = await self._loop.start_tls(self._transport, self, context, server_hostname=name)
        self._transport = cast("asyncio.Transport", secured)

    def log_in(self, info: ServerInfo, connect: bytes, rest: bytes) -> None:
        """Send the CONNECT, once: a second one would silently stop all deliveries; `rest` was read behind the INFO."""
        self._info = info
        self.feed = self._parser.feed
        self.write(connect)
        self.send_ping(self._welcome)
        if rest:
            self.feed(rest)

    def refuse(self, reason: str, *, denied: bool) -> None:
        """End a connection that is not to come about; `denied` where it is over who one of the two sides is."""
        self.denied = denied
        self.drop(reason)
        if not self.ready.done():  # a handshake of TLS that fails may end without a word to this protocol
            self.ready.set_result(reason)

    def refusal(self) -> BusUnavailable | None:
        """Return why the server has not taken us; None when it has."""
        reason = self.ready.result()
        kind = BusDenied if self.denied else BusUnavailable
        return kind(f"the bus at {self.to} refused: {reason}") if reason else None

    # What the server says to the connection (lean_parser.Control)

    def info(self, text: bytes) -> None:
        """Later INFOs bring new limits, and news of the cluster."""
        self._owner.news(self, read_info(text))

    def ping(self) -> None:
        """Answer."""
        self.write(b"PONG\r\n")

    def pong(self) -> None:
        """Do what the oldest PING was for."""
        if self._pongs:
            self._pongs.popleft()(True)

    def error(self, text: str) -> None:
        """A refused subject harms nobody else; after anything else the server closes."""
        if self._up and text.lower().startswith(_BEARABLE):
            self._owner.refusals += 1
            log.warning("%s: %s", self.to, text)
        else:
            self.denied = self.denied or any(one in text.lower() for one in REFUSALS)
            self.drop(f"the server says: {text}")

    # Liveness and the stall barrier

    def _welcome(self, came: bool) -> None:
        if not came or self.ready.done():
            return
        assert self._info is not None
        self._up = True
        self._trips.append(self._clock() - self._pinged)  # with all of the handshake: rather too long than too short
        self._next_ping = self._clock() + self._interval
        self._timer = self._loop.call_later(TICK, self._tick)
        self._owner.up(self, self._info)
        self.ready.set_result("")

    def _tick(self) -> None:
        now = self._clock()
        if now - self._beat > GAP:
            self._gap(now)
        self._beat = now
        if now >= self._next_ping:
            if self._unanswered >= _UNANSWERED and now - self._heard > _UNANSWERED * self._interval:
                self.drop(f"{self._unanswered} PINGs unanswered")
                return
            self._next_ping = now + self._interval
            if not self._unanswered:
                self._pinged = now
            self._unanswered += 1
            self.send_ping(self._alive)
        elif self._unanswered and not self._barriers and now - self._pinged > SILENCE + min(self._trips):
            self._gap(now)
        self._timer = self._loop.call_later(TICK, self._tick)

    def _alive(self, came: bool) -> None:
        if came:
            if self._unanswered:
                self._trips.append(self._clock() - self._pinged)
            self._unanswered = 0

    def _gap(self, now: float) -> None:
        """The loop stood still, or the line was silent: what was sent before this PING's PONG may have waited."""
        if not self._up:
            return
        self._next_ping = max(self._next_ping, now + GAP)  # answers may lie unread: judge after reading
        self._barriers += 1
        self._owner.stalled = True
        self.send_ping(self._caught_up)

    def _caught_up(self, came: bool) -> None:
        self._barriers -= 1
        if came and not self._barriers:
            self._owner.stalled = False
