"""Istio's `trafficPolicy.outlierDetection` as users write it."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from .scalar import PositiveDuration
from .spec import Spec, WholePercent

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Status = Annotated[int, Meta(ge=100, le=599)]


class OutlierDetection(Spec):
    """When an instance that fails is out of rotation for a while."""

    mistaken: ClassVar[dict[str, str]] = {
        "consecutive5xx": "consecutive5xxErrors",
        "consecutiveGatewayFailure": "consecutiveGatewayErrors",
        "consecutiveLocalOriginFailure": "consecutiveLocalOriginFailures",
        "baseEjection": "baseEjectionTime",
        "splitExternalAndLocalErrors": "splitExternalLocalOriginErrors",
    }

    consecutive_errors: Count | UnsetType = UNSET
    split_external_local_origin_errors: bool | UnsetType = UNSET
    consecutive_local_origin_failures: Count | UnsetType = UNSET
    consecutive_gateway_errors: Count | UnsetType = UNSET
    consecutive_5xx_errors: Count | UnsetType = msgspec.field(default=UNSET, name="consecutive5xxErrors")
    interval: PositiveDuration | UnsetType = UNSET
    base_ejection_time: PositiveDuration | UnsetType = UNSET
    max_ejection_percent: WholePercent | UnsetType = UNSET
    min_health_percent: WholePercent | UnsetType = UNSET
    outlier_detection_http_error_codes: list[Status] | UnsetType = UNSET
