"""What the analyzer may know of the mesh besides policy: services with their instances' labels, and the gateways."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Labels = Mapping[str, str]


class World(NamedTuple):
    """The mesh as it is; None where it is not known, and nothing is concluded from that."""

    services: Mapping[str, Sequence[Labels]] | None = None
    """Labels of each instance, by the service's subject token."""
    gateways: Sequence[Labels] | None = None
    """Labels of each gateway actor."""
    egress: bool = False
    """Whether some egress node carries calls out of the mesh; counts where `services` is known."""
    from_files: bool = False
    """Whether a service that no document speaks about counts as missing, where `services` is not known."""
    now: float = 0.0
    """Seconds since 1970; 0 where it is not known."""


UNKNOWN = World()
"""Nothing but policy is known."""
FILES = World(from_files=True)
"""Files that are checked without a mesh: what they speak about is all there is."""

GATEWAY = "plait-gateway"
"""As what gateways stand in the registry."""
EGRESS = "plait-egress"
"""As what egress nodes stand in the registry."""
OWN = "plait-"
"""How the names of the mesh's own roles begin: they stand among no services here."""


def world_of(instances: Iterable[tuple[str, Labels]], now: float = 0.0) -> World:
    """Return the world in which these (service, labels) of instances run at `now`, in seconds since 1970."""
    services: dict[str, list[Labels]] = {}
    gateways: list[Labels] = []
    egress = False
    for service, labels in instances:
        if service == GATEWAY:
            gateways.append(labels)
        elif service == EGRESS:
            egress = True
        elif not service.startswith(OWN):
            services.setdefault(service, []).append(labels)
    return World(services, gateways, egress, now=now)


def carries(labels: Labels, wanted: Labels) -> bool:
    """Return whether `labels` has all of `wanted`."""
    return all(labels.get(name) == value for name, value in wanted.items())
