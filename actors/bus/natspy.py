"""The bus over nats-py: for JetStream and the control connection, and the proof that the interface is not one client's.

nats-py's types are partly unknown to strict checkers: this file and those beside it talk to it. Its methods are
coroutines that do not wait as long as its queues have room; `now` runs such a coroutine on the spot.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import Any

from nats import errors
from nats.aio.client import Client

from ..messages.error import BusUnavailable, NoResponders, Overloaded
from ..messages.instance import Connection
from .address import NO_RESPONDERS, QUEUE_LIMIT, Address, addresses, check_size, shown, unreachable
from .bus import BusState, Deliver, Done
from .connection import BusConnection
from .header import fields
from .login import NOBODY, Login
from .natspy_client import LoginClient, refusal
from .natspy_subscription import NatsPySubscription, now
from .stall import StallWatch

log = logging.getLogger(__name__)

SPREAD = 0.5
"""Seconds within which the clients of a server that is about to end begin to leave it."""
PATIENCE = 1.0
"""Seconds for answers that are still to come from there."""


class NatsPyBus(BusConnection):
    """A connection to the bus through nats-py; made by `connect`. Of header fields of one name it keeps the last."""

    def __init__(
        self,
        servers: Sequence[Address],
        login: Login,
        rng: random.Random,
        clock: Callable[[], float],
        queue_limit: int,
    ) -> None:
        super().__init__(shown(servers))
        self._client = LoginClient(servers, login)
        self._any: Any = self._client
        self._urls = [str(one) for one in servers]
        self._rng = rng
        self._leaving: asyncio.Task[None] | None = None
        self._queue_limit = queue_limit
        self._loop = asyncio.get_running_loop()
        self._subscriptions: dict[NatsPySubscription, None] = {}
        self.watch = StallWatch(clock, self._catch_up)
        self.failed: asyncio.Future[BusUnavailable] = self._loop.create_future()
        """Why the first connection will never come about."""

    @property
    def client(self) -> Client:
        """nats-py's own client, for JetStream."""
        return self._client

    @property
    def stalled(self) -> bool:
        """True between a gap of the event loop and the server's next PONG."""
        return self.watch.stalled

    # Sending

    def publish(self, subject: bytes, payload: bytes, reply: bytes = b"", headers: bytes = b"") -> None:
        """Send one message, see `Bus.publish`."""
        client = self._any
        if not (client.is_connected and self.state in (BusState.CONNECTED, BusState.DRAINING)):
            raise self.unavailable()
        check_size(subject, reply, len(headers), len(payload), self.max_payload)
        if client.pending_data_size > self._queue_limit:
            raise Overloaded(f"the bus takes the bytes too slowly: {client.pending_data_size} wait")
        extra = fields(headers) if headers else None
        now(client.publish(subject.decode(), payload, reply.decode(), extra))

    def request(self, subject: bytes, payload: bytes, reply: bytes, done: Done, headers: bytes = b"") -> None:
        """Send a message whose answer comes on `reply`, see `Bus.request`."""
        self.publish(subject, payload, reply, headers)
        self.waiting[reply] = done

    # Listening

    def subscribe(self, subject: bytes, deliver: Deliver, queue: bytes = b"") -> NatsPySubscription:
        """Have `deliver` called for every message on `subject` from the next flush on."""
        check_size(subject, queue, 0, 0, self.max_payload)
        if self.state is BusState.CLOSED:
            raise self.unavailable()
        subscription = NatsPySubscription(deliver, self.watch.look, self._drop)
        # nats-py starts a task a subscription: in an empty context, or every message would wear the subscriber's.
        made = Context().run(now, self._any.subscribe(subject.decode(), queue.decode(), subscription.take))
        subscription.bind(made)
        self._subscriptions[subscription] = None
        return subscription

    def inbox(self, pattern: bytes) -> NatsPySubscription:
        """Listen on `pattern` for the answers to requests whose `reply` it covers."""
        return self.subscribe(pattern, self._answer)

    def _drop(self, subscription: NatsPySubscription) -> None:
        """End one subscription."""
        if subscription in self._subscriptions:
            del self._subscriptions[subscription]
            subscription.end_interest()

    def _answer(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        done = self.waiting.pop(subject, None)
        if done is not None:
            done(NoResponders() if not payload and headers.startswith(NO_RESPONDERS) else payload)

    # Coming and going

    async def flush(self, timeout: float = 2.0) -> None:
        """Wait until the server has read all that was sent, see `Bus.flush`."""
        if not self._any.is_connected:
            raise self.unavailable()
        try:
            # Its PING would overtake what its flusher has not written yet.
            await asyncio.wait_for(self._any._flush_pending(force_flush=True), timeout)
            await self._any.flush(timeout)
        except (errors.Error, TimeoutError, OSError) as error:
            raise BusUnavailable(f"no PONG from {self.where} within {timeout:g} s: {error}") from None

    async def drain(self, timeout: float = 5.0) -> None:
        """Take no new message, let the waiting requests end, send what is written, close."""
        if self.state in (BusState.DRAINING, BusState.CLOSED):
            return
        until = self._loop.time() + timeout
        self.turn(BusState.DRAINING)
        try:
            # nats-py drops what it holds when it unsubscribes; its own drain of a subscription delivers that first.
            ending = [each for each in self._subscriptions if each.deliver != self._answer]
            await asyncio.wait_for(asyncio.gather(*(each.drain() for each in ending)), timeout)
            await self.answered(until - self._loop.time())
            await self.flush(max(0.1, until - self._loop.time()))
        except (BusUnavailable, errors.Error, TimeoutError, OSError) as error:
            log.warning("drained without a farewell: %s", error)
        finally:
            await self.close()

    async def close(self) -> None:
        """Close at once; waiting requests fail with `Disconnected`."""
        if self.state is BusState.CLOSED:
            return
        self.watch.stop()
        if self._leaving is not None:
            self._leaving.cancel()
        self.turn(BusState.CLOSED)
        for subscription in self._subscriptions:
            subscription.deliver = None
        self._subscriptions.clear()
        self.fail_waiting()
        try:
            # Limited, because nats-py waits for a peer that does not read any more.
            await asyncio.wait_for(self._any.close(), 2.0)
        except (errors.Error, TimeoutError, OSError) as error:
            log.warning("nats-py did not close: %s", error)
        # Cancelled while it connects it may miss that (asyncio.wait_for before Python 3.12), and would go on for ever.
        reconnecting: asyncio.Task[None] | None = self._any._reconnection_task
        for _ in range(20):
            if reconnecting is None or reconnecting.done():
                break
            reconnecting.cancel()
            await asyncio.wait((reconnecting,), timeout=0.1)

    async def open(self, name: str, ping_interval: float, connect_timeout: float) -> None:
        """Make the first connection; to be run in an empty context, which all of nats-py's tasks inherit."""
        await self._any.connect(
            self._urls,
            name=name,
            error_cb=self._complained,
            disconnected_cb=self._disconnected,
            reconnected_cb=self._connected,
            closed_cb=self._given_up,
            lame_duck_mode_cb=self._server_ends,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.05 * (1.0 + self._rng.random()),
            connect_timeout=connect_timeout,
            ping_interval=ping_interval,
            max_outstanding_pings=2,
            # 0: a message that cannot leave now is refused; late delivery would run it after its caller gave up.
            pending_size=0,
            # Unbounded, so that no send ever waits; it holds no bytes.
            flusher_queue_size=0,
        )
        await self._connected()
        self.watch.start()

    async def _connected(self) -> None:
        self.max_payload = self._any.max_payload
        info = self._any._server_info
        self.identity = Connection(info.get("server_id", ""), self._any.client_id or 0)
        self.cluster = info.get("cluster", "")
        if self.state is BusState.RECONNECTING:
            self.turn(BusState.CONNECTED)

    async def _disconnected(self) -> None:
        # What had not left yet would be sent on the next connection: its senders hear now that it is lost.
        self._any._pending.clear()
        self._any._pending_data_size = 0
        self.watch.lift()
        if self.state is BusState.CONNECTED:
            self.turn(BusState.RECONNECTING)
        self.fail_waiting()

    async def _server_ends(self) -> None:
        """A server that is about to end ("lame duck") is left before it cuts us off, its clients at different times."""
        if len(self._any._server_pool) > 1 and (self._leaving is None or self._leaving.done()):
            self._leaving = self._loop.create_task(self._leave(), context=Context())

    async def _leave(self) -> None:
        await asyncio.sleep(SPREAD * self._rng.random())
        await self.answered(PATIENCE)  # nats-py has one connection at a time: what is in flight is lost with it
        with contextlib.suppress(BusUnavailable):
            await self.flush()
        await self._any.force_reconnect()

    async def _given_up(self) -> None:
        if self.state not in (BusState.CLOSED, BusState.DRAINING):
            log.error("nats-py has given %s up: %s", self.where, self._any.last_error)
            self.turn(BusState.CLOSED)

    async def _complained(self, error: Exception) -> None:
        text = str(error) or type(error).__name__
        if "permissions violation" in text.lower():
            self.refusals += 1
            log.warning("%s: %s", self.where, text)
            return
        log.debug("%s: %s", self.where, text)
        refused = refusal(self._client.server, error)
        if refused is not None and not self.failed.done():
            self.failed.set_result(refused)

    async def _catch_up(self) -> bool:
        # A subscription's task runs before this one when its message was read before the PONG.
        try:
            await self._any.flush(2.0)
        except (errors.Error, OSError) as error:
            log.debug("no PONG after a gap: %s", error)
            return False
        return True


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
) -> NatsPyBus:
    """Return a connection to one of the servers at `urls`, see `lean.connect`.

    Raises:
        BusDenied: a server does not take us for who we are, or we do not trust it.
        BusUnavailable: no server took us within `connect_timeout`; later losses are repaired without end.
    """
    bus = NatsPyBus(addresses(urls), login, rng or random.Random(), clock, queue_limit)
    work = bus.open(name, ping_interval, connect_timeout)
    opening = asyncio.get_running_loop().create_task(work, context=Context())
    try:
        # nats-py by itself tries for ever to reach a server that is not there, or that refuses us.
        await asyncio.wait((opening, bus.failed), timeout=connect_timeout, return_when=asyncio.FIRST_COMPLETED)
        if bus.failed.done() and not opening.done():
            raise bus.failed.result()
        if not opening.done():
            why = bus.client.last_error or TimeoutError(f"no answer within {connect_timeout:g} s")
            raise unreachable(bus.where, why)
        await opening
    except BaseException:
        opening.cancel()
        await asyncio.wait((opening,), timeout=1.0)
        await bus.close()
        raise
    return bus
