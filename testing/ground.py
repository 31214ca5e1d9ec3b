"""The ground of a simulated node: the clocks of its machine, the simulated bus and store, doors without sockets."""

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..actors.bus.bus import Bus
from ..actors.messages.error import StartFailed
from ..actors.messages.subject import Subjects
from ..actors.service.check import Outside
from ..actors.service.health import Health
from ..egress.carrier import Carrier
from ..egress.target import Target
from ..gateway.exchange import Application
from ..mesh.link import Link
from ..registry.dns_door import NameDoor
from .bucket import SimBucket
from .door import SimDoor

if TYPE_CHECKING:
    from .host import Host

EPOCH = 1_700_000_000
"""Seconds since 1970 at which every run begins."""


class SimGround:
    """See `Ground`: what one life of a node stands on."""

    where = "the simulated bus"

    def __init__(self, host: "Host", rng: random.Random) -> None:
        self.loop: asyncio.AbstractEventLoop = host.loop
        self.rng = rng
        self.clock = host.loop.time
        self.clock_ns: Callable[[], int] = lambda: round(host.loop.time() * 1e9)
        self.wall_clock: Callable[[], float] = lambda: EPOCH + host.world.now + host.jumped
        self.wall_clock_ns: Callable[[], int] = lambda: round(self.wall_clock() * 1e9)
        self.spent: Callable[[], float] = lambda: 0.0  # no time passes in a turn of a simulated loop
        self.doors: list[SimDoor] = []
        self._host = host
        self._loop = host.loop

    async def link(self, node: str, mesh: str) -> Link:
        """See `Ground.link`."""
        join = self._host.server.join
        data = join(self._host, f"{node} data")
        link = Link(data, join(self._host, f"{node} control"), Subjects(mesh), node, self)
        link.surroundings.probe = self._host.probe
        await link.flush()
        return link

    async def system(self, link: Link) -> Bus | None:
        """See `Ground.system`."""
        return self._host.server.join(self._host, f"{link.node} system", system=True)

    async def address(self) -> str:
        """See `Ground.address`."""
        return "127.0.0.1"

    async def bucket(self, link: Link, name: str) -> SimBucket:
        """See `Ground.bucket`."""
        return SimBucket(self._host.stores, name, self._host)

    async def probe(self, check: Outside) -> Health:
        """Pass: nothing outside of the mesh is simulated."""
        return Health.passing()

    def listener(self, application: Application, host: str, port: int) -> SimDoor:
        """See `Ground.listener`."""
        self.doors.append(SimDoor(self._host.world, self._loop, application, host, port))
        return self.doors[-1]

    def name_door(self, host: str, port: int, forward: tuple[str, int] | None) -> NameDoor:
        """Refuse, see `Ground.name_door`."""
        raise StartFailed("a simulated node has no DNS sockets")

    def carrier(self, target: Target, largest: int) -> Carrier:
        """Refuse, see `Ground.carrier`."""
        raise StartFailed("there is nothing outside of a simulated mesh")
