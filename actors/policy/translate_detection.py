"""`outlierDetection` of a Resilience → rates that are compared, and whether failures are pooled."""

from msgspec import UNSET, UnsetType

from ..messages.resilience import Detection, FailureShare, SuccessRate
from . import plait_outlier as block
from .problem import Path, ProblemCode, Report

NOTES = {
    ".successRate.minHosts": "5 where none is set, `0`: off",
    ".failurePercentage.percent": "85 where none is set, `0`: off",
    ".shared": "callers pool what they see; true where nothing is said",
}
"""What people are told of its fields."""


def detection(spec: block.Detection | UnsetType, path: Path, report: Report) -> Detection | None:
    """Return what the block says, None where it says nothing."""
    if spec is UNSET:
        return None
    found = Detection(
        None if spec.success_rate is UNSET else _success(spec.success_rate),
        None if spec.failure_percentage is UNSET else _failure(spec.failure_percentage),
        None if spec.shared is UNSET else spec.shared,
    )
    if found == Detection():
        message = "it says nothing: successRate, failurePercentage and shared are left out"
        report.warn(ProblemCode.NO_EFFECT, path, message, "successRate: {} compares rates, by the defaults")
        return None
    return found


def _success(spec: block.SuccessRate) -> SuccessRate:
    default = SuccessRate()
    return SuccessRate(
        default.hosts if spec.min_hosts is UNSET else spec.min_hosts,
        default.requests if spec.min_requests is UNSET else spec.min_requests,
        float(default.deviations if spec.deviations is UNSET else spec.deviations),
        float(default.gap if spec.gap_percent is UNSET else spec.gap_percent),
    )


def _failure(spec: block.FailurePercentage) -> FailureShare:
    default = FailureShare()
    return FailureShare(
        float(default.percent if spec.percent is UNSET else spec.percent),
        default.hosts if spec.min_hosts is UNSET else spec.min_hosts,
        default.requests if spec.min_requests is UNSET else spec.min_requests,
    )
