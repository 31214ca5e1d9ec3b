"""Istio's `loadBalancer.localityLbSetting` as users write it."""

# ruff: noqa: RUF012 (msgspec copies empty lists and dicts)

from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from .scalar import Never
from .spec import Spec

NoZones = Annotated[
    Never, Meta(description="it counts the callers of each zone; localityLbSetting says by name where calls go")
]


class Distribute(Spec):
    """Where the calls from one locality go, in percent."""

    start: str = msgspec.field(default="", name="from")
    to: dict[str, int] = {}


class Failover(Spec):
    """The region that takes the calls of another one."""

    start: str = msgspec.field(default="", name="from")
    to: str = ""


class LocalityLbSetting(Spec):
    """Which localities calls go to."""

    mistaken: ClassVar[dict[str, str]] = {
        "failoverPriorities": "failoverPriority",
        "distribution": "distribute",
        "enable": "enabled",
    }

    distribute: list[Distribute] = []
    failover: list[Failover] = []
    failover_priority: list[str] = []
    enabled: bool | UnsetType = UNSET
