"""`python -m tests.bench.overload`: one instance at three times its capacity, real processes.

Open loop through the gateway of `plait up`. *waits*: handlers that sleep for 20 ms, eight at a time (400 a second).
*computes*: handlers that keep the CPU for 5 ms, one at a time, without waiting for anything (under 200 a second).
Both with the default retries and without any.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from plait.actors import Service, get
from tests.bench.load import Result, open_loop, percentile
from tests.integration.documents import entrance
from tests.integration.mesh import Mesh

ROOT = Path(__file__).parent.parent.parent
WORK, WORKERS, TURN = 0.02, 8, 0.005


class Waits(Service, name="waits", concurrency=WORKERS):
    """Waits for something."""

    @get("/")
    async def wait(self) -> str:
        """Take 20 ms, and no CPU."""
        await self.sleep(WORK)
        return "done"


class Computes(Service, name="computes", concurrency=1):
    """Waits for nothing."""

    @get("/")
    def compute(self) -> str:
        """Take 5 ms of CPU."""
        end = time.perf_counter() + TURN
        while time.perf_counter() < end:
            pass
        return "done"


def line(name: str, rate: float, found: Result) -> str:
    """Return one row."""
    if not found.latencies:
        return f"{name:<34} {rate:6.0f}/s  nothing was answered"
    p50, p99, most = (percentile(found.latencies, share) * 1000 for share in (50, 99, 100))
    return f"{name:<34} {rate:6.0f}/s  {found.rate:6.0f}/s answered  p50 {p50:6.1f}  p99 {p99:6.1f}  max {most:6.1f} ms"


async def play(mesh: Mesh, name: str, kind: str, capacity: float, retries: str, seconds: float) -> None:
    """Find the unloaded latency, the best rate, and what is left of it at three times the capacity."""
    route = f"http: [{{ {retries}route: [{{ destination: {{ host: {kind} }} }}] }}]"
    text = entrance(kind).replace(f'"{kind}.test"', '"*"')
    head, _, _ = text.partition("  http:")
    mesh.apply(f"{head}  {route}\n")
    found: dict[str, Result] = {}
    for share in (0.1, 0.8, 1.0, 3.0):
        await open_loop(f"{mesh.http}/", capacity * share, 2.0, 256)  # the ramp; a standing queue is found out in it
        found[f"{share:g}"] = result = await open_loop(f"{mesh.http}/", capacity * share, seconds, 256)
        print(line(f"{name}, {share:g} x", capacity * share, result), flush=True)
    best = max(one.rate for one in found.values())
    calm, over = percentile(found["0.1"].latencies, 99), percentile(found["3"].latencies, 99)
    print(
        f"{'':<34} goodput {found['3'].rate / best:.2f} of the best, p99 {over / calm:.2f} x the unloaded", flush=True
    )


async def main(seconds: float) -> None:
    """Play all."""
    with tempfile.TemporaryDirectory() as folder:
        mesh = Mesh(Path(folder))
        try:
            mesh.up("--app", "none")
            for kind in ("Waits", "Computes"):
                mesh.node(f"tests.bench.overload:{kind}", PYTHONPATH=str(ROOT)).ready()
            for kind, capacity in (("waits", WORKERS / WORK), ("computes", 1 / TURN)):
                for name, retries in (("no retries", "retries: { attempts: 0 }, "), ("default retries", "")):
                    await play(mesh, f"{kind}, {name}", kind, capacity, retries, seconds)
        finally:
            mesh.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    asyncio.run(main(parser.parse_args().seconds))
