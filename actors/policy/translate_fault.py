"""A route's fault: what is delayed and aborted on purpose, checked and put in the rules' words."""

from msgspec import UNSET, UnsetType

from ..messages.rule import Fault
from .istio_virtual_service import HTTPFaultInjection, Percent
from .problem import Path, ProblemCode, Report


def injected(fault: HTTPFaultInjection | UnsetType, path: Path, report: Report) -> Fault | None:
    """Return the faults of a route; None where it has none."""
    if fault is UNSET or (fault.delay is UNSET and fault.abort is UNSET):
        return None
    delay = delay_percent = abort_percent = 0.0
    status = 0
    if fault.delay is not UNSET:
        where = (*path, "delay")
        if fault.delay.fixed_delay is UNSET:
            report.missing((*where, "fixedDelay"), "a delay needs its fixedDelay")
        else:
            delay = float(fault.delay.fixed_delay)
        delay_percent = _percent(fault.delay.percentage, where, report)
    if fault.abort is not UNSET:
        where = (*path, "abort")
        if fault.abort.http_status is UNSET:
            report.missing((*where, "httpStatus"), "an abort needs its httpStatus")
        else:
            status = fault.abort.http_status
        abort_percent = _percent(fault.abort.percentage, where, report)
    return Fault(delay, delay_percent, status, abort_percent)


def _percent(percentage: Percent | UnsetType, path: Path, report: Report) -> float:
    if percentage is UNSET or percentage.value is UNSET:
        hint = "percentage: {value: 100} is every request"
        report.warn(ProblemCode.NO_EFFECT, path, "without a percentage the fault hits no request", hint)
        return 0.0
    return percentage.value
