"""The block `circuitBreaker` of Resilience as users write it."""

import enum
from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .scalar import PositiveDuration
from .spec import Share, Spec


class Scope(enum.Enum):
    """What has a breaker of its own."""

    INSTANCE = "INSTANCE"
    ROUTE = "ROUTE"
    BOTH = "BOTH"


class CircuitBreaker(Spec):
    """When calls fail at once for a while."""

    mistaken: ClassVar[dict[str, str]] = {
        "failureRateThreshold": "failurePercent",
        "slowCallRateThreshold": "slowCallPercent",
        "slowCallDurationThreshold": "slowCall",
        "slidingWindowSize": "window",
        "minimumNumberOfCalls": "minimumCalls",
        "waitDurationInOpenState": "openTime",
        "halfOpenTime": "openTime",
    }

    failure_percent: Share | UnsetType = UNSET
    slow_call: PositiveDuration | UnsetType = UNSET
    slow_call_percent: Share | UnsetType = UNSET
    minimum_calls: Annotated[int, Meta(ge=1, le=1_000_000)] | UnsetType = UNSET
    window: PositiveDuration | UnsetType = UNSET
    open_time: PositiveDuration | UnsetType = UNSET
    max_open_time: PositiveDuration | UnsetType = UNSET
    scope: Scope | UnsetType = UNSET
