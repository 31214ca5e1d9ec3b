"""The support table: which of Istio's fields are honoured, read from the very structs that documents are held against.

`docs/support.md` is what `support_table` returns; a test says when the two differ.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from msgspec import inspect

from ..messages.traffic import Pool
from ..routing.fall_on import CONDITIONS as FALL_CONDITIONS
from ..routing.retry_on import IDLE as IDLE_CONDITIONS
from .hint import bare, fields, reason
from .istio_destination_rule import Simple
from .kind import KINDS, LATER, NEVER
from .scalar import Never, NotYet
from .spec import Spec
from .translate_connection_pool import IDLE as IDLE_OF_POOLS
from .translate_connection_pool import KEEPALIVES, WHY_IDLE
from .translate_destination_rule import BALANCERS
from .translate_detection import NOTES as DETECTION
from .translate_gateway import NEVER as NEVER_PROTOCOLS
from .translate_gateway import PROTOCOLS
from .translate_outlier import NOTES as OUTLIERS
from .translate_service_entry import LATER as LATER_OUT
from .translate_service_entry import NEVER as NEVER_OUT
from .translate_service_entry import RESOLUTIONS

YES, PART, IDLE, LATER_ON, NO = "yes", "in part", "no effect", "not yet", "never"

_REFUSED = ", ".join(f"`{one.value}`" for one in Simple if one not in BALANCERS)
_BALANCED = ", ".join(f"`{one.value}`" for one in Simple if one in BALANCERS)
_NO_PROTOCOL = ", ".join(f"`{one}`" for one in NEVER_PROTOCOLS)
_OTHER_PROTOCOLS = ", ".join(f"`{one}`" for one in PROTOCOLS if one not in ("HTTP", *NEVER_PROTOCOLS))
_ON_EGRESS = "a PEM file of the egress node"
_NOT_OUT = ", ".join(f"`{one}`" for one in LATER_OUT)
_NEVER_OUT = ", ".join(f"`{one}`" for one in NEVER_OUT)
_POOL = Pool()
_RESOLVED = ", ".join(f"`{one.value}`" for one in RESOLUTIONS)
_EXPORTED = (YES, "`.` is the own namespace; without one all see it")

_FALLEN = ", ".join(f"`{one}`" for one in sorted(FALL_CONDITIONS))

_CONDITIONS = (
    "what was certainly not worked on is always tried again, without any condition what does no harm; no effect: "
    + ", ".join(f"`{one}`" for one in sorted(IDLE_CONDITIONS))
)

NOTES: dict[tuple[str, str], tuple[str, str]] = {
    ("Resilience", "fallbacks[].on"): (YES, f"{_FALLEN}, statuses from 400 on; `5xx` where none is named"),
    ("Resilience", "fallbacks[].methods"): (YES, "`GET` and `HEAD` where none is named"),
    ("Resilience", "fallbacks[].routes"): (YES, "names of a VirtualService's `http`; all calls where none is named"),
    ("Resilience", "mirrorDiff.percent"): (YES, "of the copies; `100` where none is set"),
    ("Resilience", "mirrorDiff.ignore"): (YES, "places in JSON bodies: `$.name`, `[0]`, `[*]`, `.*`, `['a.b']`"),
    ("Resilience", "mirrorDiff.maxBodyBytes"): (YES, "65536 where none is set; larger ones are not compared"),
    ("Resilience", "fallbacks[].lastGood.maxAge"): (YES, "`10m` where none is set"),
    ("Resilience", "fallbacks[].lastGood.maxEntries"): (YES, "1000 where none is set, in each node"),
    ("Resilience", "fallbacks[].lastGood.maxBytes"): (YES, "4 MiB where none is set, in each node"),
    ("Resilience", "fallbacks[].lastGood.varyBy"): (YES, "`[end-user]` where none is set"),
    ("VirtualService", "hosts"): (
        YES,
        "none makes it a delegate; services in every spelling, a ServiceEntry's; `*` and others with a gateway",
    ),
    ("VirtualService", "gateways"): (YES, "`mesh` where none is named"),
    ("VirtualService", "exportTo"): _EXPORTED,
    ("VirtualService", "http[].match[].headers"): (PART, "`@request.auth.claims…` is refused"),
    ("VirtualService", "http[].match[].ignoreUriCase"): (YES, "for `exact` and `prefix`, as in Istio"),
    ("VirtualService", "http[].route[].destination.port.number"): (
        PART,
        "chooses among `portLevelSettings`, and the port of a ServiceEntry; instances of the mesh have no ports",
    ),
    ("VirtualService", "http[].timeout"): (YES, "`0s` turns it off; where none is set the gateway waits for 15 s"),
    ("VirtualService", "http[].retries.attempts"): (YES, "2 where none is set, `0` turns retries off"),
    ("VirtualService", "http[].retries.perTryTimeout"): (
        YES,
        "where none is set an attempt has the route's whole time",
    ),
    ("VirtualService", "http[].retries.retryOn"): (PART, _CONDITIONS),
    ("VirtualService", "http[].retries.retryIgnorePreviousHosts"): (YES, "`true` where it is not set"),
    ("VirtualService", "http[].retries.retryRemoteLocalities"): (YES, "a retry goes to a locality not tried yet"),
    ("VirtualService", "http[].match[].statPrefix"): (YES, "the label `route` of `plait_route_requests_total`"),
    ("VirtualService", "http[].delegate.name"): (
        YES,
        "one level; a missing one, or matches that cannot hold, are refused",
    ),
    ("VirtualService", "http[].mirrorPercentage"): (YES, "100 without a mirrorPercentage, `0` copies nothing"),
    ("VirtualService", "http[].mirrorPercent"): (YES, "deprecated"),
    ("VirtualService", "http[].mirrors[].percentage"): (YES, "100 where there is none, `0` copies nothing"),
    ("VirtualService", "http[].fault.delay.percent"): (YES, "deprecated"),
    ("VirtualService", "http[].fault.abort.grpcStatus"): (PART, "becomes the HTTP status that stands for it"),
    ("VirtualService", "http[].fault.delay.percentage.value"): (YES, "without it the delay hits no request"),
    ("VirtualService", "http[].headers"): (
        YES,
        "the destination's changes come after the route's, but for the authority",
    ),
    ("VirtualService", "http[].route[].headers.request.set"): (
        YES,
        "`Host` and `:authority` change the authority; Envoy's `%…%` are sent as they stand, with a warning",
    ),
    ("VirtualService", "http[].route[].headers.request.remove"): (
        YES,
        "`Host` and pseudo headers stay, with a warning",
    ),
    ("VirtualService", "http[].rewrite.uri"): (YES, "in place of the matched prefix, else of the path; then resolved"),
    ("VirtualService", "http[].rewrite.uriRegexRewrite.match"): (YES, "RE2, every match in the path, at most 256"),
    ("VirtualService", "http[].redirect.uri"): (YES, "the query is kept, unless it has one of its own"),
    ("VirtualService", "http[].redirect.prefixRewrite"): (YES, "every match must be of a uri prefix"),
    ("VirtualService", "http[].redirect.redirectCode"): (YES, "301 where none is set; 302, 303, 307, 308"),
    ("VirtualService", "http[].directResponse.body"): (YES, "at most 1 MB; a warning above 100 kB"),
    ("VirtualService", "http[].corsPolicy.allowOrigin"): (YES, "deprecated; not beside `allowOrigins`"),
    ("VirtualService", "http[].corsPolicy.maxAge"): (YES, "whole seconds"),
    ("DestinationRule", "exportTo"): _EXPORTED,
    ("DestinationRule", "host"): (YES, "wildcards too: `*.shop.svc.cluster.local`, `*`"),
    ("DestinationRule", "workloadSelector"): (YES, "limits it to callers of its own namespace with these labels"),
    ("DestinationRule", "trafficPolicy.portLevelSettings"): (PART, "for routes whose destination names the port"),
    ("DestinationRule", "trafficPolicy.loadBalancer.simple"): (PART, f"{_BALANCED}; refused: {_REFUSED}"),
    ("DestinationRule", "trafficPolicy.loadBalancer.consistentHash.useSourceIp"): (
        YES,
        "the client's address at a gateway, the calling instance inside the mesh",
    ),
    ("DestinationRule", "trafficPolicy.loadBalancer.consistentHash.httpCookie.ttl"): (
        YES,
        "the gateway makes the cookie, `0s` for the session's; without it none is made",
    ),
    ("DestinationRule", "trafficPolicy.loadBalancer.consistentHash.ringHash.minimumRingSize"): (
        YES,
        "up to 65536; each instance has 160 points at least, and exactly 160 where it is not set",
    ),
    ("DestinationRule", "trafficPolicy.loadBalancer.consistentHash.maglev.tableSize"): (YES, "65537 where none is set"),
    ("DestinationRule", "trafficPolicy.loadBalancer.consistentHash.minimumRingSize"): (YES, "deprecated"),
    **{("DestinationRule", f"trafficPolicy.outlierDetection{field}"): (YES, note) for field, note in OUTLIERS.items()},
    ("DestinationRule", "trafficPolicy.outlierDetection.consecutiveErrors"): (IDLE, "deprecated, as in Istio"),
    ("DestinationRule", "trafficPolicy.loadBalancer.localityLbSetting"): (
        YES,
        "without outlierDetection, too: the registry knows who is unhealthy",
    ),
    ("DestinationRule", "trafficPolicy.loadBalancer.localityLbSetting.distribute[].to"): (
        YES,
        "1 to 100, 100 in all; who is in no share gets no call",
    ),
    ("DestinationRule", "trafficPolicy.loadBalancer.localityLbSetting.failoverPriority"): (
        YES,
        "labels of instances against those of the calling node; `kubernetes.io/hostname` is the node",
    ),
    ("DestinationRule", "trafficPolicy.loadBalancer.warmup"): (YES, "`RANDOM`, too; not for requests with a hash key"),
    ("DestinationRule", "trafficPolicy.loadBalancer.warmup.minimumPercent"): (YES, "10 where none is set"),
    ("DestinationRule", "trafficPolicy.loadBalancer.warmup.aggression"): (YES, "1 where none is set; 0.01 to 100"),
    ("DestinationRule", "trafficPolicy.loadBalancer.warmupDurationSecs"): (YES, "deprecated"),
    ("DestinationRule", "trafficPolicy.connectionPool.tcp.maxConnections"): (
        YES,
        f"calls of one node in the hands of each instance, {_POOL.per_instance} where it is not set; others wait",
    ),
    ("DestinationRule", "trafficPolicy.connectionPool.http.http1MaxPendingRequests"): (
        YES,
        f"calls of one node that wait for a place, {_POOL.pending} where it is not set; others get 503",
    ),
    ("DestinationRule", "trafficPolicy.connectionPool.http.http2MaxRequests"): (
        YES,
        f"calls of one node to the destination, {_POOL.requests} where it is not set; others get 503",
    ),
    ("DestinationRule", "trafficPolicy.connectionPool.http.maxRetries"): (
        YES,
        f"retries of one node to the destination at a time, {_POOL.retries} where it is not set",
    ),
    **{
        ("DestinationRule", f"trafficPolicy.connectionPool.{part}.{name}"): (IDLE, WHY_IDLE)
        for part, names in IDLE_OF_POOLS.items()
        for one in names
        for name in (one, *KEEPALIVES.get(one, ()))
    },
    ("DestinationRule", "trafficPolicy.tls.mode"): (
        PART,
        "`SIMPLE` and `MUTUAL` for hosts of a ServiceEntry; in the mesh the bus's own settings secure connections",
    ),
    ("DestinationRule", "trafficPolicy.tls.clientCertificate"): (YES, _ON_EGRESS),
    ("DestinationRule", "trafficPolicy.tls.privateKey"): (YES, _ON_EGRESS),
    ("DestinationRule", "trafficPolicy.tls.caCertificates"): (YES, f"{_ON_EGRESS}; the system's where there is none"),
    ("DestinationRule", "trafficPolicy.tls.sni"): (YES, "the host where there is none"),
    ("ServiceEntry", "hosts"): (PART, "names with a dot, at most 128 characters; wildcards are refused"),
    ("ServiceEntry", "addresses"): (IDLE, "calls name the host"),
    ("ServiceEntry", "ports[].protocol"): (PART, f"`HTTP`, `HTTPS`; not yet: {_NOT_OUT}; never: {_NEVER_OUT}"),
    ("ServiceEntry", "location"): (PART, "`MESH_EXTERNAL`; `MESH_INTERNAL` is refused: services register themselves"),
    ("ServiceEntry", "resolution"): (PART, f"{_RESOLVED}; others are refused"),
    ("ServiceEntry", "endpoints[].address"): (YES, "IP addresses; with `DNS` names, too"),
    ("ServiceEntry", "endpoints[].labels"): (YES, "subsets choose by them"),
    ("ServiceEntry", "endpoints[].network"): (IDLE, ""),
    ("ServiceEntry", "endpoints[].weight"): (IDLE, "the DestinationRule's balancer picks"),
    ("ServiceEntry", "endpoints[].serviceAccount"): (IDLE, ""),
    ("ServiceEntry", "exportTo"): (PART, '`["*"]` alone'),
    ("ServiceEntry", "subjectAltNames"): (YES, "where the DestinationRule has none"),
    ("Resilience", "loadBalancer.boundedLoad"): (YES, "percent of its share of hashed calls, 100 at least"),
    ("Resilience", "concurrency.initialLimit"): (YES, "20 where none is set"),
    ("Resilience", "concurrency.minLimit"): (YES, "20 where none is set"),
    ("Resilience", "concurrency.maxLimit"): (YES, "200 where none is set"),
    ("Resilience", "admission.successRate"): (YES, "percent; 95 where none is set"),
    ("Resilience", "admission.minRequests"): (YES, "in 30 s, 10 where none is set: below that all calls are sent"),
    **{("Resilience", f"outlierDetection{field}"): (YES, note) for field, note in DETECTION.items()},
    ("RateLimit", "host"): (YES, "wildcards too; documents of the service's namespace and of the root hold"),
    ("RateLimit", "limits[].name"): (YES, "its place in the list where there is none"),
    ("RateLimit", "limits[].per"): (YES, "`1s` where none is set, up to `24h`; requests pass evenly within it"),
    ("RateLimit", "limits[].burst"): (YES, "as many as `requests` where none is set"),
    ("RateLimit", "limits[].scope"): (YES, "`LOCAL` counts in each calling node, `MESH` in all of them together"),
    ("RateLimit", "limits[].key.header"): (YES, "requests without it are not counted; the first 256 characters count"),
    ("RateLimit", "limits[].key.clientAddress"): (YES, "at a gateway; inside the mesh all count as one"),
    ("RateLimit", "limits[].localShare"): (
        YES,
        "percent of the limit for a node without a lease, 25 where none is set",
    ),
    ("RateLimit", "limits[].lease"): (YES, "`1s` where none is set, `0.2s` to `60s`"),
    ("RateLimit", "responseHeaders"): (YES, "`x-ratelimit-*` on answers that passed, too; refusals always have them"),
    ("Gateway", "servers[].port.number"): (YES, "`--http ADDR=PORT` says which listener stands for it"),
    ("Gateway", "servers[].port.protocol"): (PART, f"`HTTP`; not yet: {_OTHER_PROTOCOLS}; never: {_NO_PROTOCOL}"),
    ("Gateway", "servers[].tls.httpsRedirect"): (YES, "301 to the same address by `https`, for HTTP servers"),
    ("Gateway", "servers[].hosts"): (YES, "with or without a namespace in front"),
}
"""What the types do not say, by kind and field below `spec`."""

_HEAD = """\
# What is honoured of Istio's API

