"""A move of the lean bus from a server that is about to end ("lame duck") to another one, without losing a message.

The new connection listens beside the old one for a moment. What arrives on both is delivered once, as the old one
brings it; what only the new one brought waits until the old one has ended its subscriptions, and is delivered then.
"""

import asyncio
import logging
import random
from collections.abc import Mapping
from contextvars import Context
from functools import partial
from itertools import count
from typing import Protocol

from ..loop.backoff import Backoff
from ..messages.error import BusUnavailable
from .bus import Deliver, Done
from .connection import guarded
from .lean_dial import Dialer
from .lean_handshake import ServerInfo
from .lean_owner import Owner
from .lean_parser import answers
from .lean_wire import Wire
from .server_pool import ServerPool

log = logging.getLogger(__name__)

SPREAD = 0.5
"""Seconds within which the clients of one server begin to leave it, each at a time of its own."""
SETTLE = 0.25
"""Seconds in which all servers learn where we listen now. No server tells when; on one site it is 10 ms."""
LINGER = 2.0
"""Seconds for which the old connection stays: answers may come on it, and the registry is to know the new one."""
PATIENCE = 2.0
"""Seconds for a server's PONG."""
MOST = 8 * 1024 * 1024
"""Bytes that may wait to be delivered; with more the new connection takes over at once."""
_AGAIN = Backoff(base=0.2, ceiling=2.0, jitter=0.25)


class Moving(Owner, Protocol):
    """The bus that moves."""

    @property
    def interests(self) -> Mapping[bytes, bytes]:
        """The SUB line of each standing interest, by its number."""
        ...

    def settle(self, wire: Wire, info: ServerInfo) -> None:
        """Make `wire`, which knows all interests, the connection of the bus."""
        ...


