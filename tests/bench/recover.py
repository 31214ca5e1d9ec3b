"""`python -m tests.bench.recover`: one of five instances fails, is killed, hangs; and Envoy beside the mesh.

Requests that take 10 ms come at a fixed rate. Each fault strikes one of five; it counts how many requests failed or
took longer than LATE, and when the last such was due after the fault. Two set-ups: *eject* has outlier detection alone,
*all* has what the proxy can do besides: for Envoy retries with a time limit for each try, for plait its defaults and
retries of 5xx. Medians of the rounds, with the lowest and the highest.
"""

import argparse
import asyncio
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.bench.crowd import Crowd, crowd
from tests.bench.envoy import OUTLIERS, RETRY, Envoy, Worker
from tests.bench.work import MILLISECONDS, NAME
from tests.integration.documents import entrance
from tests.integration.mesh import Mesh

ROOT = str(Path(__file__).parents[2])
NAMES = ("one", "two", "three", "four", "five")
RATE = 150.0
LATE = 0.1
"""Seconds: ten times what a request takes."""
AFTER = 8.0
"""Seconds of watching after the fault."""
FAULTS = {"returns 5xx": signal.SIGUSR1, "is killed": signal.SIGKILL, "hangs": signal.SIGSTOP}
POLICY = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: work }
spec:
  host: work
  trafficPolicy:
    outlierDetection:
      consecutive5xxErrors: 5
      consecutiveGatewayErrors: 5
      interval: 10s
      baseEjectionTime: 30s
      maxEjectionPercent: 50
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: entrance }
spec:
  hosts: ["work.test"]
  gateways: [entrance]
  http: [{ route: [{ destination: { host: work } }], retries: %s }]
"""
PLAIT = {"eject": "{ attempts: 0 }", "all": "{ attempts: 2, retryOn: 5xx }"}
ENVOY: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "eject": ({}, {"outlier_detection": OUTLIERS}),
    "all": ({"retry_policy": {**RETRY, "per_try_timeout": "0.5s"}}, {"outlier_detection": OUTLIERS}),
}

Row = tuple[float, float, float, float]
"""Failed, late, milliseconds of the slowest, seconds until the last that failed or was late."""


def row(seen: Crowd, fault: float) -> Row:
    """Return what clients noticed of a fault at that moment."""
    after = seen.since(fault - LATE)
    bad = [one for one in after if one.status != 200 or one.took > LATE]
    failed = sum(one.status != 200 for one in after)
    last = max((one.due + one.took for one in bad), default=fault)
    return failed, len(bad), max(one.took for one in after) * 1000, max(0.0, last - fault)


async def struck(url: str, pid: Callable[[], int], sign: signal.Signals) -> Row:
    """Strike under load, and return what was noticed."""
    async with crowd(url, "work.test", RATE) as seen:
        await asyncio.sleep(2.0)
        os.kill(pid(), sign)
        fault = time.monotonic()
        await asyncio.sleep(AFTER)
    return row(seen, fault)


async def of_plait(folder: Path, setup: str, sign: signal.Signals) -> Row:
    """Return what clients of the mesh notice."""
    mesh = Mesh(folder).up("--app", "none")
    try:
        for name in NAMES:
            mesh.node("tests.bench.work:Work", "--name", name, **{MILLISECONDS: "10", NAME: name}, PYTHONPATH=ROOT)
        mesh.apply(entrance("work"))
        mesh.apply(POLICY % PLAIT[setup])
        return await struck(mesh.http, lambda: mesh.nodes[2].pid, sign)
    finally:
        if sign == signal.SIGSTOP:
            os.kill(mesh.nodes[2].pid, signal.SIGCONT)
        mesh.stop()


async def of_envoy(folder: Path, setup: str, sign: signal.Signals) -> Row:
    """Return what clients of Envoy notice."""
    workers = [Worker(name, "10") for name in NAMES]
    envoy = Envoy(folder, workers, ENVOY[setup][0], {"lb_policy": "LEAST_REQUEST", **ENVOY[setup][1]})
    try:
        return await struck(envoy.url, lambda: workers[2].pid, sign)
    finally:
        for each in (envoy, *workers):
            each.end()


def told(figures: Sequence[float], digits: int = 0) -> str:
    """Return the median, and the lowest and the highest round where they differ."""
    middle, least, most = (f"{one:.{digits}f}" for one in (statistics.median(figures), min(figures), max(figures)))
    return middle if least == most else f"{middle} ({least} to {most})"


async def main(rounds: int) -> None:
    """Play all, and print the table."""
    rows: dict[tuple[str, str, str], list[Row]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for fault, sign in FAULTS.items():
                for setup in PLAIT:
                    for who, play in (("plait", of_plait), ("Envoy", of_envoy)):
                        place = Path(folder) / f"{number}-{fault[:3]}-{setup}-{who}"
                        place.mkdir()
                        rows.setdefault((fault, setup, who), []).append(await play(place, setup, sign))
            print(f"round {number + 1} of {rounds} done", flush=True)
    print("| one of five | set-up | | failed | failed or over 100 ms | slowest | the last after |")
    print("|---|---|---|---|---|---|---|")
    for (fault, setup, who), found in rows.items():
        failed, bad, slowest, last = zip(*found, strict=True)
        counts = f"{told(failed)} | {told(bad)} | {told(slowest)} ms | {told(last, 2)} s"
        print(f"| {fault} | {setup} | {who} | {counts} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    asyncio.run(main(parser.parse_args().rounds))
