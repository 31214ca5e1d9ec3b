"""Resilience of `plait.dev/v1` as users write it: what a mesh can do that Istio has no word for."""

import enum
from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .plait_circuit_breaker import CircuitBreaker
from .plait_fallback import Fallback
from .plait_hedging import Hedging
from .plait_mirror_diff import MirrorDiff
from .plait_outlier import Detection
from .plait_overload import Admission, Concurrency
from .spec import Spec


class Algorithm(enum.Enum):
    """Ways of picking an instance besides those of a DestinationRule."""

    PEAK_EWMA = "PEAK_EWMA"
    REPORTED_LOAD = "REPORTED_LOAD"
    RENDEZVOUS = "RENDEZVOUS"
    """For the destination's consistentHash, in place of its ring or table."""


class LoadBalancer(Spec):
    """How an instance is picked."""

    mistaken: ClassVar[dict[str, str]] = {"simple": "algorithm", "hashBalanceFactor": "boundedLoad"}

    algorithm: Algorithm | UnsetType = UNSET
    bounded_load: Annotated[int, Meta(ge=100, le=100_000)] | UnsetType = UNSET
    """Percent of its share of the calls in hand that an instance may have, where calls are hashed."""


class Resilience(Spec):
    """The spec of a Resilience: a destination, and blocks that each say one thing about it."""

    host: str = ""
    subset: str = ""
    load_balancer: LoadBalancer | UnsetType = UNSET
    fallbacks: list[Fallback] | UnsetType = UNSET
    hedging: Hedging | UnsetType = UNSET
    circuit_breaker: CircuitBreaker | UnsetType = UNSET
    concurrency: Concurrency | UnsetType = UNSET
    admission: Admission | UnsetType = UNSET
    mirror_diff: MirrorDiff | UnsetType = UNSET
    outlier_detection: Detection | UnsetType = UNSET