class Move:
    """One move. It is the owner of the new connection until it is done, and of the old one from then on."""

    def __init__(self, bus: Moving, old: Wire, dialer: Dialer, pool: ServerPool, rng: random.Random) -> None:
        self.max_payload = bus.max_payload
        self.stalled = False
        self.refusals = 0
        self.deliveries: dict[bytes, Deliver] = {}
        self.waiting: dict[bytes, Done] = bus.waiting  # answers count once by themselves
        self.done = False
        self._bus = bus
        self._old = old
        self._dialer = dialer
        self._pool = pool
        self._rng = rng
        self._new: tuple[Wire, ServerInfo] | None = None
        self._seen: dict[int, int] = {}
        self._seen_before: dict[int, int] = {}
        self._held: dict[int, list[tuple[int, bytes, tuple[bytes, bytes, bytes, bytes]]]] = {}
        """What only the new connection has brought so far: equal messages by one key, each with its place in line."""
        self._place = count()
        self._bytes = 0
        self._unsubscribed = False
        self._task = asyncio.get_running_loop().create_task(self._run(), context=Context())

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""
        return self._task.done()

    async def _run(self) -> None:
        tries = 0
        await asyncio.sleep(SPREAD * self._rng.random())
        while not self.done and not self._old.ended.done():
            try:
                wire = await self._dialer.dial(self, self._pool.others(self._old.to))
                await self._hand_over(wire)
            except BusUnavailable as error:
                if self.done:
                    break
                self._begin_anew()
                log.log(logging.DEBUG if tries else logging.WARNING, "%s ends: %s", self._old.to, error)
                await asyncio.sleep(_AGAIN.wait(tries, self._rng))
                tries += 1
        if self.done:
            await self._follow()

    async def _follow(self) -> None:
        """See the old connection off."""
        await asyncio.sleep(SETTLE)
        if self._new is not None:
            self._new[0].aim(self._bus.deliveries.get)
        await asyncio.sleep(LINGER - SETTLE)
        await self._old.end()

    async def _hand_over(self, wire: Wire) -> None:
        await _pong(wire)
        await asyncio.sleep(SETTLE / 2)
        # Whose twin has not come by now came before anybody knew of the new connection: it is not to hide another.
        self._seen_before, self._seen = self._seen, {}
        await asyncio.sleep(SETTLE / 2)
        self._seen_before = {}
        if self._new is None:
            raise BusUnavailable(f"the connection to {wire.to} was lost")
        self._unsubscribed = True
        for number, deliver in self._bus.deliveries.items():
            if deliver is not answers:
                self._old.write(b"UNSUB %b\r\n" % number)
        await _pong(self._old)  # behind all that it had for us
        if not self.take_over():
            raise BusUnavailable(f"the connection to {wire.to} was lost")

    def _begin_anew(self) -> None:
        new, self._new = self._new, None
        self._old.serve(self._bus)
        self.deliveries.clear()
        self._seen, self._seen_before, self._held, self._bytes = {}, {}, {}, 0
        if new is not None:
            new[0].drop("never mind")
        if self._unsubscribed:
            self._unsubscribed = False
            for line in self._bus.interests.values():  # a server takes the second SUB of a number for none
                self._old.write(line)

    def take_over(self) -> bool:
        """Let the new connection be the bus's own at once; returns whether there is one."""
        if self.done or self._new is None:
            return False
        self.done = True
        wire, info = self._new
        self.deliveries = {number: one for number, one in self._bus.deliveries.items() if one is answers}
        self._old.serve(self)
        held, self._held = sorted(one for equal in self._held.values() for one in equal), {}
        wire.serve(self._bus)
        wire.aim(self._find_late)  # behind by some messages, it still brings twins of what the old one brought
        self._bus.refusals += self.refusals
        self._bus.settle(wire, info)
        for _, number, message in held:
            deliver = self._bus.deliveries.get(number)
            if deliver is not None:
                guarded(deliver, *message)
        log.info("moved from %s to %s", self._old.to, wire.to)
        return True

    def stop(self) -> None:
        """End it where it stands: the bus keeps the connection that it has, and no other is left."""
        self._task.cancel()
        if self.done:
            self._old.drop("never mind")
        elif not self.over:
            self._begin_anew()

    # Listening in two places

    def subscribed(self, number: bytes, line: bytes) -> None:
        """Listen on the new connection too."""
        if self._new is not None and not self.done:
            self.deliveries[number] = (
                answers if self._bus.deliveries[number] is answers else partial(self._hold, number)
            )
            self._new[0].write(line)

    def unsubscribed(self, number: bytes) -> None:
        """Listen no more on the new connection either."""
        if self._new is not None and not self.done and self.deliveries.pop(number, None) is not None:
            self._new[0].write(b"UNSUB %b\r\n" % number)

    def _find(self, number: bytes) -> Deliver | None:
        deliver = self._bus.deliveries.get(number)
        return deliver if deliver is None or deliver is answers else partial(self._through, number, deliver)

    def _find_late(self, number: bytes) -> Deliver | None:
        deliver = self._bus.deliveries.get(number)
        return deliver if deliver is None or deliver is answers else partial(self._unless_seen, number, deliver)

    def _unless_seen(
        self, number: bytes, deliver: Deliver, subject: bytes, reply: bytes, payload: bytes, headers: bytes
    ) -> None:
        """The new connection brings a message when the old one brings none any more."""
        if not self._twin(hash((number, subject, reply, payload, headers))):
            deliver(subject, reply, payload, headers)

    def _through(
        self, number: bytes, deliver: Deliver, subject: bytes, reply: bytes, payload: bytes, headers: bytes
    ) -> None:
        """The old connection brings a message."""
        key = hash((number, subject, reply, payload, headers))
        if equal := self._held.get(key):
            self._bytes -= len(equal.pop(0)[2][2])
            if not equal:
                del self._held[key]
        else:
            self._seen[key] = self._seen.get(key, 0) + 1
        deliver(subject, reply, payload, headers)

    def _hold(self, number: bytes, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        """The new connection brings one: the old one has brought it, or will, or never does."""
        key = hash((number, subject, reply, payload, headers))
        if self._twin(key):
            return
        self._held.setdefault(key, []).append((next(self._place), number, (subject, reply, payload, headers)))
        self._bytes += len(payload)
        if self._bytes > MOST:
            asyncio.get_running_loop().call_soon(self.take_over)

    def _twin(self, key: int) -> bool:
        """Whether the old connection brought this one; each of its messages stands for one of the new connection's."""
        for seen in (self._seen_before, self._seen):
            if seen.get(key, 0) > 0:
                seen[key] -= 1
                return True
        return False

    # What the new connection reports, later the old one (lean_wire.Owner)

    def up(self, wire: Wire, info: ServerInfo) -> None:
        """Another server has taken us."""
        self._new = wire, info
        self._old.aim(self._find)
        for number, line in self._bus.interests.items():
            self.subscribed(number, line)

    def news(self, wire: Wire, info: ServerInfo) -> None:
        """Told to both connections, and heard on the bus's own."""

    def lost(self, wire: Wire, reason: str) -> None:
        """The old connection stays the bus's own; when that ends, nothing is wanted of it any more."""
        if self._new is not None and wire is self._new[0] and not self.done:
            self._begin_anew()


async def _pong(wire: Wire) -> None:
    """Wait until a server has read all that was written to it.

    Raises:
        BusUnavailable: it did not in time, or the connection has ended.
    """
    pong: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    wire.send_ping(lambda came: None if pong.done() else pong.set_result(came))
    try:
        async with asyncio.timeout(PATIENCE):
            came = await pong
    except TimeoutError:
        raise BusUnavailable(f"no PONG from {wire.to} within {PATIENCE:g} s") from None
    if not came:
        raise BusUnavailable(f"the connection to {wire.to} was lost")