This page is made from the code (`make docs`): from the structs that every document is held against.

Nothing is read and then dropped in silence. A field marked **not yet** or **never** is refused by its name, with the
place and the line; one marked *no effect* is accepted because files that people have name it, and it changes nothing.
A field that is not on this page is refused as unknown, with the name that was probably meant.
"""


class Row(NamedTuple):
    """One field of one kind."""

    path: str
    state: str
    note: str


def rows(kind: str) -> list[Row]:
    """Return every field of a kind's spec, in the order of its struct.

    Raises:
        KeyError: there is no such kind.
    """
    return list(_below(kind, KINDS[kind].spec, "", {}))


def _below(kind: str, struct: type[Spec], place: str, seen: dict[type[Spec], str]) -> Iterator[Row]:
    for name, field in fields(struct).items():
        path = f"{place}.{name}" if place else name
        inner, form = bare(field.type), ""
        if isinstance(inner, inspect.ListType):
            inner, form = bare(inner.item_type), "[]"
        elif isinstance(inner, inspect.DictType):
            inner, form = bare(inner.value_type), "{}"
        if not isinstance(inner, inspect.StructType):
            yield _leaf(kind, path, field.type, inner)
            continue
        spec = cast("type[Spec]", inner.cls)
        state, note = NOTES.get((kind, path), (YES, ""))
        if spec in seen:
            same = f"as `{seen[spec]}`"
            yield Row(path + form, state, f"{same}; {note}" if note else same)
            continue
        if note:
            yield Row(path + form, state, note)
        seen[spec] = path + form
        yield from _below(kind, spec, path + form, seen)


def _leaf(kind: str, path: str, outer: Any, inner: Any) -> Row:
    if (kind, path) in NOTES:
        return Row(path, *NOTES[kind, path])
    if isinstance(inner, inspect.CustomType) and issubclass(inner.cls, NotYet):
        return Row(path, LATER_ON, "")
    if isinstance(inner, inspect.CustomType) and issubclass(inner.cls, Never):
        return Row(path, NO, reason(outer))
    if isinstance(inner, inspect.EnumType):
        values = (str(one.value) for one in inner.cls)
        return Row(path, YES, ", ".join(f"`{one}`" for one in values))
    return Row(path, YES, "")


def support_table() -> str:
    """Return the page, in Markdown."""
    lines = [_HEAD]
    for name, kind in KINDS.items():
        versions = ", ".join(f"`{kind.group}/{version}`" for version in kind.versions)
        lines += [f"## {name}", "", versions, "", "| field of `spec` | | |", "|---|---|---|"]
        lines += [f"| `{row.path}` | {_marked(row.state)} | {row.note} |" for row in rows(name)]
        lines.append("")
    lines += ["## Other kinds", "", "| kind | | |", "|---|---|---|"]
    lines += [f"| {name} | **{LATER_ON}** | |" for name in sorted(LATER)]
    lines += [f"| {name} | **{NO}** | {NEVER[name]} |" for name in sorted(NEVER)]
    return "\n".join(lines) + "\n"


def _marked(state: str) -> str:
    return {YES: state, PART: f"*{state}*", IDLE: f"*{state}*"}.get(state, f"**{state}**")
