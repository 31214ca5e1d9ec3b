"""Istio's `warmup`, and `warmupDurationSecs` of old → Warmup."""

from msgspec import UNSET

from ..messages.traffic import Warmup
from .istio_destination_rule import LoadBalancer
from .problem import Path, ProblemCode, Report


def warmup(block: LoadBalancer, path: Path, report: Report) -> Warmup | None:
    """Return what a balancer says about new instances, None where it says nothing."""
    made = _made(block, path, report)
    if made is None:
        return None
    where: Path = (*path, "warmup" if block.warmup is not UNSET else "warmupDurationSecs")
    if block.consistent_hash is not UNSET:
        message = (
            "consistentHash leads each key to its instance at once: warm-up holds for requests without a key alone"
        )
        report.warn(ProblemCode.NO_EFFECT, where, message)
    elif made.duration < 1.0:
        message = f"an instance counts as a second old from the beginning, so {made.duration:g} s change nothing"
        report.warn(ProblemCode.NO_EFFECT, where, message)
    return made


def _made(block: LoadBalancer, path: Path, report: Report) -> Warmup | None:
    old, spec = block.warmup_duration_secs, block.warmup
    if old is not UNSET:
        where = (*path, "warmupDurationSecs")
        report.warn(ProblemCode.DEPRECATED, where, "warmupDurationSecs is deprecated", "write warmup: {duration: …}")
        if spec is not UNSET:
            message = "warmup and warmupDurationSecs exclude each other"
            report.refuse(ProblemCode.INVALID_VALUE, where, message, "leave warmupDurationSecs out")
    if spec is UNSET:
        return None if old is UNSET else Warmup(float(old))
    if spec.duration is UNSET:
        report.missing((*path, "warmup", "duration"), "a warm-up needs a duration", 'such as "30s"')
        return None
    default = Warmup(0.0)
    return Warmup(
        float(spec.duration),
        default.minimum_percent if spec.minimum_percent is UNSET else spec.minimum_percent,
        default.aggression if spec.aggression is UNSET else spec.aggression,
    )
