"""circuitBreaker → the breaker of a destination, its defaults filled in."""

from msgspec import UNSET
from msgspec.structs import replace

from ..messages.resilience import Breaker
from .plait_circuit_breaker import CircuitBreaker, Scope
from .problem import Path, ProblemCode, Report

FIELDS = {
    "failure_percent": "failures",
    "slow_call": "slow",
    "slow_call_percent": "slows",
    "minimum_calls": "calls",
    "window": "window",
    "open_time": "open",
    "max_open_time": "longest",
}
"""The block's fields with the rule's."""


def circuit_breaker(block: CircuitBreaker, path: Path, report: Report) -> Breaker:
    """Return the breaker that the block asks for."""
    found = Breaker()
    for field, name in FIELDS.items():
        value = getattr(block, field)
        if value is not UNSET:
            found = replace(found, **{name: type(getattr(found, name))(value)})
    if block.scope is not UNSET:
        found = replace(found, instances=block.scope is not Scope.ROUTE, routes=block.scope is not Scope.INSTANCE)
    if not found.failures and not (found.slow and found.slows):
        message = "it never opens: failurePercent is 0, and no slowCall is set"
        report.warn(ProblemCode.NO_EFFECT, path, message, "leave failurePercent out for its 50")
    if block.slow_call_percent is not UNSET and not found.slow:
        message = "slowCallPercent says nothing without slowCall"
        report.warn(ProblemCode.NO_EFFECT, (*path, "slowCallPercent"), message, "slowCall: 1s")
    if found.longest < found.open:
        message = f"{found.longest:g} s is less than the openTime of {found.open:g} s"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "maxOpenTime"), message)
    return found
