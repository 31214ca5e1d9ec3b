"""The ground of a real node: the system's clocks, NATS, JetStream and TCP."""

import asyncio
import random
import socket
import time
from collections.abc import Callable
from itertools import product

from ..actors.bus import lean, natspy
from ..actors.bus.address import addresses, shown
from ..actors.bus.bus import Bus
from ..actors.messages.subject import Subjects
from ..actors.service.check import Outside
from ..actors.service.health import Health
from ..actors.table.store import KeyValue
from ..egress.carrier import Carrier
from ..egress.target import Target
from ..gateway.door import Door
from ..gateway.exchange import Application
from ..gateway.listener import Listener
from ..registry.dns_door import NameDoor
from .link import Link
from .options import LOOPBACK, NodeOptions

COPIES = 3
"""On so many servers of a cluster the mesh's truth is kept: one of them may be lost."""


class RealGround:
    """See `Ground`. Make it on the running event loop."""

    def __init__(self, options: NodeOptions) -> None:
        self._options = options
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.rng = random.Random()
        # Not the loop's: uvloop's `time()` stands still during a turn, which a stopped process would take for time
        # that has not passed.
        self.clock: Callable[[], float] = time.monotonic
        self.clock_ns: Callable[[], int] = time.monotonic_ns
        self.wall_clock: Callable[[], float] = time.time
        self.wall_clock_ns: Callable[[], int] = time.time_ns
        self.spent: Callable[[], float] = time.thread_time

    @property
    def where(self) -> str:
        """The bus's addresses without a password."""
        return shown(addresses(self._options.nats))

    async def link(self, node: str, mesh: str) -> Link:
        """Connect by both protocols, see `Ground.link`."""
        url, login = self._options.nats, self._options.login
        data = await lean.connect(url, f"plait {node} data", login=login, rng=self.rng)
        try:
            control = await natspy.connect(url, f"plait {node} control", login=login, rng=self.rng)
        except BaseException:
            await data.close()
            raise
        link = Link(data, control, Subjects(mesh), node, self)
        await link.flush()
        return link

    async def system(self, link: Link) -> Bus | None:
        """Connect by the system's credentials, see `Ground.system`."""
        url, login = self._options.nats_sys, self._options.system_login
        return await lean.connect(url, f"plait {link.node} system", login=login, rng=self.rng) if url else None

    async def address(self) -> str:
        """Return this end of the way to the bus: the system chooses it as it does for the connection itself.

        IPv4 comes first: who asks DNS for an address asks for such a one.
        """
        servers = addresses(self._options.nats)
        for family, bus in product((socket.AF_INET, socket.AF_INET6), servers):
            try:
                found = await self.loop.getaddrinfo(bus.host, bus.port, family=family, type=socket.SOCK_DGRAM)
                with socket.socket(family, socket.SOCK_DGRAM) as way:
                    way.connect(found[0][4])  # sends nothing; the socket has a local address then
                    return str(way.getsockname()[0]).partition("%")[0]
            except OSError:
                continue
        return LOOPBACK

    async def bucket(self, link: Link, name: str) -> KeyValue:
        """Open a JetStream bucket, see `Ground.bucket`."""
        from ..actors.table.jetstream import open_bucket  # most nodes have no store

        return await open_bucket(link.asker, name, replicas=COPIES if link.control.cluster else 1)

    async def probe(self, check: Outside) -> Health:
        """Look by HTTP, TCP or a program, see `Ground.probe`."""
        from .probe import probe  # most services have no such check

        return await probe(check)

    def listener(self, application: Application, host: str, port: int) -> Door:
        """Return a TCP listener, see `Ground.listener`."""
        return Listener(application, host, port, clock=self.clock, wall=self.wall_clock)

    def name_door(self, host: str, port: int, forward: tuple[str, int] | None) -> NameDoor:
        """Return sockets for DNS, see `Ground.name_door`."""
        from ..registry.dns_server import DnsServer  # most nodes answer no names

        return DnsServer(host, port, forward, self.clock)

    def carrier(self, target: Target, largest: int) -> Carrier:
        """Return connections by HTTP/1.1, see `Ground.carrier`."""
        from ..egress.exchange import Exchange  # most nodes carry nothing out of the mesh

        return Exchange(target, largest)
