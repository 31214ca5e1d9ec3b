"""Istio's VirtualService as users write it: every field by name, what is not honoured marked as such.

Every field has a default, so that a document with mistakes still gives a value to go on checking; what is required is
said by the translation. UNSET is told from zero where the two differ.
"""

# ruff: noqa: RUF012 (msgspec copies empty lists and dicts)

from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .istio_route_action import CorsPolicy, Headers, HTTPDirectResponse, HTTPRedirect, HTTPRewrite
from .scalar import Duration, NoEnvoy, NoRawStreams, PositiveDuration
from .spec import Port, Share, Spec, StringMatch, WholePercent


class PortSelector(Spec):
    """A port of a destination."""

    number: Port | UnsetType = UNSET


class Destination(Spec):
    """A service, a subset of it, a port."""

    mistaken: ClassVar[dict[str, str]] = {"name": "host", "service": "host", "version": "subset"}

    host: str = ""
    subset: str = ""
    port: PortSelector | UnsetType = UNSET


class HTTPRouteDestination(Spec):
    """A destination with its share."""

    destination: Destination | UnsetType = UNSET
    weight: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    headers: Headers | UnsetType = UNSET


class HTTPMatchRequest(Spec):
    """Conditions that must all hold."""

    mistaken: ClassVar[dict[str, str]] = {"path": "uri", "host": "authority", "query": "queryParams"}

    name: str = ""
    uri: StringMatch | UnsetType = UNSET
    scheme: StringMatch | UnsetType = UNSET
    method: StringMatch | UnsetType = UNSET
    authority: StringMatch | UnsetType = UNSET
    headers: dict[str, StringMatch] = {}
    without_headers: dict[str, StringMatch] = {}
    query_params: dict[str, StringMatch] = {}
    port: Port | UnsetType = UNSET
    source_labels: dict[str, str] = {}
    source_namespace: str = ""
    gateways: list[str] = []
    ignore_uri_case: bool = False
    stat_prefix: str = ""


class HTTPRetry(Spec):
    """How often and on what a call is tried again."""

    attempts: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    per_try_timeout: PositiveDuration | UnsetType = UNSET
    retry_on: str = ""
    backoff: PositiveDuration | UnsetType = UNSET
    retry_remote_localities: bool | UnsetType = UNSET
    retry_ignore_previous_hosts: bool | UnsetType = UNSET


class Percent(Spec):
    """A share of requests."""

    value: Share | UnsetType = UNSET


class Delay(Spec):
    """A delay put in on purpose."""

    percentage: Percent | UnsetType = UNSET
    fixed_delay: PositiveDuration | UnsetType = UNSET
    percent: WholePercent | UnsetType = UNSET
    exponential_delay: NoEnvoy | UnsetType = UNSET


class Abort(Spec):
    """An answer given on purpose."""

    mistaken: ClassVar[dict[str, str]] = {
        "status_code": "httpStatus",
        "statusCode": "httpStatus",
        "status": "httpStatus",
        "code": "httpStatus",
    }

    percentage: Percent | UnsetType = UNSET
    http_status: Annotated[int, Meta(ge=200, le=599)] | UnsetType = UNSET
    grpc_status: str | UnsetType = UNSET
    http2_error: NoEnvoy | UnsetType = UNSET


class HTTPFaultInjection(Spec):
    """Faults put in on purpose."""

    delay: Delay | UnsetType = UNSET
    abort: Abort | UnsetType = UNSET


class Delegate(Spec):
    """A VirtualService without hosts, whose routes stand here."""

    mistaken: ClassVar[dict[str, str]] = {"host": "name"}

    name: str = ""
    namespace: str = ""


class HTTPMirrorPolicy(Spec):
    """Where copies go, and of how many requests."""

    mistaken: ClassVar[dict[str, str]] = {"percent": "percentage", "mirrorPercentage": "percentage"}

    destination: Destination | UnsetType = UNSET
    percentage: Percent | UnsetType = UNSET


class HTTPRoute(Spec):
    """One route."""

    mistaken: ClassVar[dict[str, str]] = {"destination": "route", "routes": "route", "matches": "match"}

    name: str = ""
    match: list[HTTPMatchRequest] = []
    route: list[HTTPRouteDestination] = []
    timeout: Duration | UnsetType = UNSET
    retries: HTTPRetry | UnsetType = UNSET
    fault: HTTPFaultInjection | UnsetType = UNSET
    redirect: HTTPRedirect | UnsetType = UNSET
    direct_response: HTTPDirectResponse | UnsetType = UNSET
    delegate: Delegate | UnsetType = UNSET
    rewrite: HTTPRewrite | UnsetType = UNSET
    mirror: Destination | UnsetType = UNSET
    mirrors: list[HTTPMirrorPolicy] | UnsetType = UNSET
    mirror_percentage: Percent | UnsetType = UNSET
    mirror_percent: WholePercent | UnsetType = UNSET
    cors_policy: CorsPolicy | UnsetType = UNSET
    headers: Headers | UnsetType = UNSET


class VirtualService(Spec):
    """The spec of a VirtualService."""

    mistaken: ClassVar[dict[str, str]] = {"host": "hosts", "gateway": "gateways", "routes": "http"}

    hosts: list[str] = []
    gateways: list[str] | UnsetType = UNSET
    http: list[HTTPRoute] = []
    tls: NoRawStreams | UnsetType = UNSET
    tcp: NoRawStreams | UnsetType = UNSET
    export_to: list[str] | UnsetType = UNSET
