"""One cell of the table: a workload, a layout and a load, measured once a round, and what the rounds come to."""

import statistics
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .load import Result, percentile
from .process import cpu_ns


class Load(NamedTuple):
    """How much is asked: `rate` 0 is the closed loop, else that many requests a second become due."""

    workload: str
    connections: int
    rate: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.workload}, {self.rate:,.0f}/s" if self.rate else f"{self.workload}, {self.connections} connections"
        )


@dataclass
class Measured:
    """One round of one cell; `cpu` is in microseconds per good answer, by process."""

    rate: float
    errors: int
    p50: float
    p99: float
    cpu: dict[str, float]

    @property
    def cpu_sum(self) -> float:
        """CPU of all processes of the layout, in microseconds per good answer."""
        return sum(self.cpu.values())


async def measure(pids: Mapping[str, int], run: Callable[[], Awaitable[Result]]) -> Measured:
    """Run a load, and read each process's CPU time before and after it.

    Raises:
        ProcessLookupError: a process of the layout has died.
    """
    before = {name: cpu_ns(pid) for name, pid in pids.items()}
    result = await run()
    answers = max(1, result.requests)
    cpu = {name: (cpu_ns(pid) - before[name]) / 1000 / answers for name, pid in pids.items()}
    p50, p99 = (percentile(result.latencies, p) if result.latencies else float("inf") for p in (50, 99))
    return Measured(result.rate, result.errors, p50, p99, cpu)


@dataclass
class Cell:
    """All rounds of one load against one layout; figures are medians of the rounds."""

    layout: str
    load: Load
    rounds: list[Measured] = field(default_factory=list[Measured])

    @property
    def rate(self) -> float:
        """Good answers per second."""
        return statistics.median(one.rate for one in self.rounds)

    @property
    def spread(self) -> float:
        """Half of what lies between the slowest and the fastest round, as a share of the median."""
        rates = [one.rate for one in self.rounds]
        return (max(rates) - min(rates)) / 2 / (self.rate or 1.0)

    @property
    def errors(self) -> int:
        """Of all rounds together."""
        return sum(one.errors for one in self.rounds)

    @property
    def p50(self) -> float:
        """Seconds."""
        return statistics.median(one.p50 for one in self.rounds)

    @property
    def p99(self) -> float:
        """Seconds."""
        return statistics.median(one.p99 for one in self.rounds)

    @property
    def cpu(self) -> dict[str, float]:
        """Microseconds per good answer, by process."""
        return {name: statistics.median(one.cpu[name] for one in self.rounds) for name in self.rounds[0].cpu}

    @property
    def cpu_sum(self) -> float:
        """Microseconds per good answer, of all processes."""
        return statistics.median(one.cpu_sum for one in self.rounds)


class Ratio(NamedTuple):
    """A cell against the ceiling's: medians, and extremes, of the ratios of the rounds."""

    rate: float
    lowest: float
    highest: float
    cpu: float


def ratio(cell: Cell, ceiling: Cell) -> Ratio:
    """Compare round by round: the two runs of a round stand side by side, so a slow minute slows both."""
    rates = [mine.rate / (best.rate or 1.0) for mine, best in zip(cell.rounds, ceiling.rounds, strict=True)]
    cpu = [mine.cpu_sum / (best.cpu_sum or 1.0) for mine, best in zip(cell.rounds, ceiling.rounds, strict=True)]
    return Ratio(statistics.median(rates), min(rates), max(rates), statistics.median(cpu))
