"""How the lean bus comes by a connection: one server after the other, until one takes us."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence

from ..loop.backoff import Backoff
from ..messages.error import BusDenied, BusUnavailable
from .address import Address, unreachable
from .lean_owner import Owner
from .lean_wire import Wire
from .login import Login
from .server_pool import ServerPool

log = logging.getLogger(__name__)

_RECONNECT = Backoff(base=0.05, ceiling=0.8, jitter=0.25)
_SPREAD = 0.02
"""Seconds."""
LEAST = 0.25
"""Seconds that a server gets at least, however many there are."""


class Dialer:
    """What all connections of one bus have in common: who we are, and how patient we are (in seconds)."""

    def __init__(
        self, name: str, login: Login, connect_timeout: float, ping_interval: float, clock: Callable[[], float]
    ) -> None:
        self._name = name
        self._login = login
        self._timeout = connect_timeout
        self._ping_interval = ping_interval
        self._clock = clock

    async def dial(self, owner: Owner, servers: Sequence[Address]) -> Wire:
        """Return a connection to the first of `servers` that takes us; `owner` has heard of it (`up`).

        To be run in an empty context, which the connection's callbacks inherit.

        Raises:
            BusDenied: none does, and one of them over who we are.
            BusUnavailable: none does.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timeout
        failures: list[BusUnavailable] = []
        for number, to in enumerate(servers):
            limit = max(LEAST, (end - loop.time()) / (len(servers) - number))
            try:
                return await self._attempt(owner, to, min(limit, self._timeout))
            except BusUnavailable as error:
                failures.append(error)
        raise none_of(failures)

    async def again(self, owner: Owner, pool: ServerPool, last: Address | None, rng: random.Random) -> None:
        """Connect once more, after the connection to `last` was lost; it takes as long as it takes."""
        tries = 0
        while True:
            # Another server is asked after a moment that only spreads the clients of the one that has gone.
            alone = tries > 0 or len(pool) == 1
            await asyncio.sleep(_RECONNECT.wait(tries, rng) if alone else _SPREAD * rng.random())
            try:
                await self.dial(owner, pool.order(last))
            except BusUnavailable as error:
                log.log(logging.DEBUG if tries else logging.WARNING, "%s", error)
                tries += 1
            else:
                return

    async def _attempt(self, owner: Owner, to: Address, limit: float) -> Wire:
        wire = Wire(owner, to, self._name, self._ping_interval, self._clock, self._login)
        refusal: BusUnavailable | None = None
        try:
            async with asyncio.timeout(limit):
                await asyncio.get_running_loop().create_connection(lambda: wire, to.host, to.port)
                await wire.ready
        except TimeoutError:
            if not wire.is_up:  # it may have come up in the very turn in which the time ended: a second would double it
                refusal = BusUnavailable(f"no NATS at {to}: no answer within {limit:.2g} s")
        except OSError as error:
            refusal = unreachable(to, error)
        finally:
            if not wire.is_up:
                wire.drop("never mind")
        refusal = refusal or wire.refusal()
        if refusal is not None:
            raise refusal
        return wire


def none_of(failures: Sequence[BusUnavailable]) -> BusUnavailable:
    """Return one error for all servers' failures: that of a login that is wrong says the most."""
    denied = [one for one in failures if isinstance(one, BusDenied)]
    kept = list(dict.fromkeys(str(one) for one in denied or failures))
    return (BusDenied if denied else BusUnavailable)("; ".join(kept) or "there is no other server")
