"""Istio's `loadBalancer.warmup` as users write it."""

from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .scalar import PositiveDuration
from .spec import Share, Spec


class Warmup(Spec):
    """Instances that are new get their share of the calls little by little."""

    mistaken: ClassVar[dict[str, str]] = {
        "durationSecs": "duration",
        "window": "duration",
        "minPercent": "minimumPercent",
        "minWeightPercent": "minimumPercent",
    }

    duration: PositiveDuration | UnsetType = UNSET
    minimum_percent: Share | UnsetType = UNSET
    aggression: Annotated[float, Meta(ge=0.01, le=100)] | UnsetType = UNSET
