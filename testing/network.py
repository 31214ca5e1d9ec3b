"""The simulated bus: a server in memory whose lines take time, lose, repeat and reorder, and break as TCP's do.

One server that never crashes stands for a whole cluster of NATS: it can be gone for a while (`outage`), a partition
stands for a lost route between its members.
"""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from ..actors.bus.address import SILENCE
from ..actors.bus.bus import BusState
from ..actors.bus.memory import MemoryBus, MemoryServer
from ..actors.messages.error import BusUnavailable
from ..actors.messages.instance import Connection
from .faults import Lines
from .trace import Trace
from .weather import Weather
from .world import World

if TYPE_CHECKING:
    from .host import Host

DISCONNECT = b"$SYS.ACCOUNT.MESH.DISCONNECT"
PATIENCE = 3.0
"""Seconds of silence after which a connection gives its server up, by its own PINGs."""
SERVER_PATIENCE = 5.0
"""Seconds after which the server gives a silent client up (`ping_interval` 2 s, two PINGs)."""
MOST_PENDING = 8 * 1024 * 1024
"""Bytes that may wait for a client that does not read, before the server calls it a slow consumer and cuts it."""
RETRY = 0.1
"""Seconds between two tries to connect again, and as much again by chance."""


class SimBus(MemoryBus):
    """One connection of a simulated node."""

    def __init__(self, server: "SimServer", name: str, host: "Host") -> None:
        super().__init__(server, name)
        self.host = host
        self.loop = host.loop
        """Of the process that made it: a later one of the same node has nothing to do with it."""
        self.epoch = 0
        """Which of its connections, one after another, this is: what belongs to an earlier one is lost."""
        self.due_up = self.due_down = 0.0
        self.pending = 0
        self.barriers = 0
        """PINGs whose PONG will say that what was read since was fresh again."""


