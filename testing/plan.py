"""Which nodes a simulated mesh has."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ..actors.messages.error import InvalidName
from ..actors.messages.name import label
from ..actors.runtime.spec import Spec
from ..actors.service.service import Service
from ..mesh.options import Listen, NodeOptions
from ..mesh.target import ROLES
from .failure import SimulationError

Runs = type[Service] | Spec
"""What a node can run: a class of a service, a `ChildSpec`, a `SupervisorSpec`."""

ADMIN = 8081


class SimNode(msgspec.Struct, frozen=True):
    """One node of a simulated mesh, as `plait node` would start it."""

    name: str
    runs: tuple[Runs, ...] = ()
    targets: tuple[str, ...] = ()
    """Of the mesh's own: `registry`, `policy`, `traces`, `gateway`."""
    replicas: int = 1
    """Instances of each service."""
    labels: Mapping[str, str] = {}
    locality: str = ""
    admin: bool = False
    """Whether it has an admin address, which `Simulation.admin` asks."""

    def options(self, mesh: str, sampling: float) -> NodeOptions:
        """Return what the node is to do."""
        http = (Listen("gateway", 80),) if "gateway" in self.targets else ()
        admin = Listen("admin", ADMIN) if self.admin else None
        return NodeOptions(
            self.targets, "", mesh, name=self.name, labels=dict(self.labels), locality=self.locality,
            replicas=self.replicas, http=http, admin=admin, sampling=sampling, debug=True,
        )  # fmt: skip


def plan(
    services: Sequence[type[Service]], nodes: Sequence[SimNode], registries: int, policies: int, gateways: int
) -> list[SimNode]:
    """Return the nodes of a mesh: the control plane's, the gateways, one for each service, and `nodes`.

    Raises:
        SimulationError: two of them have one name, or there is no registry or policy engine.
    """
    found: list[SimNode] = []
    for role, wanted in (("registry", registries), ("policy", policies), ("gateway", gateways)):
        found += [SimNode(f"{role}-{number}", targets=(role,)) for number in range(1, wanted + 1)]
    given: Sequence[Any] = services  # users are not bound to annotations
    for one in given:
        if not (isinstance(one, type) and issubclass(one, Service) and one.name):
            raise SimulationError(f"services= takes classes of services that have a name, not {one!r}")
    versions: dict[str, int] = {}
    for kind in services:
        versions[kind.name] = versions.get(kind.name, 0) + 1
    for kind in services:
        name = kind.name if versions[kind.name] == 1 else f"{kind.name}-{kind.version}"
        found.append(SimNode(name.lower().replace(".", "-"), runs=(kind,)))
    found += nodes
    for node in found:
        _check(node)
    names = [node.name for node in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SimulationError(f"two nodes are named {twice[0]!r}: give them names of their own with SimNode(…)")
    targets = {target for node in found for target in node.targets}
    for role in ("registry", "policy"):
        if role not in targets:
            raise SimulationError(f"no node runs a {role}: a mesh needs at least one")
    return found


def _check(node: SimNode) -> None:
    try:
        label(node.name, "node")
    except InvalidName as error:
        raise SimulationError(str(error)) from None
    runs: Any = node.runs
    if not isinstance(runs, tuple):
        raise SimulationError(f"{node.name}: runs= takes a tuple, as in runs=(MyService,), not {runs!r}")
    if node.replicas < 1:
        raise SimulationError(f"{node.name}: replicas= is a number from 1, not {node.replicas}")
    if unknown := [target for target in node.targets if target not in ROLES]:
        raise SimulationError(
            f"{node.name}: targets= takes {', '.join(ROLES)}, not {unknown[0]!r}; services stand in runs="
        )
