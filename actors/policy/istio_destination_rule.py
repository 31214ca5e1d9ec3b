"""Istio's DestinationRule as users write it: every field by name, what is not honoured marked as such."""

# ruff: noqa: RUF012 (msgspec copies empty lists and dicts)

import enum
from typing import ClassVar

from msgspec import UNSET, UnsetType

from .istio_connection_pool import ConnectionPool
from .istio_consistent_hash import ConsistentHash
from .istio_locality import LocalityLbSetting, NoZones
from .istio_outlier import OutlierDetection
from .istio_retry_budget import RetryBudget
from .istio_warmup import Warmup
from .scalar import Later, NoConnections, PositiveDuration
from .spec import Port, Spec


class Simple(enum.Enum):
    """Istio's simple balancers."""

    UNSPECIFIED = "UNSPECIFIED"
    ROUND_ROBIN = "ROUND_ROBIN"
    RANDOM = "RANDOM"
    LEAST_REQUEST = "LEAST_REQUEST"
    LEAST_CONN = "LEAST_CONN"
    PASSTHROUGH = "PASSTHROUGH"


class TlsMode(enum.Enum):
    """How Istio would secure connections to the destination."""

    DISABLE = "DISABLE"
    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"
    ISTIO_MUTUAL = "ISTIO_MUTUAL"


class LoadBalancer(Spec):
    """How an instance is picked."""

    mistaken: ClassVar[dict[str, str]] = {
        "localityLbSettings": "localityLbSetting",
        "locality": "localityLbSetting",
        "slowStart": "warmup",
    }

    simple: Simple | UnsetType = UNSET
    consistent_hash: ConsistentHash | UnsetType = UNSET
    locality_lb_setting: LocalityLbSetting | UnsetType = UNSET
    zone_aware_lb_setting: NoZones | UnsetType = UNSET
    warmup: Warmup | UnsetType = UNSET
    warmup_duration_secs: PositiveDuration | UnsetType = UNSET


class ClientTls(Spec):
    """TLS towards a destination outside the mesh; in it the bus has its own."""

    mode: TlsMode = TlsMode.DISABLE
    client_certificate: str | UnsetType = UNSET
    private_key: str | UnsetType = UNSET
    ca_certificates: str | UnsetType = UNSET
    ca_crl: Later = UNSET
    credential_name: Later = UNSET
    subject_alt_names: list[str] | UnsetType = UNSET
    sni: str | UnsetType = UNSET
    insecure_skip_verify: Later = UNSET


class PortSelector(Spec):
    """A port of the destination."""

    number: Port | UnsetType = UNSET


class PortTrafficPolicy(Spec):
    """How a destination's instances are used at one port."""

    port: PortSelector | UnsetType = UNSET
    load_balancer: LoadBalancer | UnsetType = UNSET
    connection_pool: ConnectionPool | UnsetType = UNSET
    outlier_detection: OutlierDetection | UnsetType = UNSET
    tls: ClientTls | UnsetType = UNSET


class WorkloadSelector(Spec):
    """Which callers a rule holds for."""

    mistaken: ClassVar[dict[str, str]] = {"labels": "matchLabels"}

    match_labels: dict[str, str] = {}


class TrafficPolicy(Spec):
    """How a destination's instances are used."""

    mistaken: ClassVar[dict[str, str]] = {"loadbalancer": "loadBalancer", "lb": "loadBalancer"}

    load_balancer: LoadBalancer | UnsetType = UNSET
    connection_pool: ConnectionPool | UnsetType = UNSET
    outlier_detection: OutlierDetection | UnsetType = UNSET
    tls: ClientTls | UnsetType = UNSET
    port_level_settings: list[PortTrafficPolicy] | UnsetType = UNSET
    retry_budget: RetryBudget | UnsetType = UNSET
    tunnel: NoConnections | UnsetType = UNSET
    proxy_protocol: NoConnections | UnsetType = UNSET


class Subset(Spec):
    """Instances that carry certain labels."""

    mistaken: ClassVar[dict[str, str]] = {"selector": "labels"}

    name: str = ""
    labels: dict[str, str] = {}
    traffic_policy: TrafficPolicy | UnsetType = UNSET


class DestinationRule(Spec):
    """The spec of a DestinationRule."""

    mistaken: ClassVar[dict[str, str]] = {"hosts": "host", "subset": "subsets"}

    host: str = ""
    traffic_policy: TrafficPolicy | UnsetType = UNSET
    subsets: list[Subset] = []
    export_to: list[str] | UnsetType = UNSET
    workload_selector: WorkloadSelector | UnsetType = UNSET
