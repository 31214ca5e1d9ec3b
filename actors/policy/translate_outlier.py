"""outlierDetection → Outlier: a block that is given means what it means in Istio, what it leaves out included."""

from collections.abc import Iterable

from msgspec import UNSET, UnsetType

from ..messages.traffic import Outlier
from .istio_outlier import OutlierDetection
from .problem import Path, ProblemCode, Report

PERCENT = 10
"""Istio's maxEjectionPercent; one of two or more may be ejected all the same."""
ROW = 5
"""Failures in a row, of those kinds that are on by default."""

NOTES = {
    "": "on by default; a block that is given means what it means in Istio, what it leaves out included",
    ".consecutiveLocalOriginFailures": f"with `splitExternalLocalOriginErrors: true`; {ROW} by default, `0`: off",
    ".consecutive5xxErrors": f"{ROW} where none is set, `0`: off",
    ".consecutiveGatewayErrors": "off where none is set",
    ".maxEjectionPercent": f"{PERCENT} where none is set; one of two or more may be ejected all the same",
    ".outlierDetectionHttpErrorCodes": "beside 500 to 599",
}
"""What people are told of its fields."""


def outlier(block: OutlierDetection, path: Path, report: Report) -> Outlier:
    """Return its meaning. Rates are not compared: Istio has no fields for them, and turns them off."""
    if block.consecutive_errors is not UNSET:
        message = "consecutiveErrors is deprecated and without effect, as in Istio"
        report.warn(ProblemCode.NO_EFFECT, (*path, "consecutiveErrors"), message, "write consecutive5xxErrors")
    split = block.split_external_local_origin_errors is True
    if block.consecutive_local_origin_failures is not UNSET and not split:
        message = "failures without an answer count with 5xx, unless splitExternalLocalOriginErrors is true"
        report.warn(ProblemCode.NO_EFFECT, (*path, "consecutiveLocalOriginFailures"), message)
    percent = _given(block.max_ejection_percent, PERCENT)
    if percent == 0:
        message = f"0 says nothing, as in Istio: {PERCENT} % holds"
        hint = "consecutive5xxErrors: 0 turns ejection off"
        report.warn(ProblemCode.NO_EFFECT, (*path, "maxEjectionPercent"), message, hint)
        percent = PERCENT
    errors = _given(block.consecutive_5xx_errors, ROW)
    gateway = _given(block.consecutive_gateway_errors, 0)
    local = _given(block.consecutive_local_origin_failures, ROW)
    codes = block.outlier_detection_http_error_codes
    default = Outlier()
    return Outlier(
        errors,
        gateway,
        local,
        split,
        float(default.interval if block.interval is UNSET else block.interval),
        float(default.base_ejection if block.base_ejection_time is UNSET else block.base_ejection_time),
        default.longest_ejection,
        float(percent),
        float(_given(block.min_health_percent, 0)),
        () if codes is UNSET else ranges(codes),
        bool(errors or gateway or (split and local)),
        success_rate_hosts=0,
        failure_percentage=0.0,
    )


def ranges(codes: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return numbers as (first, last) of each run of them."""
    found: list[tuple[int, int]] = []
    for code in sorted(set(codes)):
        if found and code == found[-1][1] + 1:
            found[-1] = (found[-1][0], code)
        else:
            found.append((code, code))
    return tuple(found)


def _given(value: int | UnsetType, default: int) -> int:
    return default if value is UNSET else value
