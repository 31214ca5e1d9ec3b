"""Runs one instance of a service in a node: its cell, its way in from the bus, its place in the registry."""

from collections.abc import Sequence

from ..actors.messages.health import STARTING
from ..actors.messages.instance import Instance
from ..actors.proxy.call import Caller
from ..actors.proxy.meter import Meter
from ..actors.runtime.actor import Actor
from ..actors.runtime.cell import Cell
from ..actors.runtime.spec import ChildSpec
from ..actors.service.check import Check, HttpCheck, MethodCheck, Outside
from ..actors.service.checkup import OwnLook
from ..actors.service.service import Hosting, Service
from .checker import Checker, Look, outside
from .condition import Condition
from .link import Link
from .resident import Place, Resident

CUT = 0.1
"""Seconds that a look may go on when nobody waits for it any more."""


class Hosted:
    """One running instance."""

    def __init__(self, kind: type[Service], place: Place) -> None:
        self._kind = kind
        self._place = place
        token, ground = kind.token(), place.link.ground
        unique = f"{ground.rng.getrandbits(24):06x}"
        name = f"{token.replace('_', '-')}-{kind.version.lower().replace('.', '-')}-{unique}"[-63:]
        self.condition = Condition((*kind.examined, *place.checks))
        self.instance = Instance(
            name,
            token,
            kind.version,
            {**_given(kind), **place.labels, **kind.labels},
            place.locality,
            place.link.node,
            ground.wall_clock_ns(),  # later than any life before, also where the name is the same
            events=tuple(sorted(kind.interests)),
            address=place.address,
            health=self.condition.health,
            reason=self.condition.reason,
            weight=place.weight,
        )
        self._tracer = place.telemetry.tracer(token, name, kind.version)
        self.caller = Caller(name, token, kind.namespace, self.instance.labels, self._tracer)
        self._meter = Meter(place.link.busy.read)
        self._resident = Resident(self.instance, self.caller, place, self._meter)

    async def start(self) -> None:
        """Start the service, listen, then announce it, and look after its health: whoever finds it can call it.

        Raises:
            StartFailed: the service could not start.
            MeshError: the registry does not take it, or cannot be asked.
        """
        place, kind, name = self._place, self._kind, self.instance.id
        hosting = Hosting(
            self.instance,
            self.caller,
            place.proxy,
            self._tracer,
            meter=self._meter,
        )

        def make() -> Actor:
            service = kind()
            service.hosting = hosting
            return service

        spec = ChildSpec(name, make, shutdown=5.0, concurrency=kind.concurrency, mailbox=kind.mailbox, sheds=True)
        cell = await self._resident.enter(spec)
        if self.condition.standings:
            await self._look_after(cell)

    async def _look_after(self, cell: Cell) -> None:
        place, name = self._place, self.instance.id
        checks = [standing.check for standing in self.condition.standings]
        looks = [_look(check, cell, place.link) for check in checks]

        def make() -> Actor:
            return Checker(name, self.condition, looks, place.membership)

        spec = ChildSpec(self._checker, make, shutdown=CUT, concurrency=len(checks))
        await place.supervisor.start_child(spec)

    @property
    def _checker(self) -> str:
        return f"{self.instance.id}-health"

    def waits_for(self) -> str:
        """Return why callers are not given this instance yet; empty from its first passing checks on."""
        if self.condition.health == STARTING:
            return self.condition.reason
        known = self._place.proxy.instances.get(f"{self.instance.service}.{self.instance.id}")
        return "the registry has not told of it" if known is None or known.health == STARTING else ""

    async def drain(self) -> None:
        """Leave without losing a call: announce it, refuse new calls as not processed, finish those in hand."""
        if not self._resident.entered:
            return
        if self.condition.standings:
            await self._place.supervisor.stop_child(self._checker)
        await self._resident.leave()


def _given(kind: type[Service]) -> dict[str, str]:
    return {"app": kind.name, "version": kind.version}


def common_labels(kinds: Sequence[type[Service]]) -> dict[str, str]:
    """Return what all services of a node carry alike: what can be said of the node as a caller."""
    each = [{**_given(kind), **kind.labels} for kind in kinds]
    return (
        {name: value for name, value in each[0].items() if all(one.get(name) == value for one in each)} if each else {}
    )


def _look(check: Check, cell: Cell, link: Link) -> Look:
    """Return how to look: by a turn of the service for what is its own, else from its node."""
    if isinstance(check, MethodCheck) or (isinstance(check, HttpCheck) and check.own):
        return OwnLook(cell, check)
    assert isinstance(check, Outside)
    return outside(link.ground.probe, check)
