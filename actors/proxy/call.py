"""One call on its way out: what the filters see and change."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from ..messages.envelope import Headers
from ..routing.decide import Decision
from .endpoint import Endpoint

if TYPE_CHECKING:
    from .cluster import Cluster

NOBODY: tuple[str, ...] = ()


class Caller(msgspec.Struct, frozen=True, eq=False):
    """Who calls: a service's instance, a gateway, or a client of the command line."""

    name: str
    """The last token of what it publishes: what the bus proves."""
    service: str = ""
    namespace: str = "default"
    labels: Mapping[str, str] = {}


class Call:
    """One logical call; its attempts share it. It is also what routing looks at."""

    __slots__ = (
        "allowance",
        "attempts",
        "authority",
        "baggage",
        "body",
        "caller",
        "chain",
        "cluster",
        "decision",
        "expires",
        "flags",
        "gateway",
        "hash_key",
        "headers",
        "idempotency_key",
        "limit",
        "method",
        "number",
        "path",
        "port",
        "query",
        "revision",
        "scheme",
        "service",
        "traceparent",
        "tracestate",
        "tried",
        "untried",
    )

    decision: Decision
    cluster: "Cluster"

    def __init__(
        self,
        caller: Caller,
        number: int,
        service: str,
        method: str,
        path: str,
        query: str,
        authority: str,
        headers: Headers,
        body: bytes,
        baggage: dict[str, str],
        traceparent: str,
        tracestate: str = "",
        chain: tuple[str, ...] = NOBODY,
        gateway: Sequence[str] = NOBODY,
        port: int | None = None,
        scheme: str = "http",
    ) -> None:
        self.caller = caller
        self.number = number
        self.service = service
        """The called service's token; empty at a gateway, where the authority decides."""
        self.method = method
        self.path = path
        self.query = query
        self.authority = authority
        self.headers = headers
        self.body = body
        self.baggage = baggage
        self.traceparent = traceparent
        self.tracestate = tracestate
        self.chain = chain
        self.gateway = gateway
        """Names of the Gateways that this request came in by; none inside the mesh."""
        self.port = port
        self.scheme = scheme
        self.expires: float | None = None
        """Loop time at which the caller's own deadline ends: nothing is raised then, the caller is cancelled."""
        self.limit: float | None = None
        """Loop time at which a time limit of this call ends: then `DeadlineExceeded` is raised."""
        self.allowance: float | None = None
        """Seconds for a call whose route sets no timeout; None for no limit."""
        self.revision = 0
        self.hash_key = ""
        self.idempotency_key = ""
        self.flags = 0
        self.attempts = 0
        self.tried: list[Endpoint] = []
        self.untried = 0
        """Endpoints of the destination that no attempt went to yet."""

    @property
    def routed(self) -> bool:
        """Whether a route was found: only then are `decision` and `cluster` there."""
        return hasattr(self, "cluster")

    @property
    def source_service(self) -> str:
        """The calling service's token, as routing asks for it."""
        return self.caller.service

    @property
    def source_namespace(self) -> str:
        """The calling service's namespace."""
        return self.caller.namespace

    @property
    def source_labels(self) -> Mapping[str, str]:
        """The calling instance's labels."""
        return self.caller.labels
