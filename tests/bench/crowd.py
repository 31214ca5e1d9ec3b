"""An open-loop crowd for comparisons: requests of many users at a fixed rate, each answer with who gave it and when.

A request's time counts from when it was due, whatever the others do; a connection carries one request at a time.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from tests.bench.load import percentile
from tests.integration.load import Client

USERS = 100_000
"""Few users would show where their keys happen to fall."""


class Seen(NamedTuple):
    """One answer."""

    due: float
    took: float
    status: int
    worker: str


class Crowd:
    """What was seen so far."""

    def __init__(self, rate: float, seed: int) -> None:
        self.rate = rate
        self.seen: list[Seen] = []
        self._idle: list[Client] = []
        self._draw = random.Random(seed).randrange
        self._sent = 0
        self._over = False

    def since(self, moment: float, until: float = float("inf")) -> list[Seen]:
        """Answers to requests that were due in this time."""
        return [one for one in self.seen if moment <= one.due < until]

    async def run(self, url: str, host: str) -> None:
        """Send until `stop`."""
        began = time.monotonic()
        tasks: set[asyncio.Task[None]] = set()
        while not self._over:
            due = began + self._sent / self.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(self._one(url, host, due, self._draw(USERS)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            self._sent += 1
        if tasks:
            await asyncio.wait(tasks, timeout=20)
        for client in self._idle:
            await client.close()

    async def _one(self, url: str, host: str, due: float, user: int) -> None:
        client = self._idle.pop() if self._idle else Client(url)
        answer = await client.ask("/work", headers={"host": host, "x-user": f"user-{user}"})
        took = time.monotonic() - due
        self.seen.append(Seen(due, took, answer.status, answer.headers.get("x-worker", "")))
        self._idle.append(client)

    def stop(self) -> None:
        """Send no more."""
        self._over = True


@contextlib.asynccontextmanager
async def crowd(url: str, host: str, rate: float, seed: int = 1) -> AsyncIterator[Crowd]:
    """Keep asking until the end of the block; what is under way then is still answered. The seed draws the users."""
    made = Crowd(rate, seed)
    task = asyncio.create_task(made.run(url, host))
    try:
        yield made
    finally:
        made.stop()
        await task


def times(seen: Sequence[Seen]) -> tuple[float, float]:
    """Return p50 and p99 of the good answers in milliseconds."""
    took = sorted(one.took for one in seen if one.status == 200)
    return percentile(took, 50) * 1000, percentile(took, 99) * 1000


def share(seen: Sequence[Seen], worker: str) -> float:
    """Return the percentage of the answers that one worker gave."""
    return 100 * Counter(one.worker for one in seen)[worker] / len(seen)
