"""The block `outlierDetection` of Resilience as users write it: rates and sharing, for which Istio has no words."""

from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from .spec import Share, Spec

Hosts = Annotated[int, Meta(ge=0, le=100_000)]
Requests = Annotated[int, Meta(ge=1, le=1_000_000)]


class SuccessRate(Spec):
    """When an instance is out for answering well less often than its peers."""

    mistaken: ClassVar[dict[str, str]] = {
        "minimumHosts": "minHosts",
        "requestVolume": "minRequests",
        "stdevFactor": "deviations",
    }

    min_hosts: Hosts | UnsetType = UNSET
    min_requests: Requests | UnsetType = UNSET
    deviations: Annotated[float, Meta(ge=0, le=10)] | UnsetType = UNSET
    gap_percent: Share | UnsetType = UNSET


class FailurePercentage(Spec):
    """When an instance is out for the share of its calls that fail."""

    mistaken: ClassVar[dict[str, str]] = {
        "threshold": "percent",
        "minimumHosts": "minHosts",
        "requestVolume": "minRequests",
    }

    percent: Share | UnsetType = UNSET
    min_hosts: Hosts | UnsetType = UNSET
    min_requests: Requests | UnsetType = UNSET


class Detection(Spec):
    """What outlier detection does besides what a DestinationRule says."""

    mistaken: ClassVar[dict[str, str]] = {
        "failurePercent": "failurePercentage",
        "pooled": "shared",
    }

    success_rate: SuccessRate | UnsetType = UNSET
    failure_percentage: FailurePercentage | UnsetType = UNSET
    shared: bool | UnsetType = UNSET
