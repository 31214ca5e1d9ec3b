"""Fault (`plait.dev/v1`) → Disruption: what it does is one thing, and it has an owner, a reason and an end."""

from msgspec import UNSET

from ..messages.disruption import Disruption
from .hostname import check_host, destination_service
from .plait_fault import Fault
from .problem import Path, ProblemCode, Report
from .translate_fault import check_share


def disruption(spec: Fault, namespace: str, name: str, report: Report) -> Disruption:
    """Return the disruption of a Fault; it is complete where nothing was refused."""
    for field in ("owner", "reason", "expires"):
        if not getattr(spec, field):
            report.missing(("spec", field), f"a fault needs its {field}: others have to know who, why and until when")
    _check_kind(spec, report)
    percent = 100.0
    if spec.percentage is not UNSET and spec.percentage.value is not UNSET:
        percent = spec.percentage.value
        check_share(percent, ("spec", "percentage", "value"), report)
        if spec.partition:
            message = "a partition lets nothing through: it has no percentage"
            report.refuse(ProblemCode.INVALID_VALUE, ("spec", "percentage"), message, "drop: true loses a share")
    source = "" if spec.source is UNSET else _service(spec.source.host, namespace, ("spec", "source", "host"), report)
    if spec.partition and not source:
        report.missing(("spec", "source"), "a partition needs its other side", "source: {host: productpage}")
    return Disruption(
        f"{namespace}/{name}",
        _service(spec.host, namespace, ("spec", "host"), report),
        spec.owner,
        spec.reason,
        0.0 if spec.expires is UNSET else float(spec.expires),
        spec.subset,
        spec.instance,
        source,
        percent,
        0.0 if spec.delay is UNSET or spec.delay.fixed_delay is UNSET else float(spec.delay.fixed_delay),
        0 if spec.abort is UNSET or spec.abort.http_status is UNSET else spec.abort.http_status,
        spec.drop,
        spec.duplicate,
        spec.partition,
    )


def _service(host: str, namespace: str, path: Path, report: Report) -> str:
    if "*" in host:
        return host.lower() if check_host(host, path, report) else ""
    return destination_service(host, namespace, path, report)


def _check_kind(spec: Fault, report: Report) -> None:
    """A delay and an abort go together; all else is one thing."""
    if spec.delay is not UNSET and spec.delay.fixed_delay is UNSET:
        report.missing(("spec", "delay", "fixedDelay"), "a delay needs its fixedDelay")
    if spec.abort is not UNSET and spec.abort.http_status is UNSET:
        report.missing(("spec", "abort", "httpStatus"), "an abort needs its httpStatus")
    answers = spec.delay is not UNSET or spec.abort is not UNSET
    kinds = [answers, spec.drop, spec.duplicate, spec.partition]
    if not any(kinds):
        report.missing(("spec",), "a fault does something: delay, abort, drop, duplicate or partition")
    elif sum(kinds) > 1:
        message = "drop, duplicate and partition exclude each other, and delay and abort"
        report.refuse(ProblemCode.INVALID_VALUE, ("spec",), message, "write a Fault for each")
