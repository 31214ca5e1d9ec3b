"""One instance that takes calls in this node: its cell, its way in from the bus, its place in the registry."""

import asyncio

import msgspec

from ..actors.messages.error import MeshError
from ..actors.messages.health import DRAINING
from ..actors.messages.instance import Instance
from ..actors.proxy.call import Caller
from ..actors.proxy.inbound import Inbound
from ..actors.proxy.meter import Meter
from ..actors.proxy.proxy import Proxy
from ..actors.routing.table import RouteTable
from ..actors.runtime.cell import Cell
from ..actors.runtime.spec import ChildSpec
from ..actors.runtime.supervisor import Supervisor
from ..actors.service.check import Outside
from .arrival import Arrived
from .enrolment import Fares, Remove, join, tell_registry
from .link import Link
from .telemetry import Telemetry

DRAIN_LIMIT = 30.0
"""Seconds that calls in hand may take when an instance leaves."""


class Place(msgspec.Struct, frozen=True, eq=False):
    """What hosting needs of its node."""

    link: Link
    proxy: Proxy
    telemetry: Telemetry
    supervisor: Supervisor
    membership: Cell
    labels: dict[str, str]
    locality: str
    address: str
    """The IP address at which other machines reach the node."""
    checks: tuple[Outside, ...] = ()
    """Health checks of its services beside their own."""
    weight: float = 1.0


class Resident:
    """What services and egress actors have in common: they are called."""

    def __init__(self, instance: Instance, caller: Caller, place: Place, meter: Meter | None = None) -> None:
        """`meter` is where the instance's own code adds to what is measured of it."""
        self._meter = meter or Meter(place.link.busy.read)
        self._instance = instance
        self._caller = caller
        self._place = place
        self._inbound: Inbound | None = None

    @property
    def entered(self) -> bool:
        """Whether it listens."""
        return self._inbound is not None

    async def enter(self, spec: ChildSpec) -> Cell:
        """Start the actor, listen, then announce it: whoever finds it can call it.

        Raises:
            StartFailed: the actor could not start.
            MeshError: the registry does not take it, or cannot be asked.
        """
        place, link, name = self._place, self._place.link, self._instance.id
        cell = await place.supervisor.start_child(spec)
        place.proxy.wire.open(self._caller)
        self._inbound = Inbound(
            self._instance,
            cell,
            link.data,
            link.deadlines,
            link.surroundings.clock,
            place.telemetry.undecodable,
            self._meter,
            Arrived(place.telemetry.metrics, self._instance, lambda: place.proxy.instances, link.surroundings.clock),
        )
        inbound = self._inbound
        link.loads[name], link.limits[name] = inbound.load, lambda: inbound.limit
        place.proxy.follow(self._ruled)
        self._ruled(place.proxy.table, True)
        self._inbound.open(link.subjects)
        place.proxy.wire.attach(name, self._inbound.accept, self._inbound.stop)
        await link.data.flush()
        await join(place.membership, self._instance, link.surroundings)
        return cell

    def _ruled(self, table: RouteTable, in_force: bool) -> None:
        """What is said about the service holds where it is called, too."""
        if in_force and self._inbound is not None:
            self._inbound.use(table.upstream(self._instance.service, "").resilience)

    async def leave(self) -> None:
        """Leave without losing a call: announce it, refuse new calls as not processed, finish those in hand."""
        if self._inbound is None:
            return
        place, name = self._place, self._instance.id
        await self._tell(Fares(name, DRAINING))
        self._inbound.drain()
        limit = place.link.surroundings.clock() + DRAIN_LIMIT
        while self._inbound.active and place.link.surroundings.clock() < limit:  # noqa: ASYNC110 - seldom, and short
            await asyncio.sleep(0.01)
        await self._tell(Remove(name))
        self._inbound.close()
        place.proxy.unfollow(self._ruled)
        place.link.loads.pop(name, None)
        place.link.limits.pop(name, None)
        place.proxy.wire.detach(name)
        await place.supervisor.stop_child(name)
        place.proxy.wire.close(self._caller)

    async def _tell(self, step: Fares | Remove) -> None:
        try:
            await tell_registry(self._place.membership, step, 2.0)
        except MeshError:
            return  # without a registry there is nobody to tell; the connection's end says the same
