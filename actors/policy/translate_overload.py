"""A Resilience's blocks about overload → the rule's."""

from msgspec import UNSET, UnsetType

from ..messages import resilience as rule
from .plait_overload import Admission, Concurrency
from .problem import Path, ProblemCode, Report


def concurrency(block: Concurrency | UnsetType, path: Path, report: Report) -> rule.Concurrency | None:
    """Return how many calls an instance may have in hand; None where nothing is said."""
    if block is UNSET:
        return None
    default = rule.Concurrency()
    least = default.least if block.min_limit is UNSET else block.min_limit
    most = default.most if block.max_limit is UNSET else block.max_limit
    if block.min_limit is UNSET:
        least = min(least, most)
    if block.max_limit is UNSET:
        most = max(least, most)
    initial = min(max(default.initial, least), most) if block.initial_limit is UNSET else block.initial_limit
    if least > most:
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "minLimit"), f"minLimit {least} is over maxLimit {most}")
    elif not least <= initial <= most:
        message = f"initialLimit {initial} is not between {least} and {most}"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "initialLimit"), message)
    return rule.Concurrency(
        initial,
        least,
        most,
        default.queue if block.queue_size is UNSET else block.queue_size,
        default.tolerance if block.tolerance is UNSET else block.tolerance,
    )


def admission(block: Admission | UnsetType, path: Path, report: Report) -> rule.Admission | None:
    """Return which part of the calls is sent; None where nothing is said."""
    if block is UNSET:
        return None
    default = rule.Admission()
    threshold = default.threshold if block.success_rate is UNSET else block.success_rate
    if threshold <= 0.0:
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "successRate"), "a successRate of 0 would refuse nothing")
    return rule.Admission(
        threshold,
        default.aggression if block.aggression is UNSET else block.aggression,
        default.requests if block.min_requests is UNSET else block.min_requests,
    )
