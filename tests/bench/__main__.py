"""`python -m tests.bench`: plait beside the lean ceiling, interleaved in one run, in under five minutes."""

import argparse
import asyncio
import contextlib
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import uvloop

from . import mesh, report, startup, wrk
from .cell import Cell, Load, measure
from .load import Result, closed_loop, open_loop
from .process import Unready

CLOSED = [Load(workload, connections) for connections in (32, 128) for workload in mesh.PATHS]
OPEN = [Load("echo", 128, 2000.0), Load("page", 128, 500.0)]
LOADS = [*CLOSED, *OPEN]
Cells = dict[tuple[str, Load], Cell]


def say(text: str) -> None:
    """Progress, beside the data."""
    print(text, file=sys.stderr, flush=True)


async def run(layout: mesh.Layout, load: Load, seconds: float) -> Result:
    """Put one load on one layout."""
    url = layout.url + mesh.PATHS[load.workload]
    if load.rate:
        return await open_loop(url, load.rate, seconds, load.connections)
    if wrk.installed():
        return await asyncio.to_thread(wrk.run, url, load.connections, seconds)
    return await closed_loop(url, load.connections, seconds)


async def rounds(layouts: Sequence[mesh.Layout], cells: Cells, count: int, seconds: float) -> None:
    """Measure every cell `count` times; layouts take turns within a load, and every other round the order turns."""
    for layout in layouts:
        for load in CLOSED[:2]:
            await run(layout, load, 1.0)  # what is compiled, cached and connected on first use
    for number in range(count):
        say(f"round {number + 1} of {count}")
        for load in LOADS:
            for layout in layouts if number % 2 == 0 else reversed(layouts):
                cell = cells.setdefault((layout.name, load), Cell(layout.name, load))
                cell.rounds.append(await measure(layout.pids, lambda at=layout, of=load: run(at, of, seconds)))


async def compare(folder: Path, given: argparse.Namespace, cells: Cells) -> tuple[dict[str, dict[str, int]], str]:
    """Lay out both meshes and measure them; return the sizes of their answers, and why plait could not be measured."""
    missing = ""
    async with contextlib.AsyncExitStack() as stack:
        layouts = [await stack.enter_async_context(mesh.ceiling(folder / "ceiling"))]
        if not given.ceiling:
            try:
                layouts.append(await stack.enter_async_context(mesh.plait(folder / "plait")))
            except (Unready, OSError, subprocess.SubprocessError) as error:
                missing = str(error)
                say(f"plait is not measured: {missing}")
        await rounds(layouts, cells, given.rounds, given.seconds)
        return {layout.name: layout.sizes for layout in layouts}, missing


def waits(folder: Path, quick: bool) -> tuple[dict[str, Any], list[str]]:
    """Time `plait --help` and `plait up`; return the seconds of each run, and a line for each."""
    tasks: list[tuple[str, float, Callable[[], list[float]]]] = [
        ("plait --help", startup.HELP_LIMIT, lambda: startup.help_times(5 if quick else 10)),
        ("plait up, to ready", startup.UP_LIMIT, lambda: startup.up_times(folder, 1 if quick else 3)),
    ]
    found: dict[str, Any] = {}
    lines: list[str] = []
    for what, limit, take in tasks:
        say(what)
        try:
            found[what] = take()
            lines.append(report.wait(what, found[what], limit))
        except (Unready, OSError, subprocess.SubprocessError) as error:
            found[what] = None
            lines.append(f"{what}: NOT MEASURED: {error}")
    return found, lines


def transport() -> str:
    """What the bench of the bus alone prints, or why it printed nothing; empty when there is none."""
    if importlib.util.find_spec("tests.bench.transport") is None:
        return ""
    say("transport")
    command = [sys.executable, "-m", "tests.bench.transport"]
    try:
        done = subprocess.run(command, cwd=mesh.ROOT, capture_output=True, text=True, check=True, timeout=150)
    except subprocess.CalledProcessError as error:
        return f"transport: NOT MEASURED: {(error.stderr.strip().splitlines() or ['no word'])[-1]}"
    except subprocess.TimeoutExpired:
        return "transport: NOT MEASURED: it did not end"
    return f"transport alone\n{done.stdout.rstrip()}"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1 s, without the transport alone")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of every cell [5]")
    parser.add_argument("--seconds", type=float, metavar="S", help="length of a cell [3]")
    parser.add_argument("--ceiling", action="store_true", help="measure the ceiling alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round there")
    given = parser.parse_args()
    given.rounds = given.rounds or (2 if given.quick else 5)
    given.seconds = given.seconds or (1.0 if given.quick else 3.0)
    return given


def main() -> int:
    """Measure and print; 1 when plait could not be measured."""
    given = arguments()
    cells: Cells = {}
    with tempfile.TemporaryDirectory(prefix="plait-bench-") as name:
        folder = Path(name)
        for layout in ("ceiling", "plait"):
            (folder / layout).mkdir()
        sizes, missing = uvloop.run(compare(folder, given, cells))
        found, lines = ({}, []) if given.ceiling else waits(folder, given.quick)
    about = report.machine()
    generator = "wrk" if wrk.installed() else "our own loop (no wrk here)"
    shared = f"{about['cpus']} CPUs shared by load, bus and every process"
    print(f"\n{shared} · Python {about['python']} · load average {about['load']}")
    print(f"{given.rounds} interleaved rounds of {given.seconds:g} s, medians · closed loop: {generator}")
    print(
        f"plait traces {mesh.SAMPLING:.0%} · "
        + " · ".join(f"{key} answers {value} bytes" for key, value in sizes.items())
    )
    print("\n" + report.throughput(cells, LOADS))
    print("\n" + report.arrivals(cells, LOADS))
    print("\n" + report.cpu(cells, LOADS) + "\n")
    if missing:
        print(f"plait: NOT MEASURED: {missing}")
    print("\n".join(lines))
    alone = "" if given.quick or given.ceiling else transport()
    if alone:
        print("\n" + alone)
    if given.json:
        whole = report.as_object(cells.values(), sizes=sizes, waits=found, transport=alone, missing=missing)
        given.json.write_text(json.dumps(whole, indent=1) + "\n")
    return 1 if missing or None in found.values() else 0


if __name__ == "__main__":
    sys.exit(main())
