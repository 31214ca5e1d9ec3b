"""ServiceEntry → ExternalService: its meaning checked, what cannot be honoured refused by name."""

from ipaddress import ip_address

from msgspec import UNSET

from ..messages.error import InvalidName
from ..messages.external import PORT_LABEL, ExternalEndpoint, ExternalPort, ExternalService
from ..messages.name import called_token
from .hint import did_you_mean
from .hostname import check_host, is_subdomain
from .istio_service_entry import Location, Resolution, ServiceEntry, ServicePort, WorkloadEntry
from .problem import Path, ProblemCode, Report

PROTOCOLS = ("HTTP", "HTTPS", "HTTP2", "GRPC", "GRPC-WEB", "MONGO", "TCP", "TLS")
LATER = ("HTTP2", "GRPC", "GRPC-WEB")
NEVER = ("MONGO", "TCP", "TLS")
RESOLUTIONS = (Resolution.STATIC, Resolution.DNS, Resolution.DNS_ROUND_ROBIN)
_NO_RESOLUTION = {
    Resolution.NONE: "there is no original destination on a bus: write DNS, or STATIC with endpoints",
    Resolution.DYNAMIC_DNS: "it resolves wildcards: write DNS and the hosts by name",
}


def service_entry(spec: ServiceEntry, namespace: str, name: str, report: Report) -> ExternalService:
    """Return the external service of a ServiceEntry; it is complete where nothing was refused."""
    if not spec.hosts:
        report.missing(("spec", "hosts"), "a ServiceEntry needs at least one host")
    hosts: list[str] = []
    for place, one in enumerate(spec.hosts):
        where: Path = ("spec", "hosts", place)
        host = _host(one, where, report)
        if host and host in hosts:
            report.refuse(ProblemCode.INVALID_VALUE, where, f"host {one!r} stands here twice")
        hosts.append(host)
    if spec.addresses is not UNSET:
        message = "addresses have no effect: calls name the host, they do not go to an IP address"
        report.warn(ProblemCode.NO_EFFECT, ("spec", "addresses"), message)
    if spec.location is Location.MESH_INTERNAL:
        message = "MESH_INTERNAL cannot be honoured: services of the mesh register themselves"
        report.refuse(ProblemCode.UNSUPPORTED_VALUE, ("spec", "location"), message, "MESH_EXTERNAL can")
    if spec.resolution not in RESOLUTIONS:
        message = f"{spec.resolution.value} cannot be honoured"
        hint = _NO_RESOLUTION[spec.resolution]
        report.refuse(ProblemCode.UNSUPPORTED_VALUE, ("spec", "resolution"), message, hint)
    if spec.export_to is not UNSET and spec.export_to not in ([], ["*"]):
        message = "limiting a ServiceEntry to namespaces is not supported yet"
        report.refuse(ProblemCode.UNSUPPORTED_VALUE, ("spec", "exportTo"), message, 'leave it out, or write ["*"]')
    ports = _ports(spec, report)
    known = {port.name for port in ports if port.name}
    static = spec.resolution is Resolution.STATIC
    endpoints = tuple(
        _endpoint(one, static, known, ("spec", "endpoints", place), report) for place, one in enumerate(spec.endpoints)
    )
    if static and not endpoints:
        report.missing(("spec", "endpoints"), "resolution STATIC needs endpoints", "or write DNS")
    return ExternalService(f"{namespace}/{name}", tuple(hosts), ports, endpoints, tuple(spec.subject_alt_names))


def _host(host: str, path: Path, report: Report) -> str:
    if not check_host(host, path, report):
        return ""
    host = host.lower()
    message = ""
    if "*" in host:
        message = "wildcard hosts cannot be honoured: an egress node must know where a call goes"
    elif host.endswith((".svc", ".cluster.local")) or "." not in host:
        message = f"{host[:64]!r} is a name of the mesh's own: a host outside it has a dot"
    else:
        try:
            token = called_token(host)
        except InvalidName as error:
            message = str(error)
        else:
            if "_" not in token:
                message = f"{host!r} is the mesh's own service {token!r}"
    if message:
        report.refuse(ProblemCode.UNSUPPORTED_VALUE, path, message)
    return host


