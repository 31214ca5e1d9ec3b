"""`python -m tests.bench.outage`: `storm.py` over real processes: how often what fails four hops below is called.

A gateway and four services, each a process; the last one fails every call. Without budgets at a rate that 81 calls for
each request leave possible.
"""

import argparse
import asyncio
import os
import tempfile
from pathlib import Path

from plait.actors import get
from plait.actors.proxy.budget import Budget
from plait.actors.runtime.purse import Purse
from tests.bench.load import open_loop
from tests.bench.storm import HOPS, Four, Hop, Three, Two
from tests.integration.documents import entrance
from tests.integration.load import ask
from tests.integration.mesh import Mesh

__all__ = ["Failing", "Hop", "Three", "Two"]
ROOT = str(Path(__file__).parents[2])
UNBOUNDED = "PLAIT_BENCH_UNBOUNDED"
"""Environment: nodes retry as if there were no budgets and no tokens."""

if UNBOUNDED in os.environ:

    def _always(_self: object, _now: float = 0.0) -> bool:
        """Grant it."""
        return True

    Budget.take = _always  # type: ignore[method-assign]
    Purse.spend = _always  # type: ignore[method-assign]
    Purse.spent = 0  # type: ignore[assignment,method-assign]

POLICY = """---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{ name: {host} }}
spec:
  hosts: [{host}]
  http: [{{ route: [{{ destination: {{ host: {host} }} }}], retries: {{ attempts: 2, retryOn: 5xx }} }}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{ name: {host} }}
spec:
  host: {host}
  trafficPolicy: {{ retryBudget: {{ percent: 20, minRetryConcurrency: {reserve} }} }}
"""


class Failing(Four, name="four"):
    """Always fails, and says how often it was asked to."""

    @get("/called")
    def told(self) -> int:
        return Four.called


async def measured(folder: Path, rate: float, seconds: float, *, bounded: bool) -> None:
    """Play it at one rate, and print how often the failing service was called for each request."""
    mesh = Mesh(folder).up("--app", "none")
    environment = {"PYTHONPATH": ROOT, **({} if bounded else {UNBOUNDED: "1"})}
    try:
        for kind in ("Hop", "Two", "Three", "Failing"):
            mesh.node(f"tests.bench.outage:{kind}", **environment)
        doors = entrance("one").replace('"one.test"', '"*"')
        gateway = doors.replace("host: one } }] }]", "host: one } }], retries: { attempts: 2, retryOn: 5xx } }]")
        told = doors.partition("---")[2].replace("name: entrance }", "name: told }").replace('"*"', '"told.test"')
        reserve = 0 if bounded else 1_000_000
        rules = (POLICY.format(host=name, reserve=reserve) for name in HOPS)
        mesh.apply(gateway + "---" + told.replace("host: one", "host: four") + "".join(rules))
        found = await open_loop(f"{mesh.http}/", rate, seconds, 256, grace=15.0)
        count = found.errors + found.requests
        called = int((await ask(mesh.http, "/called", headers={"host": "told.test"})).body)
        how = f"{'with' if bounded else 'without'} budgets and tokens, {rate:g} requests/s"
        seen = f"{called / count:.2f} calls of the failing service for each of {count} requests"
        print(f"{how}: {seen}; {found.requests} were answered with 200", flush=True)
    finally:
        mesh.stop()


async def main(rate: float, seconds: float) -> None:
    """Play both."""
    for bounded, each, length in ((False, 5.0, 4.0), (True, rate, seconds)):
        with tempfile.TemporaryDirectory() as folder:
            await measured(Path(folder), each, length, bounded=bounded)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    asyncio.run(main(**vars(parser.parse_args())))
