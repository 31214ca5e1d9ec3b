"""How busy an instance is, as it says itself in its replies and in its node's heartbeats."""

from math import isfinite
from typing import Any

import msgspec

MOST_METRICS = 16
"""Figures of its own that an instance may report."""
LONGEST_METRIC = 64
"""Characters of such a figure's name."""


class LoadReport(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One instance, just now (after ORCA, the Open Request Cost Aggregation of xDS)."""

    active: int = 0
    """Calls in the hands of its handlers."""
    queued: int = 0
    """Calls that wait in its mailbox."""
    utilization: float = 0.0
    """Share of its event loop that is busy, 0 to 1; all instances of a node share it."""
    rate: float = 0.0
    """Requests per second."""
    errors: float = 0.0
    """Failed requests per second."""
    queue_time: float = 0.0
    """Seconds that its requests of late waited for a handler, on average."""
    capacity: int = 0
    """Calls that it handles at a time; 0 where it does not say."""
    application: float = 0.0
    """How busy its own code says that it is, 0 to 1; 0 where it does not say."""
    metrics: dict[str, float] = {}
    """What its own code reports besides, by name."""

    @property
    def busy(self) -> float:
        """How busy it is, 0 to 1: what its own code says, where it does, else its event loop."""
        return self.application or self.utilization

    @property
    def saturation(self) -> float:
        """How near it is to where work begins to wait, 0 to 1: the narrowest of loop, handlers and its own word."""
        handlers = min(1.0, self.active / self.capacity) if self.capacity else 0.0
        return max(self.utilization, self.application, handlers)


def figures(report: LoadReport) -> dict[str, Any]:
    """Return a report as JSON has it, with the fields' names."""
    return msgspec.structs.asdict(report)


def believable(report: LoadReport) -> bool:
    """Return whether every figure may be one: finite, not negative, shares at most 1. Others say nothing at all."""
    figures = (report.active, report.queued, report.rate, report.errors, report.queue_time, report.capacity)
    return (
        0.0 <= report.utilization <= 1.0
        and 0.0 <= report.application <= 1.0
        and all(one >= 0 and isfinite(one) for one in figures)
        and len(report.metrics) <= MOST_METRICS
        and all(len(name) <= LONGEST_METRIC and isfinite(one) for name, one in report.metrics.items())
    )
