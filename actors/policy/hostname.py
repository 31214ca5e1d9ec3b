"""Names that stand in documents: hosts, services, gateways, namespaces."""

import re

from msgspec import UNSET, UnsetType

from ..messages.error import InvalidName
from ..messages.name import called_token, host_of
from .istio_virtual_service import PortSelector
from .problem import Path, ProblemCode, Report

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
OUTSIDE = "hosts outside the mesh need a ServiceEntry"


def is_label(text: str) -> bool:
    """Return whether `text` is a DNS-1123 label."""
    return _LABEL.match(text) is not None


def is_subdomain(text: str) -> bool:
    """Return whether `text` is a DNS-1123 subdomain: labels with dots between, at most 253 characters."""
    return len(text) <= 253 and all(map(is_label, text.split(".")))


def check_host(host: str, path: Path, report: Report) -> bool:
    """Return whether `host` is a DNS name, `*.name` or `*`; refuse it else."""
    name = host.removeprefix("*.")
    if host == "*" or is_subdomain(name.lower()):
        return True
    message, hint = f"{host[:64]!r} is no host name", ""
    if not host:
        message = "a host must not be empty"
    elif "*" in name:
        message, hint = f"{host[:64]!r} has a wildcard that is not the leftmost label", "such as '*.example.com'"
    elif ":" in host:
        hint = f"without the port: {host.partition(':')[0]!r}"
    report.refuse(ProblemCode.INVALID_VALUE, path, message, hint)
    return False


def rule_host(host: str, namespace: str, in_mesh: bool) -> str:
    """Return a virtual service's (checked) host as rules have it: services in full, other names as they are.

    A name with a dot, such as `shop.example`, is a service only where the rule holds inside the mesh.
    """
    host = host.lower()
    if host.startswith("*"):
        return host
    if "." in host and not in_mesh and not host.endswith((".svc", ".svc.cluster.local")):
        return host
    try:
        return host_of(called_token(host, namespace))
    except InvalidName:
        return host


def destination_service(host: str, namespace: str, path: Path, report: Report) -> str:
    """Return the subject token of what `host` names; refuse what can be no service, in the mesh or outside."""
    if not host:
        report.missing(path, "a destination needs a host")
        return ""
    if not check_host(host, path, report):
        return ""
    if "*" in host:
        report.refuse(ProblemCode.UNSUPPORTED_VALUE, path, f"wildcard host {host!r} is not supported yet here")
        return ""
    try:
        return called_token(host, namespace)
    except InvalidName:
        report.refuse(ProblemCode.INVALID_VALUE, path, f"{host!r} is no service of the mesh", OUTSIDE)
        return ""


def destination_port(port: PortSelector | UnsetType, path: Path, report: Report) -> int | None:
    """Return the number of a destination's port, None without one; refuse a port that has none."""
    if port is UNSET:
        return None
    if port.number is UNSET:
        report.missing((*path, "number"), "a port needs its number")
        return None
    return port.number


def gateway_name(name: str, namespace: str, path: Path, report: Report) -> str:
    """Return `mesh`, or the `namespace/name` that `name` stands for; refuse what is no name."""
    if name == "mesh":
        return name
    space, slash, short = name.rpartition("/")
    space = space if slash else namespace
    if not is_label(space) or not is_subdomain(short):
        report.refuse(ProblemCode.INVALID_VALUE, path, f"{name[:64]!r} names no gateway", "'name' or 'namespace/name'")
    return f"{space}/{short}"
