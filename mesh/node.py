"""One actor node: connects, starts what it is told to in order, and leaves without losing a call."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack

from ..actors.bus.bus import Bus, BusState
from ..actors.messages.error import BusUnavailable, DeadlineExceeded, IntensityExceeded, NoResponders
from ..actors.messages.health import STARTING
from ..actors.messages.instance import Instance
from ..actors.messages.name import label
from ..actors.proxy.locality import here
from ..actors.proxy.proxy import Instances, Proxy
from ..actors.proxy.revision import PolicyFollower
from ..actors.proxy.wire import Wire
from ..actors.runtime.cell import Cell
from ..actors.runtime.post import Post
from ..actors.runtime.spec import ChildSpec, Spec
from ..actors.runtime.supervisor import Supervisor
from ..actors.service.service import Service
from ..actors.table.follower import Follower
from .departure import Departure
from .edge import EDGES, Edges
from .gauge import measure
from .gossip import gossip
from .ground import Ground
from .health import Health
from .hosting import Hosted, common_labels
from .inquiry import answer
from .membership import Membership
from .options import NodeOptions
from .presence import Presence
from .quotas import quotas
from .readiness import routable
from .real_ground import RealGround
from .resident import Place
from .sole import make_sure_of
from .target import ROLES, load
from .telemetry import Telemetry
from .weighing import Weighing

log = logging.getLogger("plait.node")

PATIENCE = 1.0
"""Seconds between two complaints that something needed is not there yet."""


def tell_stderr(line: str) -> None:
    """Tell whoever started the process."""
    print(line, file=sys.stderr)


class Node:
    """One process of the mesh; in the simulator, what would be one."""

    def __init__(
        self,
        options: NodeOptions,
        ground: Ground | None = None,
        *,
        runs: Sequence[type[Service] | Spec] = (),
        tell: Callable[[str], object] = tell_stderr,
    ) -> None:
        """Make a node of the running event loop.

        Args:
            options: what it is to do.
            ground: what it stands on; None is the real world that `options` names.
            runs: services and actors at hand, besides those that the targets name.
            tell: takes a line for people while something that the node needs is not there yet.
        """
        self.options = options
        self.ground: Ground = ground or RealGround(options)
        self.name = label(options.name or f"node-{self.ground.rng.getrandbits(24):06x}", "node")
        self.failed: asyncio.Future[Exception] = self.ground.loop.create_future()
        self._runs = runs
        self._tell = tell
        self._hosted: list[Hosted] = []
        self.members: dict[str, Instance] = {}
        """What of this node is to stand in the registry, by id: its services and roles."""
        self.presence = Presence()
        self._system: Bus | None = None
        self._edges = Edges()
        self._ready = False
        self.health: Health | None = None
        """Given by whoever runs the node as a process; the simulator has no threads to watch from."""
        self._ends = AsyncExitStack()

    async def start(self) -> None:
        """Connect and start everything; returns when it is registered, healthy and known to be, or fails: then too
        `stop` puts away what was started.

        Raises:
            BusUnavailable: there is no bus.
            StartFailed: a target could not be started.
        """
        options, ground = self.options, self.ground
        loaded = [*(load(target) for target in options.targets if target not in ROLES), *self._runs]
        kinds = [one for one in loaded if isinstance(one, type)]
        specs = [one for one in loaded if not isinstance(one, type)]
        # What is put away last stands first. The admin address answers until the bus is left.
        ends = self._ends.push_async_callback
        link = self.link = await ground.link(self.name, options.mesh)
        ends(link.close)
        if options.name:  # else it was drawn at random
            await make_sure_of(self.name, link, PATIENCE)
        ends(self._close_system)
        ends(self._edges.close_admin)
        telemetry = self.telemetry = Telemetry(link, options.mesh, options.otlp)
        wire = Wire(link.data, link.subjects, link.deadlines, link.surroundings.clock)
        at = here(options.locality, self.name, {**options.labels, **common_labels(kinds)})
        proxy = self.proxy = Proxy(
            wire, link.deadlines, ground.rng, link.surroundings.clock, telemetry, at, ground.wall_clock
        )
        self.supervisor = Supervisor(self.name, link.surroundings, failed=self._give_up)
        ends(self.supervisor.stop)
        self._ends.callback(gossip(link, proxy, telemetry).close)
        self.post = Post(link.data, link.subjects, link.surroundings)
        self.post.open()
        self._look = answer(link, self.supervisor, proxy, telemetry.metrics)
        self.departure = Departure(link, self._depart, options.keeps)
        for one in (self.post, self.departure, self._look):
            self._ends.callback(one.close)
        proxy_cell = await self.supervisor.start_child(ChildSpec("proxy", lambda: proxy, mailbox=100_000))
        self.registry = Follower(
            link.asker,
            "reg",
            "registry",
            lambda changes, whole: self._heard(proxy_cell, Instances(changes, whole)),
            ground.rng,
        )
        self.policy = PolicyFollower(
            link.asker, self.name, proxy.prepare, proxy.activate, ground.rng, clock=link.surroundings.clock
        )
        if self._roles:
            await self._start_roles()
        ends(self.registry.stop)
        ends(self.policy.stop)
        ends(telemetry.close)
        self.registry.start()
        self.policy.start()
        self.membership = await self.supervisor.start_child(
            ChildSpec("membership", lambda: Membership(link, self.members))
        )
        ends(Weighing(link, self.membership).close)
        ends(self._leave)
        await self._until("a registry", lambda: self.registry.ready(PATIENCE))
        await self._until("a policy engine", lambda: self.policy.ready(PATIENCE))
        await self.supervisor.start([*specs, *quotas(self.name, proxy, options.targets)])
        place = Place(
            link,
            proxy,
            telemetry,
            self.supervisor,
            self.membership,
            dict(options.labels),
            options.locality,
            options.advertise or await ground.address(),
            options.checks,
            options.weight,
        )
        inner = [role for role in self._roles if role not in EDGES]
        await self.presence.announce([*inner, *(["actors"] if specs else [])], place, options)
        for kind in kinds:
            for _ in range(options.replicas):
                hosted = Hosted(kind, place)
                self._hosted.append(hosted)
                await hosted.start()
        await self.presence.heard(hosted.instance.id for hosted in self._hosted)
        if "egress" in options.targets:
            from .egress import egress_spec

            await self.supervisor.start_child(egress_spec(place))
        await self._edges.start(options, place, self.registry, self)
        await self.presence.announce([role for role in self._roles if role in EDGES], place, options)
        await self.presence.heard()
        telemetry.start(self._unread)
        measure(telemetry.metrics, link, self.supervisor, proxy, self.registry, self.policy, self.members)
        await routable(self._hosted, link.surroundings, self.failed, self._tell)
        self.departure.open()
        self._ready = True

    @property
    def _roles(self) -> list[str]:
        return [role for role in ROLES if role in self.options.targets]

    async def _start_roles(self) -> None:
        from . import roles  # here and below: a node of services alone starts in two thirds of the time without them

        link, options, proxy = self.link, self.options, self.proxy
        if "registry" in options.targets:
            self._system = await self.ground.system(link)
            await self.supervisor.start_child(await roles.registry_spec(link, options, self._system))
        if "policy" in options.targets:
            await self.supervisor.start_child(await roles.policy_spec(link, options, proxy))
        if "traces" in options.targets:
            roles.count_traces(self.telemetry.metrics, await self.supervisor.start_child(roles.traces_spec(link)))

    def _heard(self, proxy: Cell, changed: Instances) -> None:
        self._edges.heard(changed)
        proxy.tell(changed)
        if self.post.distant:
            self.post.distant.nodes({instance.node for instance in self.proxy.instances.values()})

    async def _until(self, what: str, ready: Callable[[], Awaitable[None]]) -> None:
        """Wait for something that others run; say so, for whoever started this node may have forgotten it."""
        while True:
            try:
                await ready()
            except (DeadlineExceeded, NoResponders, BusUnavailable):
                self._tell(f"waiting for {what} on {self.ground.where} (mesh {self.options.mesh})")
            else:
                return

    def _give_up(self, error: Exception | None) -> None:
        if not self.failed.done():
            self.failed.set_result(error or IntensityExceeded("the node's actors have ended"))

    # What it says of itself

    @property
    def http(self) -> list[str]:
        """Where the gateway listens, as URLs."""
        return self._edges.http

    @property
    def dns(self) -> str:
        """Where names are answered, as a URL; empty where they are not."""
        return self._edges.dns

    @property
    def admin(self) -> str:
        """The admin address as a URL; empty without one."""
        return self._edges.admin

    async def round_trip(self) -> float:
        """Return the seconds that both connections to the bus took to answer; see `Health`."""
        began = self.link.surroundings.clock()
        await self.link.flush()
        return self.link.surroundings.clock() - began

    def unready(self) -> str:
        """Return why this node is not ready; empty when it is."""
        if not self._ready:
            waiting = [one.condition.reason for one in self._hosted if one.condition.health == STARTING]
            return f"starting: {'; '.join(waiting)}" if waiting else "starting or leaving"
        if self.link.data.state is not BusState.CONNECTED or self.link.control.state is not BusState.CONNECTED:
            return "not connected to the bus"
        return "" if self.supervisor.running() else "an actor is being restarted"

    def unwell(self) -> str:
        """Return how this node is unwell; empty when it is well, or nobody watches it."""
        return "" if self.health is None else self.health.unwell

    def _unread(self) -> Iterator[tuple[str, int]]:
        for cell in self.supervisor.cells():
            if cell.actor is not None:
                yield cell.path, cell.actor.unread()
        yield "post", self.post.undecodable
        yield "registry replica", self.registry.undecodable
        yield "policy replica", self.policy.undecodable

    # Its end

    async def close_edges(self) -> None:
        """Take no more requests from outside; those that are open are answered."""
        self._ready = False
        await self.presence.leave(EDGES)
        await self._edges.close()

    async def stop(self) -> None:
        """Drain and leave: edges first, then the services, last what others may still need."""
        await self.close_edges()
        await self._ends.aclose()
        if self.health is not None:
            self.health.stop()

    async def _depart(self) -> list[str]:
        """Take no more work and end what is in hand; return what has left the registry."""
        left = [*(hosted.instance.id for hosted in self._hosted), *self.presence.own]
        await self.close_edges()
        await self._leave()
        return left

    async def _leave(self) -> None:
        await asyncio.gather(*(hosted.drain() for hosted in self._hosted))
        if "egress" in self.options.targets:
            await self.supervisor.stop_child("egress")
        await self.presence.leave()

    async def _close_system(self) -> None:
        if self._system is not None:
            await self._system.close()
