"""The `mirrorDiff` of a Resilience: its paths checked, and put in the rules' words."""

from msgspec import UNSET

from ..messages import mirroring as rule
from ..routing.json_path import read_path
from .plait_mirror_diff import MirrorDiff
from .problem import Path, ProblemCode, Report

MOST = 64
"""Paths of one document."""


def mirror_diff(spec: MirrorDiff, path: Path, report: Report) -> rule.MirrorDiff:
    """Return how answers are compared; complete where nothing was refused."""
    if len(spec.ignore) > MOST:
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "ignore"), f"{len(spec.ignore)} paths, {MOST} at most")
    for place, one in enumerate(spec.ignore):
        try:
            read_path(one)
        except ValueError as error:
            message = f"{one[:64]!r} is no path: {error}"
            report.refuse(ProblemCode.INVALID_VALUE, (*path, "ignore", place), message, "such as $.reviews[*].id")
    if spec.percent is not UNSET and not spec.percent:
        report.warn(ProblemCode.NO_EFFECT, (*path, "percent"), "with 0 percent nothing is compared")
    default = rule.MirrorDiff()
    return rule.MirrorDiff(
        default.percent if spec.percent is UNSET else float(spec.percent),
        tuple(spec.ignore),
        default.size if spec.max_body_bytes is UNSET else spec.max_body_bytes,
    )
