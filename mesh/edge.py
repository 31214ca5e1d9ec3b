"""What of one node is open to those outside the mesh: the gateway, the DNS server, the admin address."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..actors.proxy.proxy import Instances
from ..actors.table.follower import Follower
from ..gateway.admin import Admin, Health
from ..gateway.door import Door
from .everyone import Everyone
from .options import NodeOptions
from .resident import Place

if TYPE_CHECKING:
    from ..registry.dns_door import NameDoor
    from ..registry.dns_zone import Zone

EDGES = ("gateway", "dns")
"""Roles that have an address: they stand in the registry as long as that is open."""


class Edges:
    """Made with its node; `start` opens what the node's options ask for."""

    def __init__(self) -> None:
        self._place: Place | None = None
        self._open: list[str] = []
        self._listeners: Callable[[], Sequence[Door]] = tuple
        self._names: NameDoor | None = None
        self._zone: Zone | None = None
        self._admin: Door | None = None

    async def start(self, options: NodeOptions, place: Place, registry: Follower, health: Health) -> None:
        """Open them, the admin address last.

        Args:
            options: what the node is to do.
            place: what it has to do it with.
            registry: its replica of the registry, which DNS answers from.
            health: what the admin address asks.

        Raises:
            StartFailed: an address cannot be had.
        """
        self._place = place
        if "gateway" in options.targets:
            # Here and below: a node of services alone starts in two thirds of the time without them.
            from . import roles

            instance = roles.role_instance("gateway", place, options)
            spec, self._listeners = roles.gateway_spec(place.link, place.proxy, place.telemetry, options, instance)
            await place.link.flush()
            await place.supervisor.start_child(spec)
            self._open.append("gateway")
        if "dns" in options.targets:
            from . import roles

            self._zone = roles.dns_zone(options, registry)
            spec, self._names = roles.dns_spec(place.link, options, self._zone, registry)
            roles.count_names(place.telemetry.metrics, await place.supervisor.start_child(spec))
            self._open.append("dns")
        if options.admin is not None:
            admin = self._administration(options, place, health)
            self._admin = place.link.ground.listener(admin, options.admin.host, options.admin.port)
            await self._admin.start()

    def _administration(self, options: NodeOptions, place: Place, health: Health) -> Admin:
        metrics = place.telemetry.metrics
        everyone = Everyone(place.link, place.proxy, metrics).page
        if "traces" not in options.targets:
            return Admin(health, metrics, everyone)
        from ..tracing.store.jaeger import PREFIXES
        from . import roles

        return Admin(health, metrics, everyone, roles.read_traces(place.supervisor), PREFIXES)

    def heard(self, changed: Instances) -> None:
        """Take in what the registry's replica has taken in; to be told at once, so that both stand alike."""
        if self._zone is not None:
            self._zone.apply(changed.changes, changed.whole)

    async def close(self) -> None:
        """Take no more requests; those that are open are answered. The admin address stays."""
        while self._open and self._place is not None:
            await self._place.supervisor.stop_child(self._open.pop())

    async def close_admin(self) -> None:
        """Close the admin address."""
        if self._admin is not None:
            await self._admin.drain(1.0)

    @property
    def http(self) -> list[str]:
        """Where the gateway listens, as URLs."""
        return [_url("http", one.address) for one in self._listeners()]

    @property
    def dns(self) -> str:
        """Where names are answered, as a URL; empty where they are not."""
        return "" if self._names is None else _url("dns", self._names.address)

    @property
    def admin(self) -> str:
        """The admin address as a URL; empty without one."""
        return "" if self._admin is None else _url("http", self._admin.address)


def _url(scheme: str, address: tuple[str, int]) -> str:
    host, port = address
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
