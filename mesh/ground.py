"""What a node stands on: time, chance, and the ways to the bus, to stores and to clients, all given.

A real node stands on `RealGround`. The simulator gives a ground of its own, with the same classes on top, unchanged.
"""

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ..actors.bus.bus import Bus
from ..actors.service.check import Outside
from ..actors.service.health import Health
from ..actors.table.store import KeyValue
from ..egress.carrier import Carrier
from ..egress.target import Target
from ..gateway.door import Door
from ..gateway.exchange import Application
from ..registry.dns_door import NameDoor

if TYPE_CHECKING:
    from .link import Link


class Ground(Protocol):
    """One per node, and used on its event loop only. Nothing of a node looks at another clock or draws elsewhere.

    The clocks are attributes that hold functions, so that a real node calls the system's own without a step between.
    """

    @property
    def where(self) -> str:
        """The bus, named for people; without secrets."""
        ...

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that the node runs on."""
        ...

    @property
    def rng(self) -> random.Random:
        """Chance for names, balancing, jitter and trace ids; secrets are made by the connections themselves."""
        ...

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds that only grow, on the scale of `loop.time()`; also within a turn of the loop."""
        ...

    @property
    def clock_ns(self) -> Callable[[], int]:
        """Nanoseconds that only grow; durations of spans."""
        ...

    @property
    def wall_clock(self) -> Callable[[], float]:
        """Seconds since 1970; may jump."""
        ...

    @property
    def wall_clock_ns(self) -> Callable[[], int]:
        """Nanoseconds since 1970; incarnations, and starts of spans."""
        ...

    @property
    def spent(self) -> Callable[[], float]:
        """Seconds of processor time that the calling thread has used, where the loop runs in it."""
        ...

    async def link(self, node: str, mesh: str) -> "Link":
        """Connect a node.

        Raises:
            BusUnavailable: there is no bus.
        """
        ...

    async def system(self, link: "Link") -> Bus | None:
        """Return a connection that sees the bus's own events (who was disconnected); None where there is no right to.

        Raises:
            BusUnavailable: the credentials are not taken.
        """
        ...

    async def address(self) -> str:
        """Return the IP address at which other machines reach this node, as far as it can be known here."""
        ...

    async def bucket(self, link: "Link", name: str) -> KeyValue:
        """Return a store, made when it is missing.

        Raises:
            MeshError: it could not be had.
        """
        ...

    async def probe(self, check: Outside) -> Health:
        """Look once at what is outside of the mesh; a look that is cancelled leaves nothing behind.

        It may raise what it meets: the caller takes an error for a critical answer.
        """
        ...

    def listener(self, application: Application, host: str, port: int) -> Door:
        """Return what serves `application` on an address, once started; port 0 takes a free one."""
        ...

    def name_door(self, host: str, port: int, forward: tuple[str, int] | None) -> NameDoor:
        """Return what takes DNS questions on an address, once started; port 0 takes one that is free for UDP and TCP.

        Args:
            host: the address.
            port: the port for both.
            forward: who is asked for names of others; None: nobody.

        Raises:
            StartFailed: there is no such thing on this ground.
        """
        ...

    def carrier(self, target: Target, largest: int) -> Carrier:
        """Return what carries calls to a target outside the mesh.

        Args:
            target: whom to call.
            largest: bytes of an answer's body that the bus takes.

        Raises:
            OSError, ssl.SSLError: a file of its TLS settings is not there, or holds no certificate or key.
            StartFailed: there is nothing outside on this ground.
        """
        ...
