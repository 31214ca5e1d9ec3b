"""Istio's `loadBalancer.consistentHash` as users write it."""

# ruff: noqa: RUF012 (msgspec copies empty lists)

from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .scalar import Duration
from .spec import Spec

Size = Annotated[int, Meta(ge=0, le=8_388_608)]
"""Points of a ring; the most is Envoy's."""


class CookieAttribute(Spec):
    """One more attribute of a cookie that the gateway makes."""

    name: str = ""
    value: str = ""


class HttpCookie(Spec):
    """The cookie whose value is the key."""

    name: str = ""
    path: str = ""
    ttl: Duration | UnsetType = UNSET
    attributes: list[CookieAttribute] = []


class RingHash(Spec):
    """A ring."""

    mistaken: ClassVar[dict[str, str]] = {"minRingSize": "minimumRingSize"}

    minimum_ring_size: Size | UnsetType = UNSET


class Maglev(Spec):
    """Maglev's table."""

    table_size: Annotated[int, Meta(ge=0)] | UnsetType = UNSET


class ConsistentHash(Spec):
    """What of a request names its instance, and how."""

    mistaken: ClassVar[dict[str, str]] = {
        "httpHeader": "httpHeaderName",
        "httpQueryParameter": "httpQueryParameterName",
        "useSourceIP": "useSourceIp",
        "cookie": "httpCookie",
    }

    http_header_name: str | UnsetType = UNSET
    http_cookie: HttpCookie | UnsetType = UNSET
    use_source_ip: bool | UnsetType = UNSET
    http_query_parameter_name: str | UnsetType = UNSET
    ring_hash: RingHash | UnsetType = UNSET
    maglev: Maglev | UnsetType = UNSET
    minimum_ring_size: Size | UnsetType = UNSET
