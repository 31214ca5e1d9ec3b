"""The traffic rules as they travel and as requests are decided by: plain, dialect-free, complete with defaults.

The policy engine translates what users write (Istio's kinds) into these; nodes compile them into route tables. Times
are seconds, shares are percentages, names of services are subject tokens.
"""

import enum

import msgspec

from .disruption import Disruption
from .external import ExternalService
from .rate_limit import RateLimit
from .resilience import Resilience
from .telemetry import Telemetry
from .traffic import TrafficPolicy


class MatchKind(enum.IntEnum):
    """How a text is compared."""

    EXACT = 0
    PREFIX = 1
    REGEX = 2
    """RE2, the whole text."""
    PRESENT = 3


class StringMatch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One condition on one text."""

    kind: MatchKind
    value: str = ""


class RouteMatch(msgspec.Struct, frozen=True, array_like=True):
    """Conditions that must all hold; None and empty mean no condition."""

    name: str = ""
    uri: StringMatch | None = None
    ignore_uri_case: bool = False
    scheme: StringMatch | None = None
    method: StringMatch | None = None
    authority: StringMatch | None = None
    headers: tuple[tuple[str, StringMatch], ...] = ()
    without_headers: tuple[tuple[str, StringMatch], ...] = ()
    query: tuple[tuple[str, StringMatch], ...] = ()
    port: int | None = None
    source_labels: dict[str, str] = {}
    source_namespace: str = ""
    gateways: tuple[str, ...] = ()
    """Overrides the rule set's own; empty means those."""
    stat_prefix: str = ""
    """Names the route's metrics; empty means the route's own name."""


class HeaderChange(msgspec.Struct, frozen=True, array_like=True):
    """Changes to one direction's headers, applied as remove, set, add."""

    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


class Destination(msgspec.Struct, frozen=True, array_like=True):
    """Where a share of the requests goes."""

    service: str
    subset: str = ""
    weight: int = 0
    port: int | None = None
    request_headers: HeaderChange | None = None
    response_headers: HeaderChange | None = None


class Fault(msgspec.Struct, frozen=True, array_like=True):
    """Faults put in on purpose; delay and abort are drawn apart."""

    delay: float = 0.0
    delay_percent: float = 0.0
    abort_status: int = 0
    abort_percent: float = 0.0


class RetryPolicy(msgspec.Struct, frozen=True, array_like=True):
    """How often and on what a call is tried again."""

    attempts: int = 2
    """Tries after the first one; 0 turns retries off."""
    per_try_timeout: float | None = None
    on: tuple[str, ...] = ()
    """Conditions in Envoy's words; empty means the mesh's default (not processed, or gone and safe)."""
    backoff: float = 0.025
    """Base of the exponential wait."""
    ignore_previous_hosts: bool = True
    """A retry prefers instances that this call has not tried."""
    remote_localities: bool = False
    """Retries may leave the locality of the first try on purpose."""


class Rewrite(msgspec.Struct, frozen=True, array_like=True):
    """What a request's path and authority become before it is sent; the query is kept."""

    uri: str | None = None
    """Replaces the matched prefix, or the whole path where the match was none of a prefix."""
    authority: str = ""
    regex: str = ""
    """RE2; every place in the path that it matches becomes `substitution`. Excludes `uri`."""
    substitution: str = ""


class Redirect(msgspec.Struct, frozen=True, array_like=True):
    """An answer that sends the client elsewhere; empty and None keep the request's own."""

    uri: str = ""
    prefix_rewrite: str | None = None
    """Replaces the matched prefix. Excludes `uri`."""
    authority: str = ""
    scheme: str = ""
    port: int | None = None
    derive_port: str = ""
    """`FROM_PROTOCOL_DEFAULT`, `FROM_REQUEST_PORT` or empty."""
    code: int = 301


class DirectResponse(msgspec.Struct, frozen=True, array_like=True):
    """An answer given by the route itself."""

    status: int
    body: bytes = b""


class Mirror(msgspec.Struct, frozen=True, array_like=True):
    """Where copies of a share of the requests go; what they answer is dropped."""

    service: str
    subset: str = ""
    percent: float = 100.0
    port: int | None = None


