"""The blocks of a Resilience that are about overload, as users write them."""

from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .spec import Share, Spec

Calls = Annotated[int, Meta(ge=1, le=100_000)]


class Concurrency(Spec):
    """A limit of calls in the hands of an instance, which finds itself."""

    mistaken: ClassVar[dict[str, str]] = {"max": "maxLimit", "min": "minLimit", "initial": "initialLimit"}

    initial_limit: Calls | UnsetType = UNSET
    min_limit: Calls | UnsetType = UNSET
    max_limit: Calls | UnsetType = UNSET
    queue_size: Calls | UnsetType = UNSET
    tolerance: Annotated[float, Meta(ge=1, le=100)] | UnsetType = UNSET


class Admission(Spec):
    """The part of the calls that is not sent where many fail."""

    success_rate: Share | UnsetType = UNSET
    aggression: Annotated[float, Meta(ge=1, le=100)] | UnsetType = UNSET
    min_requests: Calls | UnsetType = UNSET
