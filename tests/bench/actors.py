"""`python -m tests.bench.actors`: asks, tells and spawns within a node beside a queue and other actors, in one run.

The peers are optional: `pip install -e '.[bench]'`. xoscar has two ways to an actor of the same pool. What
`create_actor` returns sends a message; what `actor_ref` returns calls the method under the actor's lock, without a
message, a mailbox or a time limit. Both are measured; the goal is set against the message.
"""

import argparse
import asyncio
import gc
import importlib
import importlib.util
import random
import resource
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from plait.actors import Actor, ChildSpec, Message
from plait.actors.loop.timer import Deadlines
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings

from . import report

GOALS = {"queue and future": 0.6, "xoscar, message": 6.0, "xoscar, call": None, "pykka, ask": 10.0}
"""How many times as fast as that an ask is to be, at the least; None where there is no goal."""


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


async def xoscar_ask(count: int, message: bool) -> float:
    """Asks per second from one xoscar actor to another in its pool; `message` says which way, see above."""
    import xoscar

    class Callee(xoscar.Actor):
        def add(self, message: Add) -> int:
            return 1

    class Asker(xoscar.Actor):
        async def ask(self, callee: Any) -> float:
            add = Add(1)
            begin = time.perf_counter()
            for _ in range(count):
                await callee.add(add)
            return count / (time.perf_counter() - begin)

    async with await xoscar.create_actor_pool("127.0.0.1:0", n_process=0) as pool:
        callee = await xoscar.create_actor(Callee, uid="callee", address=pool.external_address)
        asker = await xoscar.create_actor(Asker, uid="asker", address=pool.external_address)
        return await asker.ask(callee if message else await xoscar.actor_ref(pool.external_address, "callee"))


async def pykka_ask(count: int) -> float:
    """Asks per second from this thread, which stands still meanwhile, to an actor with a thread of its own."""
    import pykka

    class Callee(pykka.ThreadingActor):
        def on_receive(self, message: Add) -> int:
            return 1

    ref, add = Callee.start(), Add(1)
    try:
        begin = time.perf_counter()
        for _ in range(count):
            ref.ask(add)
        return count / (time.perf_counter() - begin)
    finally:
        ref.stop()


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


def load_peers() -> set[str]:
    """Import the peers that are installed, and say which are not."""
    found = set()
    for name in ("xoscar", "pykka"):
        if importlib.util.find_spec(name) is None:
            print(f"{name}: not installed (pip install -e '.[bench]')")
        else:
            importlib.import_module(name)
            found.add(name)
    return found


def goals(rates: dict[str, float]) -> None:
    """Print how an ask stands to what it is compared with; the slower kind of method counts."""
    for peer, least in GOALS.items():
        if peer in rates:
            plain, coroutine = (rates[kind] / rates[peer] for kind in ("ask, plain", "ask, coroutine"))
            goal = "no goal"
            if least is not None:
                goal = f"goal {least:g} x: {report.verdict(min(plain, coroutine) >= least)}"
            print(f"ask to {peer:<16}  plain {plain:6.2f} x, coroutine {coroutine:6.2f} x, {goal}")


async def main(rounds: int, count: int, idle: int, peers: set[str]) -> None:
    """Measure in interleaved rounds and print medians."""
    loop = asyncio.get_running_loop()
    supervisor = Supervisor("bench", Surroundings(loop, Deadlines(loop), random.Random(1)))
    await supervisor.start()
    few = max(1, count // 5)  # peers are slower, and a round is to be short
    runs: dict[str, Callable[[int], Awaitable[float]]] = {
        "queue and future": lambda _: queue_and_future(count),
        "ask, plain": lambda number: ask(supervisor, Plain, f"a{number}", count),
        "ask, coroutine": lambda number: ask(supervisor, Coroutine, f"b{number}", count),
        "tell, plain": lambda number: tell(supervisor, Plain, f"c{number}", count),
        "tell, coroutine": lambda number: tell(supervisor, Coroutine, f"d{number}", count),
    }
    if "xoscar" in peers:
        runs["xoscar, message"] = lambda _: xoscar_ask(few, message=True)
        runs["xoscar, call"] = lambda _: xoscar_ask(few, message=False)
    if "pykka" in peers:
        runs["pykka, ask"] = lambda _: pykka_ask(few)
    found: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds):
        for name, run in runs.items():
            found[name].append(await run(number))
    medians = {name: statistics.median(rates) for name, rates in found.items()}
    base = medians["queue and future"]
    for name, rates in found.items():
        rate = medians[name]
        print(f"{name:<18} {rate:>12,.0f}/s  {rate / base:5.2f} x  ({min(rates):,.0f} to {max(rates):,.0f})")
    rate, size = spawn(supervisor, "idle", idle)
    print(f"{'spawn':<18} {rate:>12,.0f}/s  {size:,.0f} bytes each, {idle:,} idle actors")
    goals(medians)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=50_000, help="messages a round; a fifth of them for peers")
    parser.add_argument("--idle", type=int, default=1_000_000, help="actors that idle at the end")
    given = parser.parse_args()
    peers = load_peers()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # as every node runs, see mesh/run.py
    uvloop.run(main(given.rounds, given.count, given.idle, peers))
