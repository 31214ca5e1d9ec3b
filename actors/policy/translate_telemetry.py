"""Telemetry → the rule of that name: which share of the requests is traced, and at which gateways."""

from msgspec import UNSET

from ..messages import telemetry as rule
from .istio_telemetry import Telemetry
from .problem import ProblemCode, Report


def telemetry(spec: Telemetry, namespace: str, name: str, report: Report) -> rule.Telemetry:
    """Return the rule of a Telemetry; it is complete where nothing was refused."""
    if not spec.tracing:
        report.missing(
            ("spec", "tracing"),
            "a Telemetry needs a part that is honoured",
            "such as tracing: [{randomSamplingPercentage: 1}]",
        )
    elif len(spec.tracing) > 1:
        report.refuse(
            ProblemCode.UNSUPPORTED_VALUE, ("spec", "tracing", 1), "one entry is supported: it holds for all requests"
        )
    sampling: float | None = None
    for one in spec.tracing[:1]:
        if one.random_sampling_percentage is not UNSET:
            sampling = one.random_sampling_percentage
        if one.disable_span_reporting is True:
            sampling = 0.0
    labels = {} if spec.selector is UNSET else spec.selector.match_labels
    return rule.Telemetry(f"{namespace}/{name}", labels, sampling)
