"""Names of span and resource attributes, in Istio's and OpenTelemetry's words.

Dashboards and searches that people know go on working.
"""

# On every span of a service: its resource

SERVICE = "service.name"
VERSION = "service.version"
INSTANCE = "service.instance.id"
NODE = "node_id"
COMPONENT = "component"
CANONICAL_SERVICE = "istio.canonical_service"
CANONICAL_REVISION = "istio.canonical_revision"
MESH = "istio.mesh_id"
NAMESPACE = "istio.namespace"

# On the span of one hop, in OpenTelemetry's words (semantic conventions for HTTP spans, stable since 1.23)

HTTP_METHOD = "http.request.method"
HTTP_STATUS = "http.response.status_code"
HTTP_ROUTE = "http.route"
RESEND = "http.request.resend_count"
URL_PATH = "url.path"
URL_SCHEME = "url.scheme"
SERVER_ADDRESS = "server.address"
CLIENT_ADDRESS = "client.address"
ERROR_TYPE = "error.type"

# The same in Istio's words, as its proxies have always written them

METHOD = "http.method"
URL = "http.url"
STATUS_CODE = "http.status_code"
REQUEST_ID = "guid:x-request-id"
UPSTREAM_CLUSTER = "upstream_cluster"
RESPONSE_FLAGS = "response_flags"
PEER_ADDRESS = "peer.address"

# What neither has a word for

ROUTE = "plait.route"
REVISION = "plait.revision"
ATTEMPT = "plait.attempt"
ATTEMPTS = "plait.attempts"
UPSTREAM_INSTANCE = "plait.upstream_instance"
CAUSE = "plait.cause"
HEDGED = "plait.hedged"
QUEUED_MS = "plait.queued_ms"
SOURCE = "plait.source"
SUBSET = "plait.subset"
DEGRADED = "plait.degraded"
KEPT = "plait.kept"
"""Of a span that was kept though its request was not sampled: `error` or `slow`."""

# Events of a span

ATTEMPT_FAILED = "plait.attempt.failed"
ATTEMPT_ENDED = "plait.attempt.ended"
RETRY = "plait.retry"
RETRY_REFUSED = "plait.retry.refused"
HEDGE = "plait.hedge"
QUEUED = "plait.queued"
DEQUEUED = "plait.dequeued"
FAULT = "plait.fault"
FALLBACK = "plait.fallback"
EJECTION = "plait.ejection"
GAVE_UP = "plait.gave_up"

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"))


def method(name: str) -> str:
    """Return a method as the conventions want it: those that nobody knows are `_OTHER`, for clients make them up."""
    return name if name in METHODS else "_OTHER"


def resource(
    service: str, *, instance: str = "", version: str = "", node: str = "", mesh: str = "default"
) -> dict[str, str]:
    """Return the attributes that say whose spans they are; `service` is a subject token (`reviews`, `reviews_prod`)."""
    name, _, space = service.partition("_")
    found = {
        SERVICE: f"{name}.{space}" if space else name,
        COMPONENT: "proxy",
        CANONICAL_SERVICE: name,
        NAMESPACE: space or "default",
        MESH: mesh,
    }
    optional = {INSTANCE: instance, VERSION: version, CANONICAL_REVISION: version, NODE: node}
    return found | {key: value for key, value in optional.items() if value}
