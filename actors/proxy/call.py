"""One call on its way out: what the filters see and change."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import msgspec

from ..messages.envelope import Headers
from ..routing.action import Action
from ..routing.decide import Decision
from ..runtime.purse import Purse
from .degraded import Degraded
from .endpoint import Endpoint

if TYPE_CHECKING:
    from ...tracing.tracer import Tracer
    from .cluster import Cluster
    from .trail import Trail

EVENT = "EVENT"
"""The method of a frame that brings an event; its path is the topic, its subset the group."""

NOBODY: tuple[str, ...] = ()


class Caller(msgspec.Struct, frozen=True, eq=False):
    """Who calls: a service's instance, a gateway, or a client of the command line."""

    name: str
    """The last token of what it publishes: what the bus proves."""
    service: str = ""
    namespace: str = "default"
    labels: Mapping[str, str] = {}
    tracer: "Tracer | None" = None
    """Takes down what it calls; None for who keeps no traces."""


class Call(msgspec.Struct, eq=False):
    """One logical call; its attempts share it. It is also what routing looks at."""

    caller: Caller
    number: int
    service: str
    """The called service's token; empty at a gateway, where the authority decides."""
    method: str
    path: str
    query: str
    authority: str
    headers: Headers
    body: bytes
    baggage: dict[str, str]
    traceparent: str
    tracestate: str = ""
    chain: tuple[str, ...] = NOBODY
    gateway: Sequence[str] = NOBODY
    """Names of the Gateways that this request came in by; none inside the mesh."""
    port: int | None = None
    scheme: str = "http"
    expires: float | None = None
    """Loop time at which the caller's own deadline ends: nothing is raised then, the caller is cancelled."""
    limit: float | None = None
    """Loop time at which a time limit of this call ends: then `DeadlineExceeded` is raised."""
    allowance: float | None = None
    """Seconds for a call whose route sets no timeout; None for no limit."""
    revision: int = 0
    hash_key: str = ""
    idempotency_key: str = ""
    flags: int = 0
    attempts: int = 0
    tried: list[Endpoint] = []
    untried: int = 0
    """Endpoints of the destination that no attempt went to yet."""
    decision: Decision = cast("Decision", None)
    """Where it goes; there once `routed`."""
    cluster: "Cluster" = cast("Cluster", None)
    """Who may take it; there once `routed`."""
    routed: bool = False
    """Whether a route was found."""
    action: Action | None = None
    """What its route does to it besides sending it on."""
    error_headers: Headers = []
    """Fields that an answer over HTTP has also where the call failed."""
    client: str = ""
    """The client's IP address, at a gateway; empty inside the mesh."""
    cookie: str = ""
    """Value of the cookie that was made to keep the client with its instance; empty mostly."""
    set_cookie: str = ""
    """The field that gives it to the client."""
    purse: Purse | None = None
    """Retries that this call and all below it may still have; None for a call that is never tried again."""

    delayed: bool = False
    """A fault of a rule has held it up."""

    degraded: Degraded | None = None
    """Its destination failed and has fallbacks: what came of them."""
    trail: "Trail | None" = None
    """What is taken down of it; None unless it is sampled."""

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
