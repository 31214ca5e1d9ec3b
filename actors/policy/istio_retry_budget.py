"""Istio's `trafficPolicy.retryBudget` as users write it."""

from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .scalar import Duration
from .spec import Spec


class RetryBudget(Spec):
    """How many retries a destination gets, in proportion to its calls."""

    mistaken: ClassVar[dict[str, str]] = {"minConcurrency": "minRetryConcurrency", "interval": "budgetInterval"}

    percent: Annotated[float, Meta(ge=0, le=100)] | UnsetType = UNSET
    min_retry_concurrency: Annotated[int, Meta(ge=0, le=2**32 - 1)] | UnsetType = UNSET
    budget_interval: Duration | UnsetType = UNSET
