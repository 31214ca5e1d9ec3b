"""The `fallbacks` of a Resilience as users write them."""

# ruff: noqa: RUF012 (msgspec copies empty lists)

import enum
from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .istio_route_action import HTTPBody
from .istio_virtual_service import PortSelector
from .scalar import PositiveDuration
from .spec import Spec


class Elsewhere(Spec):
    """Another subset or service."""

    host: str = ""
    subset: str = ""
    port: PortSelector | UnsetType = UNSET
    timeout: PositiveDuration | UnsetType = UNSET


class LastGood(Spec):
    """The last good answer to the same request."""

    mistaken: ClassVar[dict[str, str]] = {"ttl": "maxAge", "maxSize": "maxBytes", "vary": "varyBy", "max": "maxEntries"}

    max_age: PositiveDuration | UnsetType = UNSET
    max_entries: Annotated[int, Meta(ge=1, le=1_000_000)] | UnsetType = UNSET
    max_bytes: Annotated[int, Meta(ge=1024, le=1_073_741_824)] | UnsetType = UNSET
    vary_by: list[str] | UnsetType = UNSET


class FixedResponse(Spec):
    """An answer that stands in the document."""

    mistaken: ClassVar[dict[str, str]] = {"code": "status", "statusCode": "status"}

    status: Annotated[int, Meta(ge=200, le=599)] = 200
    headers: dict[str, str] = {}
    body: HTTPBody | UnsetType = UNSET


class Empty(enum.Enum):
    """What stands for nothing."""

    NONE = "NONE"
    OBJECT = "OBJECT"
    ARRAY = "ARRAY"


class Fallback(Spec):
    """One fallback: exactly one of `destination`, `lastGood`, `response` and `empty`."""

    mistaken: ClassVar[dict[str, str]] = {
        "cache": "lastGood",
        "static": "response",
        "directResponse": "response",
        "default": "empty",
        "causes": "on",
    }

    on: list[str] = []
    methods: list[str] = []
    routes: list[str] = []
    destination: Elsewhere | UnsetType = UNSET
    last_good: LastGood | UnsetType = UNSET
    response: FixedResponse | UnsetType = UNSET
    empty: Empty | UnsetType = UNSET
