"""Gateway → GatewayPolicy: its meaning checked."""

from msgspec import UNSET

from ..messages.rule import GatewayPolicy
from ..messages.rule import Server as ServerPolicy
from .hint import did_you_mean
from .hostname import check_host, is_label
from .istio_gateway import Gateway, Server
from .problem import Path, ProblemCode, Report

PROTOCOLS = ("HTTP", "HTTPS", "GRPC", "GRPC-WEB", "HTTP2", "MONGO", "TCP", "TLS")
NEVER = ("MONGO", "TCP", "TLS")


def gateway(spec: Gateway, namespace: str, name: str, report: Report) -> GatewayPolicy:
    """Return the gateway policy of a Gateway; it is complete where nothing was refused."""
    if not spec.servers:
        report.missing(("spec", "servers"), "a Gateway needs at least one server")
    servers: list[ServerPolicy] = []
    names: set[str] = set()
    for place, one in enumerate(spec.servers):
        path: Path = ("spec", "servers", place)
        servers.append(_server(one, path, report))
        port = "" if one.port is UNSET else one.port.name
        if port and port in names:
            report.refuse(ProblemCode.INVALID_VALUE, (*path, "port", "name"), f"port name {port!r} stands here twice")
        names.add(port)
    return GatewayPolicy(f"{namespace}/{name}", spec.selector, tuple(servers))


def _server(server: Server, path: Path, report: Report) -> ServerPolicy:
    number, protocol = 0, ""
    if server.port is UNSET:
        report.missing((*path, "port"), "a server needs a port")
    else:
        if server.port.number is UNSET:
            report.missing((*path, "port", "number"), "a port needs its number")
        else:
            number = server.port.number
        protocol = _protocol(server.port.protocol, (*path, "port", "protocol"), report)
    if not server.hosts:
        report.missing((*path, "hosts"), "a server needs at least one host", "'*' stands for all")
    hosts: list[str] = []
    namespaces: list[str] = []
    for place, one in enumerate(server.hosts):
        where = (*path, "hosts", place)
        space, slash, host = one.rpartition("/")
        if slash and space not in ("*", ".") and not is_label(space):
            report.refuse(ProblemCode.INVALID_VALUE, where, f"{space[:64]!r} is no namespace", "'namespace/host'")
        if check_host(host, where, report):
            hosts.append(host.lower())
            namespaces.append(space if slash else "*")
    secure = server.tls is not UNSET and server.tls.https_redirect is True
    return ServerPolicy(number, protocol, tuple(hosts), server.name, tuple(namespaces), secure)


def _protocol(protocol: str, path: Path, report: Report) -> str:
    upper = protocol.upper()
    if not protocol:
        report.missing(path, "a port needs its protocol", "such as HTTP")
    elif upper not in PROTOCOLS:
        hint = did_you_mean(upper, PROTOCOLS)
        report.refuse(ProblemCode.INVALID_VALUE, path, f"{protocol[:64]!r} is no protocol", hint)
    elif upper in NEVER:
        message = f"{upper} cannot be honoured: there are no raw streams on a request bus"
        report.refuse(ProblemCode.UNSUPPORTED_VALUE, path, message)
    elif upper != "HTTP":
        report.refuse(ProblemCode.UNSUPPORTED_VALUE, path, f"{upper} is not supported yet", "HTTP is")
    return upper
