"""Istio's `trafficPolicy.connectionPool` as users write it."""

import enum
from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .scalar import Duration
from .spec import Spec

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""A number of things; 0 says nothing, as in Istio."""


class TcpKeepalive(Spec):
    """Probes of idle connections."""

    probes: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    time: Duration | UnsetType = UNSET
    interval: Duration | UnsetType = UNSET


class TcpSettings(Spec):
    """Limits of connections."""

    max_connections: Count | UnsetType = UNSET
    connect_timeout: Duration | UnsetType = UNSET
    tcp_keepalive: TcpKeepalive | UnsetType = UNSET
    max_connection_duration: Duration | UnsetType = UNSET
    idle_timeout: Duration | UnsetType = UNSET


class H2UpgradePolicy(enum.Enum):
    """Whether connections become HTTP/2."""

    DEFAULT = "DEFAULT"
    DO_NOT_UPGRADE = "DO_NOT_UPGRADE"
    UPGRADE = "UPGRADE"


class Http2Keepalive(Spec):
    """Pings on idle HTTP/2 connections."""

    interval: Duration | UnsetType = UNSET
    timeout: Duration | UnsetType = UNSET


class HttpSettings(Spec):
    """Limits of requests."""

    mistaken: ClassVar[dict[str, str]] = {
        "maxPendingRequests": "http1MaxPendingRequests",
        "http2MaxPendingRequests": "http1MaxPendingRequests",
        "maxRequests": "http2MaxRequests",
        "http1MaxRequests": "http2MaxRequests",
        "maxConnections": "tcp.maxConnections",
    }

    http1_max_pending_requests: Count | UnsetType = UNSET
    http2_max_requests: Count | UnsetType = UNSET
    max_requests_per_connection: Count | UnsetType = UNSET
    max_retries: Count | UnsetType = UNSET
    idle_timeout: Duration | UnsetType = UNSET
    h2_upgrade_policy: H2UpgradePolicy | UnsetType = UNSET
    use_client_protocol: bool | UnsetType = UNSET
    max_concurrent_streams: Count | UnsetType = UNSET
    http2_keep_alive: Http2Keepalive | UnsetType = UNSET


class ConnectionPool(Spec):
    """What one caller may have under way to a destination."""

    tcp: TcpSettings | UnsetType = UNSET
    http: HttpSettings | UnsetType = UNSET
