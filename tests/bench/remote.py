"""`python -m tests.bench.remote`: asks from one process to another over a real nats-server, beside nats-py and a peer.

Every kind of `pair.py` has a responder in a process of its own; all askers live in this one, on uvloop as the
responders do. Rounds are interleaved, medians are printed. FastStream is optional: `pip install -e '.[bench]'`.

With one ask under way the figures are mostly the system's: it wakes three processes in turn for each. With 32 they are
the CPU of all three, for these work in turn too.
"""

import argparse
import asyncio
import contextlib
import gc
import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import uvloop

from plait.mesh.nats_binary import find_nats_server

from . import report
from .pair import ASK, PATIENCE, SERVE, Drive, failed
from .process import Process, Unready, all_of, cpu_ns

IN_FLIGHT = (1, 32)
GOALS = {"nats-py": 1.5, "lean, callbacks": 0.6, "faststream": 4.0}
"""How many times as fast as that plait's ask is to be, at the least."""


class Measure(NamedTuple):
    """One kind in one round: asks per second, and microseconds of CPU per ask of either process."""

    rate: float
    asker: float
    responder: float


Found = dict[str, list[Measure]]


async def measure(drive: Drive, pid: int, in_flight: int, count: int, seconds: float) -> Measure:
    """Ask at most `count` times and for about `seconds`; `pid` is the responder's."""
    begin, mine, its = time.perf_counter(), time.process_time(), cpu_ns(pid)
    answered = max(1, await asyncio.wait_for(drive(in_flight, count, begin + seconds), seconds + 2 * PATIENCE))
    took = time.perf_counter() - begin
    asker, responder = time.process_time() - mine, (cpu_ns(pid) - its) * 1e-9
    return Measure(answered / took, asker * 1e6 / answered, responder * 1e6 / answered)


async def compare(url: str, pids: Mapping[str, int], given: argparse.Namespace) -> dict[int, Found]:
    """Measure every kind in turn, `given.rounds` times; every other round the order turns."""
    found: dict[int, Found] = {in_flight: {} for in_flight in IN_FLIGHT}
    async with contextlib.AsyncExitStack() as stack:
        drives = {kind: await ask(url, stack) for kind, (ask, serve) in ASK.items() if serve in pids}
        for drive in drives.values():  # what is made on first use
            await drive(1, 100, time.perf_counter() + PATIENCE)
        gc.freeze()
        for number in range(given.rounds):
            for in_flight in IN_FLIGHT:
                for kind in drives if number % 2 == 0 else reversed(drives):
                    one = await measure(drives[kind], pids[ASK[kind][1]], in_flight, given.count, given.seconds)
                    found[in_flight].setdefault(kind, []).append(one)
    return found


def table(found: Found) -> str:
    """The medians of one number of asks under way."""
    rates = {kind: [one.rate for one in rounds] for kind, rounds in found.items()}
    base = statistics.median(rates["nats-py"])
    lines = []
    for kind in ASK:
        if kind in rates:
            rate = statistics.median(rates[kind])
            spread = f"({min(rates[kind]):,.0f} to {max(rates[kind]):,.0f})"
            asker, responder = (statistics.median(column) for column in list(zip(*found[kind], strict=True))[1:])
            cpu = f"CPU µs {asker:6.1f} asker, {responder:6.1f} responder"
            lines.append(f"{kind:<18} {rate:>12,.0f}/s  {rate / base:5.2f} x  {spread:<20}  {cpu}")
    return "\n".join(lines)


def goals(found: Mapping[int, Found]) -> str:
    """How plait's ask stands to what it is compared with."""
    lines = []
    for peer, least in GOALS.items():
        for in_flight, kinds in found.items():
            if peer in kinds:
                mine, its = (statistics.median(one.rate for one in kinds[kind]) for kind in ("plait", peer))
                met = report.verdict(mine / its >= least)
                lines.append(
                    f"plait to {peer:<16} {in_flight:>2} under way {mine / its:6.2f} x, goal {least:g} x: {met}"
                )
    return "\n".join(lines)


def start_server(folder: Path, started: list[Process]) -> str:
    """Start a nats-server on loopback; return its URL.

    Raises:
        Unready: it does not say where it listens.
    """
    nats = Process("nats-server", [find_nats_server(), "-a", "127.0.0.1", "-p", "-1"], folder)
    started.append(nats)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        for line in nats.lines():
            if "Listening for client connections on " in line:
                return f"nats://{line.rpartition(' ')[2]}"
        time.sleep(0.01)
    raise Unready("nats-server did not say where it listens")


async def serve(kind: str, url: str) -> None:
    """Answer until this process is ended."""
    serving = await SERVE[kind](url)  # kept: nobody else holds it
    gc.freeze()
    print("ready", flush=True)
    await asyncio.get_running_loop().create_future()
    del serving


def installed() -> Collection[str]:
    """The responders that can be started; say which cannot."""
    if importlib.util.find_spec("faststream") is not None:
        return SERVE
    print("faststream: not installed (pip install -e '.[bench]')")
    return [kind for kind in SERVE if kind != "faststream"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.remote", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=30_000, help="most asks of a kind in a round")
    parser.add_argument("--seconds", type=float, default=0.6, help="longest time of a kind in a round")
    parser.add_argument("--serve", nargs=2, metavar=("KIND", "URL"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    gc.set_threshold(20_000, 20, 50)  # as every node runs, see mesh/run.py
    if given.serve:
        uvloop.run(serve(*given.serve))
        return
    kinds = installed()
    with tempfile.TemporaryDirectory(prefix="plait-bench-") as name, all_of([]) as started:
        folder = Path(name)
        url = start_server(folder, started)
        responders = {}
        for kind in kinds:
            command = [sys.executable, "-m", "tests.bench.remote", "--serve", kind, url]
            responders[kind] = Process(kind, command, folder)
            started.append(responders[kind])
        for responder in responders.values():
            responder.wait_ready()
        found = uvloop.run(compare(url, {kind: responder.pid for kind, responder in responders.items()}, given))
    for in_flight, kinds_found in found.items():
        print(f"{in_flight} under way\n{table(kinds_found)}\n")
    print(goals(found))
    if failed:
        print(f"asks of plait without an answer: {dict(failed)}")


if __name__ == "__main__":
    main()