class Cors(msgspec.Struct, frozen=True, array_like=True):
    """What browsers are told about requests from other origins."""

    origins: tuple[StringMatch, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    expose: tuple[str, ...] = ()
    max_age: float | None = None
    credentials: bool | None = None
    """None says nothing of credentials."""
    forward_unmatched: bool = True
    """Preflights from other origins reach the service; else they are answered without permission."""


class RouteRule(msgspec.Struct, frozen=True, array_like=True):
    """One route of a rule set: the first whose matches hold is taken."""

    name: str = ""
    matches: tuple[RouteMatch, ...] = ()
    """Any of them; empty matches everything."""
    destinations: tuple[Destination, ...] = ()
    timeout: float | None = None
    """None where the rule sets none; 0 turns the time limit off."""
    retries: RetryPolicy | None = None
    fault: Fault | None = None
    rewrite: Rewrite | None = None
    redirect: Redirect | None = None
    direct: DirectResponse | None = None
    request_headers: HeaderChange | None = None
    response_headers: HeaderChange | None = None
    mirrors: tuple[Mirror, ...] = ()
    cors: Cors | None = None
    delegate: str = ""
    """`namespace/name` of the rule set without hosts whose routes stand here; in a compiled table, where it is from."""


class RuleSet(msgspec.Struct, frozen=True, array_like=True, tag="routes"):
    """The routes for some hosts (Istio: VirtualService)."""

    name: str
    """`namespace/name`"""
    hosts: tuple[str, ...]
    """Services as `x.ns.svc.cluster.local`; other DNS names, `*` and `*.suffix` as they are."""
    gateways: tuple[str, ...] = ("mesh",)
    """`namespace/name` of gateways, and `mesh` for calls between services."""
    routes: tuple[RouteRule, ...] = ()
    order: int = 0
    """The revision that first brought it: the oldest wins where two claim a host."""
    export_to: tuple[str, ...] = ()
    """The namespaces whose callers and gateways it holds for; empty means all."""


class Subset(msgspec.Struct, frozen=True, array_like=True):
    """The instances of a service that carry certain labels."""

    name: str
    labels: dict[str, str]
    policy: TrafficPolicy | None = None
    """None inherits the destination's."""
    ports: tuple[tuple[int, TrafficPolicy], ...] = ()
    """With a policy of its own: what holds instead for routes that name one of these ports."""


class DestinationPolicy(msgspec.Struct, frozen=True, array_like=True, tag="destination"):
    """Subsets and their use for one service (Istio: DestinationRule)."""

    name: str
    """`namespace/name`; the namespace is part of who it holds for."""
    service: str
    """A service's token, or a wildcard for hosts: `*.shop.svc.cluster.local`, `*`."""
    policy: TrafficPolicy = TrafficPolicy()
    subsets: tuple[Subset, ...] = ()
    export_to: tuple[str, ...] = ()
    """The namespaces whose callers it holds for; empty means all."""
    callers: dict[str, str] = {}
    """Labels that a caller must carry for it to hold; empty means all callers."""
    ports: tuple[tuple[int, TrafficPolicy], ...] = ()
    """What holds instead for routes that name one of these ports."""


class Server(msgspec.Struct, frozen=True, array_like=True):
    """One port of a gateway and the hosts it answers for."""

    port: int
    protocol: str
    hosts: tuple[str, ...]
    """`*`, `*.suffix` or a DNS name; the namespace part of Istio's `ns/host` stands in `namespaces`."""
    name: str = ""
    namespaces: tuple[str, ...] = ()
    """Parallel to `hosts`: whose rule sets may attach, `*` for all."""
    https_redirect: bool = False
    """Requests by plain HTTP are sent to the same address by HTTPS."""


class GatewayPolicy(msgspec.Struct, frozen=True, array_like=True, tag="gateway"):
    """What a gateway listens to (Istio: Gateway)."""

    name: str
    """`namespace/name`"""
    selector: dict[str, str]
    servers: tuple[Server, ...] = ()


Rule = RuleSet | DestinationPolicy | GatewayPolicy | ExternalService | Resilience | RateLimit | Disruption | Telemetry
"""One entry of the policy table; its key is `KIND/namespace/name`."""
