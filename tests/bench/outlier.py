"""`python -m tests.bench.outlier`: failed requests until an instance that answers 500 is out of rotation everywhere.

Four callers, each a process, call five instances; once every caller judges for itself, once they pool what they see.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from statistics import mean

from tests.integration.documents import entrance
from tests.integration.load import load
from tests.integration.mesh import Mesh

CALLERS, CALLED = 4, 5
CONNECTIONS, PAUSE = 8, 0.02
BASE = 3.0
"""Seconds of an ejection, so that rounds may follow each other."""

QUICK = f"""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: goods}}
spec:
  host: goods
  trafficPolicy: {{outlierDetection: {{interval: 1s, baseEjectionTime: {BASE:g}s, maxEjectionPercent: 50}}}}
"""


async def one(mesh: Mesh, ill: Path, victim: str) -> tuple[int, int, float]:
    """Return the failed requests, of how many, and the seconds from the first to the last of them."""
    async with load(mesh.http, "/buy", host="shop.test", connections=CONNECTIONS, pause=PAUSE) as answers:
        await answers.more(200)
        ill.write_text(victim)  # noqa: ASYNC240 - a few bytes
        began = time.monotonic()
        await answers.more(int((BASE - 1.0) * CONNECTIONS / (PAUSE + 0.01)))
        ill.unlink()  # noqa: ASYNC240
        those = answers.since(began)
    failed = [answer for answer in those if answer.body != "200"]
    span = max(a.sent + a.took for a in failed) - min(a.sent + a.took for a in failed) if failed else 0.0
    return len(failed), len(those), span


async def measure(folder: Path, rounds: int, alone: bool) -> list[tuple[int, int, float]]:
    """Play so many rounds on a mesh of their own."""
    ill = folder / "ill"
    mesh = Mesh(folder).up("--app", "none")
    environment = {"OUTLYING_ILL": str(ill), **({"OUTLYING_ALONE": "1"} if alone else {})}
    try:
        mesh.apply(entrance("shop"))
        mesh.apply(QUICK)
        for number in range(CALLED):
            mesh.node("outlying:Goods", "--name", f"goods-{number}", **environment)
        for number in range(CALLERS):
            mesh.node("outlying:Shop", "--name", f"shop-{number}", **environment)
        found: list[tuple[int, int, float]] = []
        for number in range(rounds):
            found.append(await one(mesh, ill, f"goods-{number % CALLED}"))
            await asyncio.sleep(4.0 * BASE)  # everybody is back, and old ejections are forgotten
        return found
    finally:
        mesh.stop()


def told(found: list[tuple[int, int, float]]) -> str:
    """Return a line on all rounds."""
    failed = [one[0] for one in found]
    spans = [1000 * one[2] for one in found]
    return (
        f"{mean(failed):5.1f} failed requests on average ({min(failed)} to {max(failed)}), within {min(spans):.0f} to "
        f"{max(spans):.0f} ms, of {sum(one[1] for one in found)} requests in {len(found)} rounds"
    )


async def main(rounds: int) -> None:
    """Measure both, and print what pooling saves."""
    with tempfile.TemporaryDirectory() as one_folder, tempfile.TemporaryDirectory() as other_folder:
        alone = await measure(Path(one_folder), rounds, alone=True)
        print(f"each caller for itself   {told(alone)}", flush=True)
        pooled = await measure(Path(other_folder), rounds, alone=False)
        print(f"pooled                   {told(pooled)}")
    share = 100 * sum(one[0] for one in pooled) / max(1, sum(one[0] for one in alone))
    print(f"pooled ejection needs {share:.0f} % of the failed requests (goal: at most 40 %)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    asyncio.run(main(parser.parse_args().rounds))
