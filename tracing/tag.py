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

# On the span of one hop

METHOD = "http.method"
URL = "http.url"
STATUS_CODE = "http.status_code"
REQUEST_ID = "guid:x-request-id"
UPSTREAM_CLUSTER = "upstream_cluster"
RESPONSE_FLAGS = "response_flags"
ROUTE = "plait.route"
REVISION = "plait.revision"
ATTEMPT = "plait.attempt"
UPSTREAM_INSTANCE = "plait.upstream_instance"
CAUSE = "plait.cause"


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
