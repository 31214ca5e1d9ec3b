"""The kinds of documents: which are understood, by which struct and translation, and which are known by name only."""

from collections.abc import Callable
from typing import Any, NamedTuple

from ..messages.rule import Rule
from .istio_destination_rule import DestinationRule
from .istio_gateway import Gateway
from .istio_service_entry import ServiceEntry
from .istio_telemetry import Telemetry
from .istio_virtual_service import VirtualService
from .plait_fault import Fault
from .plait_rate_limit import RateLimit
from .plait_resilience import Resilience
from .problem import Report
from .spec import Spec
from .translate_destination_rule import destination_rule
from .translate_disruption import disruption
from .translate_gateway import gateway
from .translate_rate_limit import rate_limit
from .translate_resilience import resilience
from .translate_service_entry import service_entry
from .translate_telemetry import telemetry
from .translate_virtual_service import virtual_service

NETWORKING = "networking.istio.io"
TELEMETRY = "telemetry.istio.io"
PLAIT = "plait.dev"
VERSIONS = ("v1", "v1beta1", "v1alpha3")


class Kind(NamedTuple):
    """One kind that is understood."""

    group: str
    versions: tuple[str, ...]
    spec: type[Spec]
    translate: Callable[[Any, str, str, Report], Rule]
    """(spec, namespace, name, report) → rule."""


KINDS: dict[str, Kind] = {
    "VirtualService": Kind(NETWORKING, VERSIONS, VirtualService, virtual_service),
    "DestinationRule": Kind(NETWORKING, VERSIONS, DestinationRule, destination_rule),
    "Gateway": Kind(NETWORKING, VERSIONS, Gateway, gateway),
    "ServiceEntry": Kind(NETWORKING, VERSIONS, ServiceEntry, service_entry),
    "Fault": Kind(PLAIT, ("v1",), Fault, disruption),
    "Resilience": Kind(PLAIT, ("v1",), Resilience, resilience),
    "Telemetry": Kind(TELEMETRY, ("v1", "v1alpha1"), Telemetry, telemetry),
    "RateLimit": Kind(PLAIT, ("v1",), RateLimit, rate_limit),
}

LATER = frozenset(
    {"WorkloadEntry", "WorkloadGroup", "Sidecar"}  # networking.istio.io
    | {"AuthorizationPolicy", "RequestAuthentication", "PeerAuthentication"}  # its neighbours
    | {"HTTPRoute", "GRPCRoute", "ReferenceGrant", "GatewayClass"}  # the Gateway API
)
"""Kinds that are known and not understood yet."""

NEVER = {
    "EnvoyFilter": "there is no Envoy to configure",
    "WasmPlugin": "there is no Envoy to extend",
    "ProxyConfig": "there is no proxy process to configure",
    "TCPRoute": "there are no raw streams on a request bus",
    "TLSRoute": "there are no raw streams on a request bus",
    "UDPRoute": "there are no raw streams on a request bus",
}
"""Kinds that cannot be honoured, with the reason."""
