"""What may happen to a simulated mesh, on purpose or by chance: deaths, pauses, partitions, clocks that jump."""

import asyncio
from collections.abc import Sequence

from ..mesh.node import Node
from .bucket import Stores
from .failure import SimulationError
from .faults import Lines
from .host import Host
from .invariant import Invariants
from .loop import SimLoop
from .network import SimServer
from .trace import Trace
from .world import World


class Happenings:
    """The half of a `Simulation` that lets things happen; what is named are nodes."""

    world: World
    server: SimServer
    stores: Stores
    trace: Trace
    invariants: Invariants
    loop: SimLoop
    hosts: Sequence[Host]
    partitions = 0
    """How many there have been."""

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return self.world.now

    def host(self, name: str) -> Host:
        """Return the machine of a node, whether it runs or not.

        Raises:
            SimulationError: there is none of that name.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        raise SimulationError(f"there is no node {name!r}; there are {', '.join(host.name for host in self.hosts)}")

    def node(self, name: str) -> Node:
        """Return a node's present life, to look into it.

        Raises:
            SimulationError: there is no such node, or it does not run.
        """
        node = self.host(name).node
        if node is None:
            raise SimulationError(f"the node {name} does not run just now")
        return node

    def crash(self, name: str) -> None:
        """Kill a node, as `kill -9` does; it stays dead until `start`."""
        self.host(name).crash()

    def start(self, name: str) -> None:
        """Start a node again."""
        self.host(name).start()

    def restart(self, name: str) -> None:
        """Stop a node in order and start it again; returns at once. A node that is being restarted is left to that."""
        host = self.host(name)
        if host.restarting is None:
            host.restarting = self.loop.create_task(self._restart(host))

    async def _restart(self, host: Host) -> None:
        try:
            if host.running:
                kills = host.kills
                await host.stop()
                if host.kills == kills:  # else it was killed over it, and is to stay dead
                    host.start()
        except (Exception, asyncio.CancelledError) as error:
            self.invariants.violated(f"{host.name} stopped badly: {error!r}", error)
        finally:
            host.restarting = None

    def pause(self, name: str, seconds: float | None = None) -> None:
        """Have a node stand still, as SIGSTOP does; for so many seconds, or until `resume`."""
        host = self.host(name)
        host.pause()
        pauses = host.pauses

        def goes_on() -> None:
            if host.pauses == pauses:
                host.resume()

        if seconds is not None:
            self.world.at(self.now + seconds, goes_on)

    def resume(self, name: str) -> None:
        """Have a paused node go on."""
        self.host(name).resume()

    def jump(self, name: str, seconds: float) -> None:
        """Set a node's time of day forward or back."""
        self.host(name).jump(seconds)

    def isolate(self, name: str) -> None:
        """Pull a node's cable; both ends notice only by silence."""
        self.trace.note(f"{name} is cut off from the bus")
        self.server.isolate(self.host(name))

    def join_again(self, name: str) -> None:
        """Plug a node's cable in again."""
        self.trace.note(f"{name} is on the bus again")
        self.server.join_again(self.host(name))

    def partition(self, *sets: Sequence[str]) -> None:
        """Part the nodes: those of each set hear only each other; the rest keep the stores and the scenario."""
        if any(isinstance(names, str) for names in sets):
            raise SimulationError('partition takes sets of names: partition(["a", "b"]), not partition("a")')
        self.heal()
        self.partitions += 1
        self.server.parted_at = self.now
        for side, names in enumerate(sets, 1):
            self.trace.note(f"a partition: {', '.join(names)} hear only each other")
            for name in names:
                self.host(name).side = side

    def heal(self) -> None:
        """End the partition."""
        if any(host.side for host in self.hosts):
            self.trace.note("the partition has ended")
        for host in self.hosts:
            host.side = 0

    def outage(self, seconds: float) -> None:
        """Have the bus be gone for so many seconds; the stores keep what they hold."""
        self.trace.note(f"the bus is gone for {seconds:.3f} s")
        self.server.outage(seconds)

    def trouble(self, seconds: float) -> None:
        """For so many seconds a third of the store's operations do not happen, and a third of its answers are lost."""
        self.trace.note(f"the store is troubled for {seconds:.3f} s")
        self.stores.trouble_until = self.now + seconds

    def smooth(self) -> None:
        """End a storm; what the scenario has set in `lines` stays."""
        self.server.weather.storm = Lines(0.0, 0.0)

    def mend(self) -> None:
        """End everything that is broken: nodes go on or start, lines and stores are whole."""
        self.heal()
        self.smooth()
        self.server.down_until = self.stores.trouble_until = self.now
        for host in self.hosts:
            if host.isolated:
                self.join_again(host.name)
            host.resume()
            host.start()
