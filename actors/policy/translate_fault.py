"""A route's fault: what is delayed and aborted on purpose, checked and put in the rules' words."""

from msgspec import UNSET, UnsetType

from ..messages.rule import Fault
from .hint import did_you_mean
from .istio_virtual_service import Abort, Delay, HTTPFaultInjection, Percent
from .problem import Path, ProblemCode, Report

GRPC: dict[str, int] = {
    "OK": 200,
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}
"""The HTTP status of each of gRPC's (Envoy's `Grpc::Utility::grpcToHttpStatus`, the table of google.rpc.Code)."""

SMALLEST = 0.0001
"""Percent."""


def injected(fault: HTTPFaultInjection | UnsetType, path: Path, report: Report) -> Fault | None:
    """Return the faults of a route; None where it has none."""
    if fault is UNSET:
        return None
    if fault.delay is UNSET and fault.abort is UNSET:
        report.missing(path, "a fault needs its delay, its abort or both")
        return None
    delay = delay_percent = abort_percent = 0.0
    status = 0
    if fault.delay is not UNSET:
        where = (*path, "delay")
        if fault.delay.fixed_delay is UNSET:
            report.missing((*where, "fixedDelay"), "a delay needs its fixedDelay")
        else:
            delay = float(fault.delay.fixed_delay)
        delay_percent = _delay_percent(fault.delay, where, report)
    if fault.abort is not UNSET:
        where = (*path, "abort")
        status = _status(fault.abort, where, report)
        abort_percent = _percent(fault.abort.percentage, where, report)
    return Fault(delay, delay_percent, status, abort_percent)


def _percent(percentage: Percent | UnsetType, path: Path, report: Report) -> float:
    if percentage is UNSET or percentage.value is UNSET:
        hint = "percentage: {value: 100} is every request"
        report.warn(ProblemCode.NO_EFFECT, path, "without a percentage the fault hits no request", hint)
        return 0.0
    check_share(percentage.value, (*path, "percentage", "value"), report)
    return percentage.value


def check_share(percent: float, path: Path, report: Report) -> None:
    """Refuse a share that no draw can hit: Istio's draws know ten-thousandths of a percent."""
    if 0 < percent < SMALLEST:
        report.refuse(ProblemCode.INVALID_VALUE, path, f"{percent:g} is less than {SMALLEST:g}", "0 is none")


def _delay_percent(delay: Delay, path: Path, report: Report) -> float:
    if delay.percent is UNSET:
        return _percent(delay.percentage, path, report)
    where = (*path, "percent")
    if delay.percentage is not UNSET:
        report.warn(ProblemCode.NO_EFFECT, where, "percent says nothing beside percentage")
        return _percent(delay.percentage, path, report)
    hint = f"write percentage: {{value: {delay.percent}}}"
    report.warn(ProblemCode.DEPRECATED, where, "percent is deprecated", hint)
    return float(delay.percent)


def _status(abort: Abort, path: Path, report: Report) -> int:
    """The HTTP status of an abort, of which gRPC's status is another name here."""
    if abort.grpc_status is UNSET:
        if abort.http_status is UNSET:
            report.missing((*path, "httpStatus"), "an abort needs its httpStatus")
            return 0
        return abort.http_status
    where = (*path, "grpcStatus")
    if abort.http_status is not UNSET:
        report.refuse(ProblemCode.INVALID_VALUE, where, "httpStatus and grpcStatus exclude each other")
    elif abort.grpc_status not in GRPC:
        hint = did_you_mean(abort.grpc_status, GRPC) or "names such as UNAVAILABLE"
        message = f"{abort.grpc_status[:64]!r} is no status of gRPC"
        report.refuse(ProblemCode.INVALID_VALUE, where, message, hint)
    else:
        status = GRPC[abort.grpc_status]
        message = f"the mesh speaks HTTP: callers see status {status}, which stands for {abort.grpc_status}"
        report.warn(ProblemCode.APPROXIMATED, where, message)
        return status
    return 0
