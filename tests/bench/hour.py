"""`python -m tests.bench.hour`: an hour of a simulated mesh of 20 nodes, under faults and 5 requests a second.

What counts is the processor time of this one process; the virtual hour is the same every time, from its seed.
"""

import argparse
import asyncio
import gc
import resource
import time

from plait.examples.bookinfo.details import Details
from plait.examples.bookinfo.policies import first_policy
from plait.examples.bookinfo.productpage import ProductPage
from plait.examples.bookinfo.ratings import Ratings
from plait.examples.bookinfo.reviews import ReviewsV2, ReviewsV3
from plait.testing import Faults, SimNode, Simulation, simulate

PAUSE = 0.2
"""Virtual seconds between two requests: open loop, whatever became of the one before."""
SERVICES = {
    "page": (ProductPage, 3),
    "details": (Details, 3),
    "black": (ReviewsV2, 2),
    "red": (ReviewsV3, 3),
    "ratings": (Ratings, 3),
}
GOAL = 60.0
"""Seconds that an hour may take."""


def nodes() -> list[SimNode]:
    """Fourteen nodes of services; two registries, policy engines and gateways beside them make twenty."""
    return [SimNode(f"{name}-{n}", runs=(kind,)) for name, (kind, count) in SERVICES.items() for n in range(count)]


async def browse(sim: Simulation, seconds: float) -> dict[str, int]:
    """Ask for pages all the time; return how often what was answered."""
    answers: dict[str, int] = {}

    async def page() -> None:
        try:
            answer = str((await sim.get("http://bookinfo.test/productpage")).status)
        except ConnectionError:
            answer = "no gateway"
        answers[answer] = answers.get(answer, 0) + 1

    end = sim.now + seconds
    under_way: set[asyncio.Task[None]] = set()
    while sim.now < end:
        await asyncio.sleep(PAUSE)
        task = asyncio.ensure_future(page())
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    if under_way:
        await asyncio.wait(under_way)
    return answers


def main(seconds: float, seed: int) -> None:
    """Play it and print what it took."""
    begin, busy = time.perf_counter(), time.process_time()
    run = simulate(
        lambda sim: browse(sim, seconds),
        nodes=nodes(),
        gateways=2,
        policy=(first_policy(),),
        faults=Faults(),
        seed=seed,
        limit=seconds + 600.0,
    )
    took, busy = time.perf_counter() - begin, time.process_time() - busy
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{run.seconds:,.0f} virtual s of 20 nodes in {took:.1f} s, CPU {busy:.1f} s, {memory:.0f} MiB at most")
    print(f"{run.messages:,} messages, answers {run.result}, faults {sum(run.struck.values())} {run.struck}")
    met = "met" if took * 3600 / seconds <= GOAL else "MISSED"
    print(f"an hour in {took * 3600 / seconds:.1f} s, goal {GOAL:.0f} s: {met}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0, help="virtual seconds")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # as every node runs, see mesh/run.py
    main(given.seconds, given.seed)
