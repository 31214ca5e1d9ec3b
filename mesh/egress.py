"""The egress role: follows the policy, and has an instance in the registry for each address outside the mesh."""

import asyncio
import logging
from typing import Any

import msgspec

from ..actors.messages.error import MeshError, StartFailed
from ..actors.messages.health import CRITICAL, LONGEST_REASON
from ..actors.messages.instance import Instance
from ..actors.proxy.call import Caller
from ..actors.routing.table import RouteTable
from ..actors.runtime.actor import Actor
from ..actors.runtime.spec import ChildSpec
from ..egress.external import External
from ..egress.target import Target, targets
from .enrolment import Remove, join, tell_registry
from .resident import DRAIN_LIMIT, Place, Resident

log = logging.getLogger("plait.egress")

ROLE = "egress"
CONCURRENCY = 256
"""Calls to one address that are under way at a time; as many as a service handles."""
MAILBOX = 1000
AGAIN = 5.0
"""Seconds after which an address that could not be served, for a file is missing, is tried again."""


class Follow(msgspec.Struct, frozen=True):
    """There is another route table, or something is to be tried again."""


class Stand:
    """One target and the instance that stands for it; without a carrier it is registered as critical."""

    def __init__(self, target: Target, place: Place) -> None:
        self.target = target
        self.failed = False
        self._place = place
        link = place.link
        unique = f"{link.ground.rng.getrandbits(24):06x}"
        name = f"{target.host.replace('.', '-')}-{target.port}"[-56:].strip("-")
        self._instance = Instance(
            f"{name}-{unique}",
            target.service,
            target.labels.get("version", ""),
            {"app": target.host, **place.labels, **target.labels},
            target.locality,
            link.node,
            link.ground.wall_clock_ns(),
        )
        self._resident = self._made()

    def _made(self) -> Resident:
        one = self._instance
        return Resident(one, Caller(one.id, one.service, labels=one.labels), self._place)

    async def enter(self) -> None:
        """Take calls; what cannot be is told to the registry, and logged.

        Raises:
            MeshError: the registry does not take it, or cannot be asked.
        """
        one, place, target = self._instance, self._place, self.target
        tracer = place.telemetry.tracer(target.host, one.id, one.version)
        largest = place.link.data.max_payload

        def make() -> Actor:
            return External(target, lambda: place.link.ground.carrier(target, largest), tracer)

        try:
            spec = ChildSpec(one.id, make, shutdown=5.0, concurrency=CONCURRENCY, mailbox=MAILBOX, sheds=True)
            await self._resident.enter(spec)
        except StartFailed as error:
            self.failed = True
            log.error("no calls to %s: %s", target.title, error)
            reason = str(error)[:LONGEST_REASON]
            self._instance = msgspec.structs.replace(one, health=CRITICAL, reason=reason)
            await join(place.membership, self._instance, place.link.surroundings)

    async def leave(self) -> None:
        """Take no more calls; those in hand are finished."""
        if self._resident.entered:
            await self._resident.leave()
            return
        try:
            await tell_registry(self._place.membership, Remove(self._instance.id), 2.0)
        except MeshError:
            return  # without a registry there is nobody to tell


class Egress(Actor):
    """One per node. A target is there before the policy that brings it holds, and stays until another holds."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._stands: dict[str, Stand] = {}
        self._table: RouteTable = place.proxy.table
        self._in_force = True
        self._told = False
        self._leaving: set[asyncio.Task[None]] = set()

    async def pre_start(self) -> None:
        """Stand for what is in force."""
        self._place.proxy.follow(self._heard)
        await self._follow()

    async def post_stop(self) -> None:
        """Take every instance out, without losing a call."""
        self._place.proxy.unfollow(self._heard)
        for key in list(self._stands):
            self._retire(key)
        if self._leaving:
            await asyncio.wait(self._leaving)

    def _heard(self, table: RouteTable, in_force: bool) -> None:
        self._table, self._in_force = table, in_force
        self._wake()

    def _wake(self) -> None:
        if not self._told:
            self._told = True
            try:
                self.cell.tell(Follow())
            except MeshError:  # about to stop
                self._told = False

    async def receive(self, message: Any) -> Any:
        """Follow the policy."""
        if not isinstance(message, Follow):
            return super().receive(message)
        self._told = False
        await self._follow()
        return None

    async def _follow(self) -> None:
        """Start what is missing; once the table is in force, let go what is not in it."""
        table, in_force = self._table, self._in_force
        wanted = {one.digest: one for one in targets(table.upstream)}
        for key, stand in list(self._stands.items()):
            if stand.failed or (in_force and key not in wanted):
                self._retire(key)
        for key, target in wanted.items():
            if key not in self._stands:
                await self._start(key, target)
        if any(stand.failed for stand in self._stands.values()):
            self.surroundings.deadlines.at(self.surroundings.clock() + AGAIN, self._wake)

    async def _start(self, key: str, target: Target) -> None:
        stand = Stand(target, self._place)
        try:
            await stand.enter()
        except MeshError as error:
            log.error("%s is not in the registry: %s", target.title, error)
            stand.failed = True
        self._stands[key] = stand

    def _retire(self, key: str) -> None:
        task = self.surroundings.loop.create_task(self._stands.pop(key).leave())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


def egress_spec(place: Place) -> ChildSpec:
    """Return the egress actor of a node."""
    return ChildSpec(ROLE, lambda: Egress(place), shutdown=DRAIN_LIMIT + 2.0)
