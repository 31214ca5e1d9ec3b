"""A node's two connections to the bus and what belongs to them: subjects, timers, asks."""

import asyncio
import random
import time

from ..actors.bus import lean, natspy
from ..actors.bus.ask import Asker
from ..actors.bus.bus import Bus
from ..actors.loop.timer import Deadlines
from ..actors.messages.instance import Connection
from ..actors.messages.subject import Subjects
from ..actors.runtime.surroundings import Surroundings


class Link:
    """The data connection (lean protocol) carries calls, the control connection (nats-py) everything else."""

    def __init__(self, data: Bus, control: Bus, subjects: Subjects, node: str, rng: random.Random) -> None:
        self.data = data
        self.control = control
        self.subjects = subjects
        self.node = node
        self.rng = rng
        loop = asyncio.get_running_loop()
        self.deadlines = Deadlines(loop)
        self.surroundings = Surroundings(loop, self.deadlines, rng, time.monotonic, node)
        self.asker = Asker(control, subjects, node, self.deadlines)

    @property
    def connections(self) -> tuple[Connection, Connection]:
        """How the server names the data and the control connection."""
        return self.data.identity, self.control.identity

    async def flush(self) -> None:
        """Wait until the server knows of every subscription on both connections.

        Raises:
            BusUnavailable: there is no answer.
        """
        await self.data.flush()
        await self.control.flush()

    async def close(self) -> None:
        """Send what is written and close both connections."""
        self.asker.close()
        await self.data.drain(2.0)
        await self.control.drain(2.0)
        self.deadlines.close()


async def connect(url: str, mesh: str, node: str, rng: random.Random) -> Link:
    """Connect a node.

    Raises:
        BusUnavailable: there is no bus at `url`.
    """
    data = await lean.connect(url, f"plait {node} data", rng=rng)
    try:
        control = await natspy.connect(url, f"plait {node} control")
    except BaseException:
        await data.close()
        raise
    link = Link(data, control, Subjects(mesh), node, rng)
    await link.flush()
    return link