class SimServer(MemoryServer):
    """Routes between `SimBus`es in virtual time."""

    def __init__(self, world: World, rng: random.Random, lines: Lines, trace: Trace, max_payload: int) -> None:
        super().__init__(max_payload, random.Random(rng.getrandbits(64)), "simulated")
        self.world = world
        self.weather = Weather(lines, rng)
        self.trace = trace
        self.down_until = 0.0
        """When the outage ends that holds now; a time that has passed: there is none."""
        self.counts = {"carried": 0, "bytes": 0, "slow consumers": 0}
        self.parted_at = 0.0
        """When the latest partition began."""
        self.routed: Callable[[SimBus, bytes, bytes, bytes], None] | None = None
        """Told of each message as the server takes it: sender, subject, reply, payload."""
        self.repeated: Callable[[bytes, bytes], None] | None = None
        """Told of each message that is delivered twice: subject, reply."""
        self._rng = rng
        self._draw = rng.random
        self._buses: dict[SimBus, None] = {}
        self._systems: list[SimBus] = []
        self._held: list[tuple[SimBus, int, Callable[..., None], tuple[Any, ...]]] = []
        self.watch(lambda name, identity: None, self._went)

    # Connections

    def join(self, host: "Host", name: str, *, system: bool = False) -> SimBus:
        """Return a new connection of a node; with `system` it hears of those that are lost.

        Raises:
            BusUnavailable: there is no server, or no way to it.
        """
        if not self._reaches(host):
            raise BusUnavailable(f"no NATS at {self.name}: Connection refused")
        bus = SimBus(self, name, host)
        self._buses[bus] = None
        if system:
            self._systems.append(bus)
        self.reconnect(bus)
        return bus

    def of(self, host: "Host") -> list[SimBus]:
        """Return the open connections of a node's present process."""
        return [bus for bus in self._buses if bus.host is host and bus.loop is host.loop]

    def close(self, bus: MemoryBus) -> None:
        """Forget a connection."""
        super().close(bus)
        assert isinstance(bus, SimBus)
        self._buses.pop(bus, None)
        if bus in self._systems:
            self._systems.remove(bus)

    def cut(self, bus: SimBus, notice: float = 0.0) -> None:
        """End a connection: here at once, at its other end after `notice` seconds. It will come again by itself."""
        if bus.online:
            self._leave(bus)
            bus.epoch += 1
            self.world.at(self.world.now + notice, bus.loop.arrive, self._lost, bus)

    def bury(self, host: "Host") -> None:
        """A node has died: the server sees its sockets close, unless its cable is out; then it learns it by silence."""
        buses = self.of(host)
        if host.isolated:
            self.world.at(self.world.now + SERVER_PATIENCE, self._bury, buses)
        else:
            self._bury(buses)

    def _bury(self, buses: list[SimBus]) -> None:
        for bus in buses:
            self._leave(bus)
            bus.epoch += 1
            self.close(bus)

    def outage(self, seconds: float) -> None:
        """Have the server gone for a while; what stands in its stores stays."""
        self.down_until = max(self.down_until, self.world.now + seconds)
        for bus in list(self._buses):
            self.cut(bus, 0.001 * self._draw())

    def _reaches(self, host: "Host") -> bool:
        return not host.isolated and self.world.now >= self.down_until

    def _lost(self, bus: SimBus) -> None:
        if bus.state is BusState.CONNECTED and not bus.online:
            bus.stalled, bus.barriers = False, 0
            bus.turn(BusState.RECONNECTING)
            bus.fail_waiting()
            self._again(bus)

    def _again(self, bus: SimBus) -> None:
        bus.loop.call_later(RETRY * (1.0 + self._draw()), self._try, bus)

    def _try(self, bus: SimBus) -> None:
        if bus.state is BusState.RECONNECTING:
            if not self._reaches(bus.host):
                self._again(bus)
                return
            bus.due_up = bus.due_down = self.world.now
            self.reconnect(bus)

    def _leave(self, bus: MemoryBus) -> None:
        self._leaving = bus
        super()._leave(bus)

    def _went(self, name: str, identity: Connection) -> None:
        if self.world.now < self.down_until:
            return
        event = msgspec.json.encode({"server": {"id": identity.server}, "client": {"id": identity.client}})
        for system in self._systems:
            if not self.reachable(self._leaving, system):
                continue
            for interest in system.interests:
                self.down(system, system.take, interest, DISCONNECT, b"", event, b"")

    # Isolation: a node's cable is out. TCP keeps what was sent until one end gives up.

    def isolate(self, host: "Host") -> None:
        """Cut a node off: nothing passes, and both ends notice only by silence."""
        host.isolated, host.since = True, self.world.now
        since = host.cuts = host.cuts + 1
        self.world.at(self.world.now + PATIENCE, self._give_up, host, since)

    def _give_up(self, host: "Host", since: int) -> None:
        if host.isolated and host.cuts == since:
            for bus in self.of(host):
                self.cut(bus)

    def join_again(self, host: "Host") -> None:
        """End a node's isolation; what both ends still hold arrives now.

        Its connections send a PING each second, and know from one that was unanswered that what they read is stale.
        """
        if not host.isolated:
            return
        host.isolated = False
        host.joined_at = self.world.now
        lasted, noticed = self.world.now - host.since, self._draw() + SILENCE
        host.unnoticed = max(host.unnoticed, min(lasted, noticed))
        if lasted > noticed:
            self.barrier(host)
        held, self._held = self._held, []
        for bus, epoch, arrive, what in held:
            if bus.host is not host:
                self._held.append((bus, epoch, arrive, what))
            elif bus.epoch == epoch:
                arrive(*what)

    def barrier(self, host: "Host") -> None:
        """Have a node's connections take what they read for stale until the server has answered a PING."""
        for bus in self.of(host):
            if bus.state is BusState.CONNECTED:
                bus.stalled = True
            if bus.online:
                bus.barriers += 1
                self.up(bus, self.down, bus, self._lift, bus)

    def _lift(self, bus: SimBus) -> None:
        bus.barriers -= 1
        if not bus.barriers:
            bus.stalled = False

    # What passes

    def up(self, bus: MemoryBus, arrive: Callable[..., None], *what: Any) -> None:
        """See `MemoryServer.up`: after the line's latency, in order, if nothing goes wrong."""
        assert isinstance(bus, SimBus)
        when = self.weather.when(
            self.world.now, bus.due_up, sure=arrive == self.down
        )  # a PING: TCP loses nothing, the server neither
        if when is not None:
            bus.due_up = max(bus.due_up, when)
            self.world.at(when, self._arrived, bus, bus.epoch, arrive, what)

    def _arrived(self, bus: SimBus, epoch: int, arrive: Callable[..., None], what: tuple[Any, ...]) -> None:
        if bus.epoch != epoch:
            return
        if bus.host.isolated:
            self._held.append((bus, epoch, arrive, what))
            return
        arrive(*what)

    def down(self, bus: MemoryBus, arrive: Callable[..., None], *what: Any) -> None:
        """See `MemoryServer.down`."""
        assert isinstance(bus, SimBus)
        when = self.weather.when(self.world.now, bus.due_down, sure=arrive != bus.take)
        if when is not None:
            bus.due_down = max(bus.due_down, when)
            self.world.at(when, self._landed, bus, bus.epoch, arrive, what)

    def _landed(self, bus: SimBus, epoch: int, arrive: Callable[..., None], what: tuple[Any, ...]) -> None:
        host = bus.host
        if bus.epoch != epoch:
            return
        if host.isolated:
            self._held.append((bus, epoch, bus.loop.arrive, (arrive, *what)))
            return
        if bus.loop.paused:
            bus.pending += sum(len(each) for each in what if isinstance(each, bytes))
            if bus.pending > MOST_PENDING:
                self.counts["slow consumers"] += 1
                self.trace.note(f"{bus.name} is a slow consumer and is cut off")
                self.cut(bus)
                return
        bus.loop.arrive(arrive, *what)

    def route(self, sender: MemoryBus, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        """Deliver one message, and write down that it passed."""
        assert isinstance(sender, SimBus)
        if not sender.online:
            return
        self.counts["carried"] += 1
        self.counts["bytes"] += len(subject) + len(reply) + len(payload)
        self.trace.message(sender.name, subject, reply, payload, headers)
        if self.routed is not None:
            self.routed(sender, subject, reply, payload)
        super().route(sender, subject, reply, payload, headers)
        if self.weather.twice():
            if self.repeated is not None:
                self.repeated(subject, reply)
            super().route(sender, subject, reply, payload, headers)

    def reachable(self, sender: MemoryBus, taker: MemoryBus) -> bool:
        """Return whether no partition stands between two connections."""
        assert isinstance(sender, SimBus)
        assert isinstance(taker, SimBus)
        return sender.host.side == taker.host.side

    def hides(self) -> bool:
        """Return whether a partition is so young that its sides do not know yet whom they cannot reach."""
        return self.world.now - self.parted_at < PATIENCE