def _ports(spec: ServiceEntry, report: Report) -> tuple[ExternalPort, ...]:
    if not spec.ports:
        report.missing(("spec", "ports"), "a ServiceEntry needs at least one port")
    found: list[ExternalPort] = []
    for place, one in enumerate(spec.ports):
        path: Path = ("spec", "ports", place)
        port = _port(one, path, report)
        if port.number and any(other.number == port.number for other in found):
            report.refuse(ProblemCode.INVALID_VALUE, (*path, "number"), f"port {port.number} stands here twice")
        if port.name and any(other.name == port.name for other in found):
            report.refuse(ProblemCode.INVALID_VALUE, (*path, "name"), f"port name {port.name!r} stands here twice")
        found.append(port)
    return tuple(found)


def _port(port: ServicePort, path: Path, report: Report) -> ExternalPort:
    number = 0
    if port.number is UNSET:
        report.missing((*path, "number"), "a port needs its number")
    else:
        number = port.number
    if not port.name:
        report.missing((*path, "name"), "a port needs a name")
    protocol, where = port.protocol.upper() or "HTTP", (*path, "protocol")
    if not port.protocol:
        report.missing(where, "a port needs its protocol", "HTTP or HTTPS")
    elif protocol not in PROTOCOLS:
        hint = did_you_mean(protocol, PROTOCOLS)
        report.refuse(ProblemCode.INVALID_VALUE, where, f"{port.protocol[:64]!r} is no protocol", hint)
    elif protocol in NEVER:
        message = f"{protocol} cannot be honoured: there are no raw streams on a request bus"
        report.refuse(ProblemCode.UNSUPPORTED_VALUE, where, message)
    elif protocol in LATER:
        report.refuse(ProblemCode.UNSUPPORTED_VALUE, where, f"{protocol} is not supported yet", "HTTP and HTTPS are")
    elif protocol == "HTTPS":
        message = "callers speak no TLS here: the egress node begins it, and policy sees the requests"
        report.warn(ProblemCode.APPROXIMATED, where, message)
    return ExternalPort(number, port.name, protocol == "HTTPS", 0 if port.target_port is UNSET else port.target_port)


def _endpoint(entry: WorkloadEntry, static: bool, ports: set[str], path: Path, report: Report) -> ExternalEndpoint:
    where = (*path, "address")
    if not entry.address:
        report.missing(where, "an endpoint needs its address")
    elif static and not _is_ip(entry.address):
        message = f"{entry.address[:64]!r} is no IP address, which is what resolution STATIC takes"
        report.refuse(ProblemCode.INVALID_VALUE, where, message, "write resolution: DNS for names")
    elif not _is_ip(entry.address) and not is_subdomain(entry.address.lower()):
        message = f"{entry.address[:64]!r} is neither an IP address nor a DNS name"
        report.refuse(ProblemCode.INVALID_VALUE, where, message)
    for name in entry.ports:
        if name not in ports:
            message = f"no port of the service is called {name[:64]!r}"
            report.refuse(ProblemCode.INVALID_VALUE, (*path, "ports", name), message, did_you_mean(name, ports))
    if PORT_LABEL in entry.labels:
        message = f"label {PORT_LABEL} is the mesh's own"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "labels", PORT_LABEL), message)
    idle = {"network": entry.network, "weight": entry.weight, "serviceAccount": entry.service_account}
    for field, value in idle.items():
        if value is not UNSET:
            message = f"{field} has no effect: the DestinationRule's balancer picks among endpoints"
            report.warn(ProblemCode.NO_EFFECT, (*path, field), message)
    return ExternalEndpoint(entry.address, entry.labels, entry.ports, entry.locality)


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text
