"""The data plane's own connection to NATS: direct callbacks, joined writes, replies in one map, reconnect for ever.

Subjects are taken as they are: they come from `messages.subject`, whose tokens are validated, or from the server.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from contextvars import Context

from ..messages.error import BusUnavailable
from ..messages.instance import Connection
from .address import MAX_LINE, QUEUE_LIMIT, Address, addresses, check_size, shown
from .bus import BusState, Deliver, Done
from .connection import BusConnection
from .lean_dial import Dialer
from .lean_handshake import ServerInfo
from .lean_move import Move
from .lean_parser import answers
from .lean_wire import Wire
from .login import NOBODY, Login
from .server_pool import ServerPool

log = logging.getLogger(__name__)

# Formatting a number is a quarter of the cost of a message; most messages are shorter than this.
_LENGTHS = tuple(b" %d\r\n" % length for length in range(8192))
_join = b"".join


class LeanSubscription:
    """One standing interest, carried over to each new connection."""

    __slots__ = ("_bus", "_number")

    def __init__(self, bus: "LeanBus", number: bytes) -> None:
        self._bus = bus
        self._number = number

    def unsubscribe(self) -> None:
        """End it; messages already on their way are dropped."""
        self._bus.unsubscribe(self._number)


class LeanBus(BusConnection):
    """A connection to the bus that speaks NATS itself; made by `connect`."""

    def __init__(
        self,
        servers: Sequence[Address],
        dialer: Dialer,
        rng: random.Random,
        clock: Callable[[], float],
        queue_limit: int,
    ) -> None:
        super().__init__(shown(servers))
        self.stalled = False
        self.deliveries: dict[bytes, Deliver] = {}
        self.interests: dict[bytes, bytes] = {}
        """The SUB line of each standing interest, by its number."""
        self._pool = ServerPool(servers, rng)
        self._dialer = dialer
        self._rng = rng
        self._clock = clock
        self._queue_limit = queue_limit
        self._loop = asyncio.get_running_loop()
        self._soon = self._loop.call_soon
        self._last = 0
        self._lately: Address | None = None
        """The server of the latest connection."""
        self._wire: Wire | None = None
        self._move: Move | None = None
        self._reconnecting: asyncio.Task[None] | None = None

    # Sending

    def publish(self, subject: bytes, payload: bytes, reply: bytes = b"", headers: bytes = b"") -> None:
        """Send one message, see `Bus.publish`."""
        wire = self._wire
        if wire is None:
            raise self.unavailable()
        size = len(payload)
        if headers:
            check_size(subject, reply, len(headers), size, self.max_payload)
            sizes = b" %d %d\r\n" % (len(headers), len(headers) + size)
            to = (b"HPUB ", subject, b" ", reply) if reply else (b"HPUB ", subject)
            message = _join((*to, sizes, headers, payload, b"\r\n"))
        else:
            length = _LENGTHS[size] if size < 8192 else b" %d\r\n" % size
            if reply:
                message = _join((b"PUB ", subject, b" ", reply, length, payload, b"\r\n"))
            else:
                message = _join((b"PUB ", subject, length, payload, b"\r\n"))
            if size > self.max_payload or len(message) - size > MAX_LINE:
                check_size(subject, reply, 0, size, self.max_payload)
        queued = wire.queued + len(message)
        if queued > self._queue_limit:
            wire.make_room()
            queued = len(message)
        wire.queued = queued
        out = wire.out
        if not out:
            self._soon(wire.flush)
        out.append(message)

    def request(self, subject: bytes, payload: bytes, reply: bytes, done: Done, headers: bytes = b"") -> None:
        """Send a message whose answer comes on `reply`, see `Bus.request`."""
        self.publish(subject, payload, reply, headers)
        self.waiting[reply] = done

    # Listening

    def subscribe(self, subject: bytes, deliver: Deliver, queue: bytes = b"") -> LeanSubscription:
        """Have `deliver` called for every message on `subject` from the next flush on.

        Raises:
            TooLarge: the subject is longer than a server takes.
        """
        check_size(subject, queue, 0, 0, self.max_payload)
        self._last += 1
        number = b"%d" % self._last
        self.interests[number] = b" ".join(part for part in (b"SUB", subject, queue, number) if part) + b"\r\n"
        self.deliveries[number] = deliver
        if self._wire is not None:
            self._wire.write(self.interests[number])
        if self._move is not None:
            self._move.subscribed(number, self.interests[number])
        return LeanSubscription(self, number)

    def inbox(self, pattern: bytes) -> LeanSubscription:
        """Listen on `pattern` for the answers to requests whose `reply` it covers."""
        return self.subscribe(pattern, answers)

    def unsubscribe(self, number: bytes) -> None:
        """End the subscription of this number."""
        self.deliveries.pop(number, None)
        if self.interests.pop(number, None) is not None and self._wire is not None:
            self._wire.write(b"UNSUB %b\r\n" % number)
            if self._move is not None:
                self._move.unsubscribed(number)

    # Coming and going

    async def flush(self, timeout: float = 2.0) -> None:
        """Wait until the server has read all that was sent, see `Bus.flush`."""
        if self._wire is None:
            raise self.unavailable()
        pong: asyncio.Future[bool] = self._loop.create_future()
        self._wire.send_ping(lambda came: None if pong.done() else pong.set_result(came))
        try:
            async with asyncio.timeout(timeout):
                came = await pong
        except TimeoutError:
            raise BusUnavailable(f"no PONG from {self.where} within {timeout:g} s") from None
        if not came:
            raise BusUnavailable(f"the connection to {self.where} was lost")

    async def drain(self, timeout: float = 5.0) -> None:
        """Take no new message, let the waiting requests end, send what is written, close."""
        if self.state in (BusState.DRAINING, BusState.CLOSED):
            return
        until = self._clock() + timeout
        self._stay()
        self.turn(BusState.DRAINING)
        try:
            # Answers are still wanted. What is on its way is still delivered: the PONG comes behind it.
            ending = [number for number in self.interests if self.deliveries[number] is not answers]
            for number in ending:
                if self._wire is not None:
                    self._wire.write(b"UNSUB %b\r\n" % number)
                del self.interests[number]
            await self.flush(timeout)
            for number in ending:
                self.deliveries.pop(number, None)
            await self.answered(until - self._clock())
            await self.flush(max(0.1, until - self._clock()))
        except BusUnavailable as error:
            log.warning("drained without a farewell: %s", error)
        finally:
            await self.close()

    async def close(self) -> None:
        """Close at once; waiting requests fail with `Disconnected`."""
        if self.state is BusState.CLOSED:
            return
        self._stay()
        wire, self._wire = self._wire, None
        task, self._reconnecting = self._reconnecting, None
        self.turn(BusState.CLOSED)
        self.deliveries.clear()
        self.interests.clear()
        self.fail_waiting()
        if task is not None:
            task.cancel()
            await asyncio.wait((task,), timeout=1.0)
        if wire is not None:
            await wire.end()

    async def open(self) -> None:
        """Make one connection; to be run in an empty context, which the callbacks inherit.

        Raises:
            BusDenied: a server does not take us for who we are, or we do not trust it.
            BusUnavailable: there is no server, or none takes us.
        """
        await self._dialer.dial(self, self._pool.order(self._lately))

    # What the connection reports (lean_wire.Owner)

    def up(self, wire: Wire, info: ServerInfo) -> None:
        """The server has taken us: the standing interests go first, so that a request's answer finds its way."""
        if self.state in (BusState.DRAINING, BusState.CLOSED):
            wire.drop("closed meanwhile")
            return
        self.stalled = False
        for line in self.interests.values():
            wire.write(line)
        self.settle(wire, info)

    def settle(self, wire: Wire, info: ServerInfo) -> None:
        """Make `wire`, which knows all interests, the connection of the bus."""
        self.identity = Connection(info.server_id, info.client_id)
        self.cluster = info.cluster
        self._wire = wire
        self._lately = wire.to
        self.news(wire, info)
        self.turn(BusState.CONNECTED)

    def news(self, wire: Wire, info: ServerInfo) -> None:
        """The server tells anew of itself and its cluster; one that is about to end is left before it cuts us off."""
        if wire is not self._wire:
            return
        self.max_payload = info.max_payload
        self._pool.learn(info.connect_urls, wire.to)
        leaves = info.ldm and self.state is BusState.CONNECTED and (self._move is None or self._move.over)
        if leaves and self._pool.others(wire.to):
            log.info("%s is about to end: moving to another server", wire.to)
            self._move = Move(self, wire, self._dialer, self._pool, self._rng)

    def lost(self, wire: Wire, reason: str) -> None:
        """The connection has ended: whoever waits learns it now."""
        if wire is not self._wire:
            return
        if self._move is not None and self._move.take_over():
            self.fail_waiting()  # an answer may have been on its way to the connection that ended
            return
        self._stay()
        self._wire = None
        self.stalled = False
        log.warning("the connection to %s was lost: %s", wire.to, reason)
        if self.state is BusState.CONNECTED:
            self._reconnecting = self._loop.create_task(self._reconnect(), context=Context())
            self.turn(BusState.RECONNECTING)
        self.fail_waiting()

    def _stay(self) -> None:
        """Move no more."""
        move, self._move = self._move, None
        if move is not None:
            move.stop()

    async def _reconnect(self) -> None:
        await self._dialer.again(self, self._pool, self._lately, self._rng)
        log.info("connected to %s again", self._lately)


async def connect(
    urls: str,
    name: str,
    *,
    login: Login = NOBODY,
    rng: random.Random | None = None,
    connect_timeout: float = 2.0,
    ping_interval: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
    queue_limit: int = QUEUE_LIMIT,
) -> LeanBus:
    """Return a connection to one of the servers at `urls`, joined by commas; known there as `name`.

    Times are in seconds, `queue_limit` in bytes.

    Raises:
        BusDenied: a server does not take us for who we are, or we do not trust it.
        BusUnavailable: no server took us within `connect_timeout`; later losses are repaired without end.
    """
    dialer = Dialer(name, login, connect_timeout, ping_interval, clock)
    bus = LeanBus(addresses(urls), dialer, rng or random.Random(), clock, queue_limit)
    await asyncio.get_running_loop().create_task(bus.open(), context=Context())
    return bus
