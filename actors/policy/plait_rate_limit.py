"""RateLimit of `plait.dev/v1` as users write it: how many requests of a destination may pass."""

# ruff: noqa: RUF012 (msgspec copies empty lists and dicts)

import enum
from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .scalar import PositiveDuration
from .spec import Share, Spec

Many = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class Scope(enum.Enum):
    """Who counts."""

    LOCAL = "LOCAL"
    MESH = "MESH"


class Key(Spec):
    """What tells requests apart that are counted apart."""

    header: str = ""
    caller: bool = False
    route: bool = False
    client_address: bool = False


class Limit(Spec):
    """One limit."""

    mistaken: ClassVar[dict[str, str]] = {"rate": "requests", "unit": "per", "limit": "requests", "by": "key"}

    name: str = ""
    requests: Many | UnsetType = UNSET
    per: PositiveDuration | UnsetType = UNSET
    burst: Many | UnsetType = UNSET
    scope: Scope = Scope.LOCAL
    key: Key | UnsetType = UNSET
    routes: list[str] = []
    callers: list[str] = []
    local_share: Share | UnsetType = UNSET
    lease: PositiveDuration | UnsetType = UNSET


class RateLimit(Spec):
    """The spec of a RateLimit: a destination, and the limits of its requests."""

    mistaken: ClassVar[dict[str, str]] = {"hosts": "host", "rules": "limits"}

    host: str = ""
    subset: str = ""
    limits: list[Limit] = []
    response_headers: bool = False
