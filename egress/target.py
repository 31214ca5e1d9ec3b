"""What an egress node is to stand for: one target per address and port of each service outside the mesh. Pure."""

import hashlib

import msgspec

from ..actors.messages.codec import encode
from ..actors.messages.external import PORT_LABEL, ClientTls, ExternalEndpoint, ExternalPort, ExternalService
from ..actors.messages.name import called_token
from ..actors.routing.upstream import Upstreams


class Target(msgspec.Struct, frozen=True, array_like=True):
    """One address and port. It stands in the registry as one instance, so that policy picks among them."""

    service: str
    """Subject token of the host."""
    host: str
    address: str
    port: int
    """At the address."""
    labels: dict[str, str]
    locality: str
    tls: ClientTls | None
    """None speaks plain HTTP."""

    @property
    def digest(self) -> str:
        """Eight letters that differ where anything of it differs."""
        return hashlib.sha256(encode(self)).hexdigest()[:8]

    @property
    def title(self) -> str:
        """The address for people."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'https' if self.tls is not None else 'http'}://{address}:{self.port}"


def targets(upstreams: Upstreams) -> list[Target]:
    """Return all targets of a policy. TLS settings are those that hold for callers of the ServiceEntry's namespace."""
    found: list[Target] = []
    for token, service in upstreams.outside.items():
        host = next(one for one in service.hosts if called_token(one) == token)
        for port in service.ports:
            tls = _tls(service, token, port, upstreams)
            found += [
                Target(
                    token,
                    host,
                    one.address,
                    one.ports.get(port.name) or port.target or port.number,
                    {**one.labels, PORT_LABEL: str(port.number)},
                    one.locality,
                    tls,
                )
                for one in service.endpoints or (ExternalEndpoint(host),)
            ]
    return found


def _tls(service: ExternalService, token: str, port: ExternalPort, upstreams: Upstreams) -> ClientTls | None:
    upstream = upstreams(token, "", port.number)
    if upstream.choices:
        upstream = upstream.for_caller(service.name.partition("/")[0], {})
    tls = upstream.policy.tls
    if tls is None and not port.secure:
        return None
    tls = tls or ClientTls()
    return msgspec.structs.replace(tls, names=tls.names or service.names)
