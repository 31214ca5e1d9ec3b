"""Resilience of `plait.dev/v1` as users write it: what a mesh can do that Istio has no word for."""

import enum

from msgspec import UNSET, UnsetType

from .plait_fallback import Fallback
from .spec import Spec


class Algorithm(enum.Enum):
    """Ways of picking an instance besides those of a DestinationRule."""

    PEAK_EWMA = "PEAK_EWMA"
    REPORTED_LOAD = "REPORTED_LOAD"


class LoadBalancer(Spec):
    """How an instance is picked."""

    algorithm: Algorithm | UnsetType = UNSET


class Resilience(Spec):
    """The spec of a Resilience: a destination, and blocks that each say one thing about it."""

    host: str = ""
    subset: str = ""
    load_balancer: LoadBalancer | UnsetType = UNSET
    fallbacks: list[Fallback] | UnsetType = UNSET
