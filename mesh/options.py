"""What `plait up` and `plait node` are asked to do: the command line's flags as one struct each."""

from ipaddress import ip_address

import msgspec

from ..actors.bus.login import NOBODY, Login
from ..actors.messages.error import InvalidName
from ..actors.service.check import Outside
from .plan import Plan, plans_of

LOOPBACK = "127.0.0.1"


class Listen(msgspec.Struct, frozen=True):
    """Where a server listens."""

    host: str
    port: int
    """0 takes a free one."""
    stands_for: int = 0
    """The port of a Gateway that this address serves; 0 where it serves all that have no address of their own."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


DNS = Listen(LOOPBACK, 8600)
"""Where the target `dns` answers unless it is told otherwise: Consul's port, which needs no rights."""


class UpOptions(msgspec.Struct, frozen=True):
    """A whole mesh on this machine."""

    mesh: str = "default"
    http: tuple[Listen, ...] = (Listen(LOOPBACK, 8080),)
    admin: Listen = Listen(LOOPBACK, 8081)
    nats: str = ""
    """URLs of the bus, joined by commas; empty starts the embedded server."""
    login: Login = NOBODY
    nats_sys: str = ""
    """The same with system credentials; empty with a bus of others means that deaths are seen by heartbeats alone."""
    system_login: Login = NOBODY
    app: tuple[str, ...] = ("bookinfo",)
    """`bookinfo`, `none`, or services as `module:Class`."""
    services: tuple[Plan, ...] = ()
    """Services beside those of `app`."""
    registries: int = 1
    """Registries: one with everything else, the others each in a process of its own."""
    engines: int = 1
    """Policy engines, likewise."""
    egress: bool = False
    """Whether a process of its own carries calls out of the mesh."""
    policy: str = ""
    """Documents to apply when all else has started."""
    state: str = ""
    """Folder of durable state; empty keeps it in a temporary one."""
    otlp: str = ""
    """URL of an OTLP collector; empty exports nothing."""
    sampling: float = 1.0
    """Share of the requests that are traced, 0 to 1."""
    trusted_hops: int = 0
    """Proxies in front of the gateway whose word about clients is believed."""
    dns: Listen | None = None
    """Where names are answered; None answers none."""
    dns_forward: Listen | None = None
    """The DNS server that is asked for names outside the mesh; None refuses them."""
    dns_ttl: int = 0
    """Seconds that an answer may be kept."""
    advertise: str = ""
    """The IP address at which other machines reach this one; empty: the one that talks to the bus."""
    locality: str = ""
    """`region/zone/subzone` of the gateway, and of services that have none of their own."""
    access_log: str = ""
    """File that the gateway writes a line to for each request, `-` for stdout; empty for none."""
    access_log_format: str = "text"
    """`text` as Envoy writes it, or `json`."""
    log_format: str = "text"
    """`text` or `json`: the lines that all of its processes log."""
    log_level: str = "warning"
    """The least that is logged."""

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plans of all processes; those of the control plane beside the one with the gateway come first."""
        more = (("registry", self.registries - 1), ("policy", self.engines - 1), ("egress", int(self.egress)))
        roles = tuple(Plan(role, (role,), count) for role, count in more if count > 0)
        return (*roles, *plans_of(self.app), *self.services)


class NodeOptions(msgspec.Struct, frozen=True):
    """One actor node."""

    targets: tuple[str, ...]
    """`registry`, `policy`, `traces`, `gateway`, `egress`, `dns`, or services as `module:Class`."""
    nats: str
    """URLs of the bus, joined by commas."""
    mesh: str = "default"
    login: Login = NOBODY
    nats_sys: str = ""
    system_login: Login = NOBODY
    name: str = ""
    """Empty: one is made up."""
    labels: dict[str, str] = {}
    locality: str = ""
    """`region/zone/subzone`."""
    weight: float = 1.0
    """Of each of its instances, as `Instance.weight`."""
    replicas: int = 1
    """Instances of each service."""
    checks: tuple[Outside, ...] = ()
    """Health checks of each service, beside those of its class."""
    http: tuple[Listen, ...] = ()
    admin: Listen | None = None
    otlp: str = ""
    sampling: float = 1.0
    debug: bool = False
    """Whether a gateway answers `x-plait-debug: 1` with where a request went."""
    trusted_hops: int = 0
    """Proxies in front of a gateway whose word about clients is believed."""
    dns: Listen | None = None
    """Where the target `dns` answers; None is `DNS`."""
    dns_forward: Listen | None = None
    dns_ttl: int = 0
    advertise: str = ""
    """The IP address at which other machines reach this one; empty: the one that talks to the bus."""
    access_log: str = ""
    access_log_format: str = "text"
    log_format: str = "text"
    log_level: str = "warning"
    keeps: str = ""
    """Why `plait drain` must not end this node's process; empty where it may."""


def parse_listen(text: str, *, mapped: bool = False) -> Listen:
    """Return the address in `host:port`, `:port` or `port` (then on loopback); `mapped` allows `ADDR=PORT`.

    Raises:
        InvalidName: it is no such address.
    """
    address, equals, gateway = text.partition("=")
    if equals and not mapped:
        raise InvalidName(f"{text!r} maps a port, which only the gateway's addresses do")
    stands_for = _port(gateway, text, least=1) if equals else 0
    host, colon, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise InvalidName(f"{text!r} is no address: an IPv6 host stands in brackets, as in [::1]:8080")
    if any(one.isspace() or one in "/@" for one in host):
        raise InvalidName(f"{text!r} is no address: it is HOST:PORT, :PORT or PORT, without a scheme or a path")
    return Listen(host or LOOPBACK, _port(port if colon else address, text), stands_for)


def _port(text: str, whole: str, least: int = 0) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6) or not least <= int(text) <= 65535:
        raise InvalidName(f"{whole!r} is no address: a port is a number from {least} to 65535, not {text!r}")
    return int(text)


def parse_ip(text: str) -> str:
    """Return `text` when it is an IP address that says the same on every machine.

    Raises:
        InvalidName: it is none.
    """
    try:
        if "%" in text or ip_address(text).is_unspecified:
            raise ValueError
    except ValueError:
        raise InvalidName(f"{text!r} is no IP address that others could use, such as 10.0.0.5") from None
    return text
