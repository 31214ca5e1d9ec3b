"""`python -m tests.bench.skew`: the same skewed work under each algorithm, and Envoy with its own beside it.

Six instances that take 10 ms each, but one takes ten times as long and one fails at once. Requests of many users come
at a fixed rate; nothing is tried again and nobody is ejected, so that what is seen is the balancer alone. Both are up
during the whole run and take turns; each round has other users. Times are medians of the rounds, shares those of all
answers together.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.crowd import Seen, crowd, share, times
from tests.bench.envoy import HASH, Envoy, Worker
from tests.bench.work import MILLISECONDS, NAME
from tests.integration.documents import entrance
from tests.integration.mesh import Mesh

ROLES = {"one": "10", "two": "10", "three": "10", "four": "10", "slow": "100", "failing": "fail"}
ROOT = str(Path(__file__).parents[2])
RATE, SECONDS = 150.0, 6.0
HASHED = "consistentHash: { httpHeaderName: x-user, %s }"
PLAIT = {
    "round robin": "simple: ROUND_ROBIN",
    "random": "simple: RANDOM",
    "least request": "simple: LEAST_REQUEST",
    "ring hash": HASHED % "ringHash: {}",
    "maglev": HASHED % "maglev: {}",
    "peak EWMA": "",
    "reported load": "",
}
OWN = {"peak EWMA": "PEAK_EWMA", "reported load": "REPORTED_LOAD"}
ENVOY = {
    "round robin": ({}, {"lb_policy": "ROUND_ROBIN"}),
    "least request": ({}, {"lb_policy": "LEAST_REQUEST"}),
    "ring hash": ({"hash_policy": HASH}, {"lb_policy": "RING_HASH"}),
    "maglev": ({"hash_policy": HASH}, {"lb_policy": "MAGLEV"}),
}
POLICY = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: work }
spec: { host: work, trafficPolicy: { outlierDetection: { consecutive5xxErrors: 0 }, loadBalancer: { %s } } }
---
apiVersion: plait.dev/v1
kind: Resilience
metadata: { name: work }
spec: { host: work, loadBalancer: { %s } }
"""

Row = tuple[float, float, float, float]


def row(seen: list[Seen]) -> Row:
    """Return p50, p99, and the shares of the slow and of the failing instance."""
    return (*times(seen), share(seen, "slow"), share(seen, "failing"))


async def measured(url: str, host: str, number: int) -> Row:
    """Return the row of one turn of this round; the first second is not counted."""
    async with crowd(url, host, RATE, seed=number) as seen:
        await asyncio.sleep(1.0)
        began = time.monotonic()
        await asyncio.sleep(SECONDS)
    return row(seen.since(began))


def spread(shares: Sequence[float]) -> str:
    """Return the share of all rounds together, and the lowest and highest; each round has as many answers."""
    return f"{statistics.mean(shares):.1f} % ({min(shares):.1f} to {max(shares):.1f})"


async def main(rounds: int) -> None:
    """Play all, and print the table."""
    rows: dict[tuple[str, str], list[Row]] = {}
    with tempfile.TemporaryDirectory() as folder:
        workers = [Worker(name, work) for name, work in ROLES.items()]
        envoys: dict[str, Envoy] = {}
        mesh = Mesh(Path(folder)).up("--app", "none")
        try:
            for name, (route, cluster) in ENVOY.items():
                envoys[name] = Envoy(Path(folder), workers, route, cluster)
            for name, work in ROLES.items():
                mesh.node("tests.bench.work:Work", "--name", name, **{MILLISECONDS: work, NAME: name}, PYTHONPATH=ROOT)
            mesh.apply(entrance("work"))
            for number in range(rounds):
                for name, balancer in PLAIT.items():
                    algorithm = f"algorithm: {OWN[name]}" if name in OWN else ""
                    mesh.apply(POLICY % (balancer or "simple: LEAST_REQUEST", algorithm))
                    rows.setdefault(("plait", name), []).append(await measured(mesh.http, "work.test", number))
                for name, envoy in envoys.items():
                    rows.setdefault(("Envoy", name), []).append(await measured(envoy.url, "work.test", number))
                print(f"round {number + 1} of {rounds} done", flush=True)
        finally:
            for each in (*envoys.values(), *workers):
                each.end()
            mesh.stop()
    print("| | algorithm | p50 | p99 | share of the slow | of the failing |\n|---|---|---|---|---|---|")
    for (who, name), found in rows.items():
        p50, p99, slow, failing = zip(*found, strict=True)
        middle = f"{statistics.median(p50):.1f} ms | {statistics.median(p99):.0f} ms"
        print(f"| {who} | {name} | {middle} | {spread(slow)} | {spread(failing)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    asyncio.run(main(parser.parse_args().rounds))
