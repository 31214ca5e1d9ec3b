"""What the bench says: plain tables for people, one object for machines."""

import dataclasses
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from .cell import Cell, Load, ratio

TARGET = 0.5
"""plait's share of the ceiling's requests per second, at the least."""


def table(rows: Iterable[Sequence[str]]) -> str:
    """Lay out rows in columns: the first to the left, the others to the right."""
    lines = [list(row) for row in rows]
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if n else text.ljust(width)
            for n, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def throughput(cells: dict[tuple[str, Load], Cell], loads: Sequence[Load]) -> str:
    """Requests per second, latencies and ratios of the closed loop."""
    rows = [
        ["closed loop", "", "req/s", "±", "p50 ms", "p99 ms", "errors", "of ceiling", "rounds", "CPU ratio", "target"]
    ]
    rows += [row for load in loads if not load.rate for row in _compared(cells, load)]
    return table(rows)


def _compared(cells: dict[tuple[str, Load], Cell], load: Load) -> list[list[str]]:
    rows: list[list[str]] = []
    for layout in ("ceiling", "plait"):
        cell = cells.get((layout, load))
        if cell is None or not cell.rounds:
            continue
        row = [str(load), layout, f"{cell.rate:,.0f}", f"{cell.spread:.0%}"]
        row += [f"{cell.p50 * 1e3:.2f}", f"{cell.p99 * 1e3:.2f}", str(cell.errors)]
        if layout == "plait":
            found = ratio(cell, cells["ceiling", load])
            row += [f"{found.rate:.2f}", f"{found.lowest:.2f}-{found.highest:.2f}", f"{found.cpu:.2f}"]
            row.append(verdict(found.rate >= TARGET and not cell.errors))
        rows.append(row + [""] * (11 - len(row)))
    return rows


def arrivals(cells: dict[tuple[str, Load], Cell], loads: Sequence[Load]) -> str:
    """Latencies of the open loop, from the moment at which each request was due."""
    rows = [["open loop", "", "answered/s", "p50 ms", "p99 ms", "errors"]]
    for load in loads:
        for layout in ("ceiling", "plait"):
            cell = cells.get((layout, load))
            if load.rate and cell is not None and cell.rounds:
                times = [f"{cell.p50 * 1e3:.2f}", f"{cell.p99 * 1e3:.2f}", str(cell.errors)]
                rows.append([str(load), layout, f"{cell.rate:,.0f}", *times])
    return table(rows)


def cpu(cells: dict[tuple[str, Load], Cell], loads: Sequence[Load]) -> str:
    """CPU microseconds per request of every process."""
    found = [cells[key] for load in loads for key in (("ceiling", load), ("plait", load)) if key in cells]
    found = [cell for cell in found if cell.rounds]
    names = list(dict.fromkeys(name for cell in found for name in cell.cpu))
    rows = [["CPU µs per request", "", *names, "all"]]
    for cell in found:
        spent = cell.cpu
        each = [f"{spent[name]:.1f}" if name in spent else "-" for name in names]
        rows.append([str(cell.load), cell.layout, *each, f"{cell.cpu_sum:.1f}"])
    return table(rows)


def wait(what: str, times: Sequence[float], limit: float) -> str:
    """One line: the median of waiting times in seconds, its extremes, and the limit."""
    middle = statistics.median(times)
    extremes = f"{min(times) * 1e3:,.0f}-{max(times) * 1e3:,.0f}"
    found = f"{what}: {middle * 1e3:,.0f} ms ({extremes} in {len(times)} runs)"
    return f"{found}, limit {limit * 1e3:,.0f} ms: {verdict(middle <= limit)}"


def verdict(met: bool) -> str:
    """One word."""
    return "met" if met else "MISSED"


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "cpus": os.cpu_count(),
        "load": [round(one, 2) for one in os.getloadavg()],
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def as_object(cells: Iterable[Cell], **more: Any) -> dict[str, Any]:
    """All figures, each round on its own; rates per second, times in seconds, CPU in microseconds per request."""
    return {
        "machine": machine(),
        "cells": [
            {"layout": cell.layout, **cell.load._asdict(), "rounds": [dataclasses.asdict(one) for one in cell.rounds]}
            for cell in cells
        ],
        **more,
    }
