"""connectionPool → the limits of a destination; what is about connections themselves is told to change nothing."""

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ..messages.traffic import Pool
from .istio_connection_pool import ConnectionPool
from .problem import Path, ProblemCode, Report
from .spec import Spec

LIMITS = {
    ("tcp", "maxConnections"): "per_instance",
    ("http", "http1MaxPendingRequests"): "pending",
    ("http", "http2MaxRequests"): "requests",
    ("http", "maxRetries"): "retries",
}
"""Istio's fields with the limits that they are here."""

IDLE = {
    "tcp": ("connectTimeout", "tcpKeepalive", "maxConnectionDuration", "idleTimeout"),
    "http": (
        "maxRequestsPerConnection",
        "idleTimeout",
        "h2UpgradePolicy",
        "useClientProtocol",
        "maxConcurrentStreams",
        "http2KeepAlive",
    ),
}
"""Fields that change nothing, by the block that they stand in."""

KEEPALIVES = {
    "tcpKeepalive": ("tcpKeepalive.probes", "tcpKeepalive.time", "tcpKeepalive.interval"),
    "http2KeepAlive": ("http2KeepAlive.interval", "http2KeepAlive.timeout"),
}
"""What stands within them."""

WHY_IDLE = "requests travel on a bus, there is no connection per upstream"


def connection_pool(block: ConnectionPool, path: Path, report: Report) -> Pool:
    """Return the limits; what the block does not set is plait's own default, finite as all of them are."""
    pool = Pool()
    for (part, name), field in LIMITS.items():
        value = _given(getattr(block, part), name)
        if value is UNSET:
            continue
        if value:
            pool = replace(pool, **{field: value})
        else:
            message = f"0 sets no limit, as in Istio: it is the default of {getattr(pool, field)}"
            report.warn(ProblemCode.NO_EFFECT, (*path, part, name), message)
    for part, names in IDLE.items():
        for name in names:
            if _given(getattr(block, part), name) is not UNSET:
                report.warn(ProblemCode.NO_EFFECT, (*path, part, name), f"{name} changes nothing: {WHY_IDLE}")
    return pool


def _given(part: Spec | UnsetType, name: str) -> object:
    """The value of a field by its name in documents, UNSET where it is not given."""
    if part is UNSET:
        return UNSET
    fields = {
        encoded: field for field, encoded in zip(part.__struct_fields__, part.__struct_encode_fields__, strict=True)
    }
    return getattr(part, fields[name])
