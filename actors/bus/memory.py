"""A bus without a network, for tests and the simulator: one router, any number of connections, order kept.

A message takes one turn of the event loop where it would take the wire, and nothing else: no thread, no task, no clock.
"""

import asyncio
import itertools
import logging
import random
from collections.abc import Callable, Iterator

from ..messages.error import BusUnavailable, NoResponders
from ..messages.instance import Connection
from .address import NO_RESPONDERS, check_size
from .bus import BusState, Deliver, Done
from .connection import BusConnection, guarded
from .interest import Interest, Router

log = logging.getLogger(__name__)

Event = Callable[[str, Connection], None]
"""Takes the name and the identity of a connection."""

_STATUS = NO_RESPONDERS + b"\r\n\r\n"


class MemorySubscription:
    """One standing interest of one connection."""

    def __init__(self, bus: "MemoryBus", interest: Interest["MemoryBus"]) -> None:
        self._bus = bus
        self._interest = interest

    def unsubscribe(self) -> None:
        """End it; messages already on their way are dropped."""
        self._bus.unsubscribe(self._interest)


class MemoryServer:
    """Carries messages between its connections; `rng` picks the member of a queue group."""

    def __init__(self, max_payload: int = 1024 * 1024, rng: random.Random | None = None, name: str = "memory") -> None:
        self.name = name
        self.max_payload = max_payload
        self._rng = rng or random.Random(0)
        self._clients = itertools.count(1)
        self._tokens = itertools.count(1)
        self._watchers: list[tuple[Event, Event]] = []
        self._router: Router[MemoryBus] = Router()

    def connect(self, name: str) -> "MemoryBus":
        """Return a new connection."""
        bus = MemoryBus(self, name)
        self.reconnect(bus)
        return bus

    def token(self) -> str:
        """Return the token of one more connection, the same in every run: nobody here guesses."""
        return f"{next(self._tokens):032x}"

    def watch(self, came: Event, went: Event) -> None:
        """Have each coming and going of a connection reported, as a system account sees it."""
        self._watchers.append((came, went))

    def disconnect(self, bus: "MemoryBus") -> None:
        """Cut a connection; it stays cut until `reconnect`."""
        self._leave(bus)
        if bus.state is not BusState.CLOSED:
            bus.turn(BusState.RECONNECTING)
        bus.fail_waiting()

    def reconnect(self, bus: "MemoryBus") -> None:
        """Let a connection come back, under a new identity and with its subscriptions."""
        if bus.state is not BusState.RECONNECTING:
            return
        bus.max_payload = self.max_payload
        bus.identity = Connection(self.name, next(self._clients))
        for interest in bus.interests:
            self._router.add(interest)
        bus.online = True
        for came, _ in self._watchers:
            came(bus.name, bus.identity)
        bus.turn(BusState.CONNECTED)

    def add(self, interest: Interest["MemoryBus"]) -> None:
        """Deliver what the interest covers from now on."""
        self._router.add(interest)

    def remove(self, interest: Interest["MemoryBus"]) -> None:
        """Deliver no more to it."""
        self._router.remove(interest)

    def close(self, bus: "MemoryBus") -> None:
        """Forget a connection."""
        self._leave(bus)

    def _leave(self, bus: "MemoryBus") -> None:
        if not bus.online:
            return
        bus.online = False
        for interest in bus.interests:
            self._router.remove(interest)
        for _, went in self._watchers:
            went(bus.name, bus.identity)

    def route(self, sender: "MemoryBus", subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        """Deliver one message to all whom it concerns, or its sender the news that there is nobody."""
        if not sender.online:
            return  # lost with its connection
        known = self._router.match(subject)
        near = [interest for interest in known if self.reachable(sender, interest.owner)]
        takers = list(self._choose(near))
        for interest in takers:
            self.down(interest.owner, interest.owner.take, interest, subject, reply, payload, headers)
        if not takers and reply and not (known and self.hides()):
            for interest in self._router.match(reply):
                if interest.owner is sender:
                    self.down(sender, sender.take, interest, reply, b"", b"", _STATUS)

    # The ways between connections: where another server lets them take time, and lets things be lost.

    def hides(self) -> bool:
        """Return whether those who cannot be reached are taken for present: no sender is told that they are not."""
        return False

    def reachable(self, sender: "MemoryBus", taker: "MemoryBus") -> bool:
        """Return whether messages pass from one connection to another."""
        return True

    def up(self, bus: "MemoryBus", arrive: Callable[..., None], *what: object) -> None:
        """Have something from a connection arrive here, after what it sent before."""
        asyncio.get_running_loop().call_soon(arrive, *what)

    def down(self, bus: "MemoryBus", arrive: Callable[..., None], *what: object) -> None:
        """Have something arrive at a connection, after what was sent there before."""
        arrive(*what)

    def _choose(self, interests: list[Interest["MemoryBus"]]) -> Iterator[Interest["MemoryBus"]]:
        groups: dict[bytes, list[Interest[MemoryBus]]] = {}
        for interest in interests:
            if interest.queue:
                groups.setdefault(interest.queue, []).append(interest)
            else:
                yield interest
        for members in groups.values():
            yield self._rng.choice(members)


class MemoryBus(BusConnection):
    """One connection to a `MemoryServer`."""

    def __init__(self, server: MemoryServer, name: str) -> None:
        super().__init__(f"memory://{server.name}", server.token())
        self.stalled = False
        self.name = name
        self.online = False
        self.interests: dict[Interest[MemoryBus], None] = {}
        self._server = server
        self._loop = asyncio.get_running_loop()

    def publish(self, subject: bytes, payload: bytes, reply: bytes = b"", headers: bytes = b"") -> None:
        """Send one message, see `Bus.publish`; it never is `Overloaded`."""
        if not self.online:
            raise self.unavailable()
        check_size(subject, reply, len(headers), len(payload), self.max_payload)
        self._server.up(self, self._server.route, self, subject, reply, payload, headers)

    def request(self, subject: bytes, payload: bytes, reply: bytes, done: Done, headers: bytes = b"") -> None:
        """Send a message whose answer comes on `reply`, see `Bus.request`."""
        self.publish(subject, payload, reply, headers)
        self.waiting[reply] = done

    def subscribe(self, subject: bytes, deliver: Deliver, queue: bytes = b"") -> MemorySubscription:
        """Have `deliver` called for every message on `subject` from now on."""
        check_size(subject, queue, 0, 0, self.max_payload)
        interest: Interest[MemoryBus] = Interest(self, subject, queue, deliver)
        self.interests[interest] = None
        if self.online:
            self._server.add(interest)
        return MemorySubscription(self, interest)

    def inbox(self, pattern: bytes) -> MemorySubscription:
        """Listen on `pattern` for the answers to requests whose `reply` it covers."""
        return self.subscribe(pattern, self._answer)

    def unsubscribe(self, interest: Interest["MemoryBus"]) -> None:
        """End one interest."""
        if interest in self.interests:
            del self.interests[interest]
            if self.online:
                self._server.remove(interest)

    def take(
        self, interest: Interest["MemoryBus"], subject: bytes, reply: bytes, payload: bytes, headers: bytes
    ) -> None:
        """Deliver one message; what the callback raises is logged."""
        if interest in self.interests:
            guarded(interest.deliver, subject, reply, payload, headers)

    def _answer(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        done = self.waiting.pop(subject, None)
        if done is not None:
            done(NoResponders() if not payload and headers.startswith(NO_RESPONDERS) else payload)

    async def flush(self, timeout: float = 2.0) -> None:
        """Wait until all that was sent before has been routed."""
        if not self.online:
            raise self.unavailable()
        routed = self._loop.create_future()

        def pong() -> None:
            if not routed.done():
                routed.set_result(None)

        self._server.up(self, self._server.down, self, pong)
        try:
            async with asyncio.timeout(timeout):
                await routed
        except TimeoutError:
            raise BusUnavailable(f"the bus at {self.where} did not answer within {timeout:g} s") from None
        if not self.online:
            raise BusUnavailable(f"the connection to {self.where} was lost")

    async def drain(self, timeout: float = 5.0) -> None:
        """Take no new message, let the waiting requests end, close."""
        if self.state in (BusState.DRAINING, BusState.CLOSED):
            return
        self.turn(BusState.DRAINING)
        try:
            if self.online:
                await self.flush(timeout)
                for interest in [each for each in self.interests if each.deliver != self._answer]:
                    self.unsubscribe(interest)
                await self.answered(timeout)
                await self.flush(timeout)
        except BusUnavailable as error:
            log.warning("drained without a farewell: %s", error)
        finally:
            await self.close()

    async def close(self) -> None:
        """Close at once; waiting requests fail with `Disconnected`."""
        if self.state is BusState.CLOSED:
            return
        self._server.close(self)
        self.turn(BusState.CLOSED)
        self.interests.clear()
        self.fail_waiting()
