"""`python -m tests.bench.actors`: asks, tells and spawns within a node beside a bare asyncio queue, in one run."""

import argparse
import asyncio
import gc
import random
import resource
import statistics
import time
from typing import Any

import uvloop

from plait.actors import Actor, ChildSpec, Message
from plait.actors.loop.timer import Deadlines
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings


class Add(Message):
    n: int


class Plain(Actor):
    """Answers at once."""

    def receive(self, message: Add) -> Any:
        return 1


class Coroutine(Actor):
    """Answers by a coroutine that need not wait."""

    async def receive(self, message: Add) -> Any:
        return 1


async def queue_and_future(count: int) -> float:
    """A consumer task behind an asyncio queue, one asker: asks per second."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[int, asyncio.Future[int]]] = asyncio.Queue()

    async def consume() -> None:
        while True:
            _, future = await queue.get()
            future.set_result(1)

    consumer = loop.create_task(consume())
    begin = time.perf_counter()
    for _ in range(count):
        future: asyncio.Future[int] = loop.create_future()
        queue.put_nowait((1, future))
        await future
    rate = count / (time.perf_counter() - begin)
    consumer.cancel()
    return rate


async def ask(supervisor: Supervisor, kind: type[Actor], name: str, count: int) -> float:
    """Asks per second, one after the other."""
    ref, message = supervisor.spawn(ChildSpec(name, kind)).ref, Add(1)
    begin = time.perf_counter()
    for _ in range(count):
        await ref.ask(message, 5.0)
    return count / (time.perf_counter() - begin)


async def tell(supervisor: Supervisor, kind: type[Actor], name: str, count: int) -> float:
    """Tells per second, until all are handled."""
    ref, message = supervisor.spawn(ChildSpec(name, kind)).ref, Add(1)
    begin = time.perf_counter()
    for _ in range(count):
        ref.tell(message)
    await ref.ask(message, 5.0)
    return count / (time.perf_counter() - begin)


def spawn(supervisor: Supervisor, name: str, count: int) -> tuple[float, float]:
    """Actors started per second, and bytes of memory that each one takes while it idles."""
    spec = ChildSpec("idle", Plain)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    for number in range(count):
        supervisor.spawn(spec, f"{name}-{number}")
    seconds = time.perf_counter() - begin
    return count / seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / count


async def main(rounds: int, idle: int) -> None:
    """Measure in interleaved rounds and print medians."""
    loop = asyncio.get_running_loop()
    supervisor = Supervisor("bench", Surroundings(loop, Deadlines(loop), random.Random(1)))
    await supervisor.start()
    found: dict[str, list[float]] = {}
    count = 50_000
    for number in range(rounds):
        for name, run in (
            ("queue and future", queue_and_future(count)),
            ("ask, plain", ask(supervisor, Plain, f"a{number}", count)),
            ("ask, coroutine", ask(supervisor, Coroutine, f"b{number}", count)),
            ("tell, plain", tell(supervisor, Plain, f"c{number}", count)),
            ("tell, coroutine", tell(supervisor, Coroutine, f"d{number}", count)),
        ):
            found.setdefault(name, []).append(await run)
    base = statistics.median(found["queue and future"])
    for name, rates in found.items():
        rate = statistics.median(rates)
        print(f"{name:<18} {rate:>12,.0f}/s  {rate / base:5.2f} x  ({min(rates):,.0f} to {max(rates):,.0f})")
    rate, size = spawn(supervisor, "idle", idle)
    print(f"{'spawn':<18} {rate:>12,.0f}/s  {size:,.0f} bytes each, {idle:,} idle actors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle", type=int, default=1_000_000, help="actors that idle at the end")
    given = parser.parse_args()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # as every node runs, see mesh/run.py
    uvloop.run(main(given.rounds, given.idle))
