"""Services outside the mesh as they travel and as egress nodes serve them: plain, complete with defaults."""

import msgspec

PORT_LABEL = "plait.dev/port"
"""The label by which an instance that stands for a service outside says which of its ports it leads to."""


class ExternalPort(msgspec.Struct, frozen=True, array_like=True):
    """One port of a service outside the mesh."""

    number: int
    name: str = ""
    secure: bool = False
    """The service speaks TLS there (`HTTPS`), whatever destination policies say."""
    target: int = 0
    """The port at its endpoints; 0 for the same."""


class ExternalEndpoint(msgspec.Struct, frozen=True, array_like=True):
    """One address behind a service outside the mesh."""

    address: str
    """An IP address or a DNS name; names are resolved for each new connection."""
    labels: dict[str, str] = {}
    ports: dict[str, int] = {}
    """Port numbers that differ from the service's, by the port's name."""
    locality: str = ""


class ExternalService(msgspec.Struct, frozen=True, array_like=True, tag="external"):
    """Hosts outside the mesh that calls may go to, through egress nodes (Istio: ServiceEntry)."""

    name: str
    """`namespace/name`"""
    hosts: tuple[str, ...]
    """DNS names in lower case."""
    ports: tuple[ExternalPort, ...] = ()
    endpoints: tuple[ExternalEndpoint, ...] = ()
    """Empty: each host is its own address."""
    names: tuple[str, ...] = ()
    """Names of which the service's certificate must have one; empty means the host's own."""

    @property
    def default_port(self) -> int:
        """The port of calls that name none: 80 where it is among them, else the first."""
        numbers = [one.number for one in self.ports]
        return 80 if 80 in numbers or not numbers else numbers[0]


class ClientTls(msgspec.Struct, frozen=True, array_like=True):
    """How egress nodes secure connections to a service outside the mesh. Files are those of the egress node."""

    certificate: str = ""
    """PEM file with the own certificate and its chain; empty shows none."""
    key: str = ""
    """PEM file with its private key."""
    authorities: str = ""
    """PEM file with the authorities that are believed; empty means the system's."""
    names: tuple[str, ...] = ()
    """Names of which the certificate must have one; empty means the service's own, then `sni` or the host."""
    sni: str = ""
    """The name that is asked for; empty means the host's."""
