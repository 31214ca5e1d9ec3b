"""A node's two connections to the bus and what belongs to them: subjects, timers, asks."""

from collections.abc import Callable

from ..actors.bus.ask import Asker
from ..actors.bus.bus import Bus
from ..actors.loop.busy import BusyShare
from ..actors.loop.timer import Deadlines
from ..actors.messages.instance import Connection
from ..actors.messages.load import LoadReport
from ..actors.messages.subject import Subjects
from ..actors.proxy.concurrency import ConcurrencyLimit
from ..actors.runtime.surroundings import Surroundings
from .ground import Ground


class Link:
    """The data connection (lean protocol) carries calls, the control connection (nats-py) everything else."""

    def __init__(self, data: Bus, control: Bus, subjects: Subjects, node: str, ground: Ground) -> None:
        self.data = data
        self.control = control
        self.subjects = subjects
        self.node = node
        self.ground = ground
        self.rng = ground.rng
        self.deadlines = Deadlines(ground.loop)
        self.surroundings = Surroundings(ground.loop, self.deadlines, ground.rng, ground.clock, node)
        self.busy = BusyShare(ground.spent, ground.clock)
        """What share of its time the node's event loop is busy."""
        self.loads: dict[str, Callable[[], LoadReport]] = {}
        """How busy the instances are that are called here, by id: the node's heartbeats tell it."""
        self.limits: dict[str, Callable[[], ConcurrencyLimit | None]] = {}
        """How many calls they take at a time, where a policy has them find that out."""
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
