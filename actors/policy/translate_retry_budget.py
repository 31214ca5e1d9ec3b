"""A DestinationRule's retryBudget → how many retries its destination gets."""

from msgspec import UNSET

from ..messages.traffic import RetryBudget as Budget
from .istio_retry_budget import RetryBudget
from .problem import Path, ProblemCode, Report

LONGEST = 3600.0
"""Seconds of the window: in a longer one calls of another day would pay for retries of now."""


def retry_budget(block: RetryBudget, path: Path, report: Report) -> Budget:
    """Return the budget; what is not given is Istio's default."""
    default = Budget()
    interval = default.interval if block.budget_interval is UNSET else float(block.budget_interval)
    if interval > LONGEST:
        message = f"{interval:g}s is longer than an hour"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "budgetInterval"), message)
    return Budget(
        default.percent if block.percent is UNSET else float(block.percent),
        default.min_concurrency if block.min_retry_concurrency is UNSET else block.min_retry_concurrency,
        interval,
    )
