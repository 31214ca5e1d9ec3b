"""`python -m tests.bench.roll`: a service goes from three to six instances under load; what clients notice, by warm-up.

The six run from the beginning; three are `starting`, by a check that looks for a file, until all of them pass at once.
Then they fail it again, for the next round: who comes back warms up like who is new.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import nats

from tests.integration.bus import UserBus
from tests.integration.documents import entrance
from tests.integration.load import Answer, Load, load
from tests.integration.mesh import Mesh

from .load import percentile
from .report import table

OLD, NEW = ("old-1", "old-2", "old-3"), ("new-1", "new-2", "new-3")
CONNECTIONS, PAUSE = 16, 0.04
PHASE = 6.0
"""Seconds of each phase, and of a warm-up."""
FIFTH = PHASE / 5


class Phase(NamedTuple):
    """What clients saw for some seconds."""

    p50: float
    p99: float
    share: float
    """Of the answers that came from new instances."""


class Round(NamedTuple):
    """One growth from three to six."""

    before: Phase
    growing: Phase
    parts: tuple[float, ...]
    """Share of the new instances in each fifth of the growth."""
    after: Phase
    errors: int
    """From the first request to the last."""


def rule(warmup: bool) -> str:
    """The destination's balancing."""
    more = f", warmup: {{ duration: {PHASE:g}s }}" if warmup else ""
    return (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: { name: placed }\nspec:\n  host: placed\n"
        f"  trafficPolicy: {{ loadBalancer: {{ simple: LEAST_REQUEST{more} }} }}\n"
    )


async def until(holds: Callable[[], Awaitable[bool]], limit: float = 20.0) -> None:
    """Wait until it does.

    Raises:
        TimeoutError: it does not.
    """
    async with asyncio.timeout(limit):
        while not await holds():  # noqa: ASYNC110 -- what is waited for is any predicate
            await asyncio.sleep(0.02)


class Bench:
    """One mesh, its six instances and the file that three of them look for."""

    def __init__(self, mesh: Mesh, bus: UserBus, ill: Path) -> None:
        self._mesh, self._bus, self._ill = mesh, bus, ill
        self._new: set[str] = set()

    async def start(self) -> None:
        """Start all six; three are healthy then."""
        self.gather(ill=True)
        for name in (*OLD, *NEW):
            self._mesh.nodes.append(self._mesh.spawn("node", "conformance:Placed", "--name", name, ILL=str(self._ill)))
        await until(lambda: self.healthy(3, of=6))
        self._new = {one["id"] for one in await self._bus.instances("placed") if one["node"] in NEW}

    def gather(self, *, ill: bool) -> None:
        """Have the three new ones fail their check, or pass it."""
        for name in NEW:
            (self._ill / name).touch() if ill else (self._ill / name).unlink()

    async def healthy(self, count: int, of: int) -> bool:
        """Whether so many of so many are."""
        known = await self._bus.instances("placed")
        return [len(known), sum(one["health"] == "healthy" for one in known)] == [of, count]

    async def round(self) -> Round:
        """Grow from three to six under load, and shrink again."""
        async with load(self._mesh.http, "/", host="placed.test", connections=CONNECTIONS, pause=PAUSE) as answers:
            await asyncio.sleep(1.0)
            before = await self._phase(answers)
            self.gather(ill=False)
            await until(lambda: self.healthy(6, of=6))
            began = time.monotonic()
            growing = await self._phase(answers)
            parts = tuple(self._share(_sent(answers, began + n * FIFTH, began + (n + 1) * FIFTH)) for n in range(5))
            after = await self._phase(answers)
            self.gather(ill=True)
            await until(lambda: self.healthy(3, of=6))
        return Round(before, growing, parts, after, len(answers.failed))

    async def _phase(self, answers: Load) -> Phase:
        began = time.monotonic()
        await asyncio.sleep(PHASE)
        found = _sent(answers, began, time.monotonic())
        took = sorted(one.took for one in found if one.status == 200)
        return Phase(percentile(took, 50), percentile(took, 99), self._share(found))

    def _share(self, found: Sequence[Answer]) -> float:
        counts = Counter(json.loads(one.body)["instance"] in self._new for one in found if one.status == 200)
        return counts[True] / max(1, counts.total())


def _sent(answers: Load, since: float, until: float) -> list[Answer]:
    return [one for one in answers.since(since) if one.sent < until]


def row(name: str, rounds: Sequence[Round]) -> list[str]:
    """Medians over the rounds."""

    def middle(read: Callable[[Round], float]) -> float:
        return statistics.median(read(one) for one in rounds)

    ratios = sorted(one.growing.p99 / max(one.before.p99, one.after.p99) for one in rounds)
    return [
        name,
        *(
            f"{middle(read) * 1e3:.1f}"
            for read in (lambda r: r.before.p99, lambda r: r.growing.p99, lambda r: r.after.p99)
        ),
        f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})",
        str(sum(one.errors for one in rounds)),
        " ".join(f"{middle(lambda r, n=n: r.parts[n]):.0%}" for n in range(5)),
        f"{middle(lambda r: r.after.share):.0%}",
    ]


async def measure(rounds: int) -> None:
    """Print the table."""
    heads = [
        "",
        "p99 of three ms",
        "growing",
        "of six",
        "growing / steady",
        "errors",
        "share of the new, by fifths",
        "then",
    ]
    with tempfile.TemporaryDirectory() as folder:
        mesh = Mesh(Path(folder)).up("--app", "none")
        ill = Path(folder) / "ill"
        ill.mkdir()
        try:
            client = await nats.connect(mesh.nats)
            bus = UserBus(client)
            bench = Bench(mesh, bus, ill)
            await bench.start()
            await bus.apply(entrance("placed"))
            rows = [heads]
            for name, warmup in (("without", False), (f"warm-up of {PHASE:g} s", True)):
                await bus.apply(rule(warmup))
                rows.append(row(name, [await bench.round() for _ in range(rounds)]))
            await client.close()
        finally:
            mesh.stop()
    print(table(rows))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    asyncio.run(measure(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
