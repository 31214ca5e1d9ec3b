"""`python -m tests.bench.policy`: what policy costs: a decision, compiling, a revision on 100 nodes, traffic meanwhile.

The nodes of the third part are replicas with proxies of their own in one process beside the engine's; all cross one
nats-server on loopback. The last part is a whole Bookinfo of processes.
"""

import argparse
import asyncio
import gc
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nats as nats_py

from plait.actors.bus import lean
from plait.actors.bus.ask import Asker, ask
from plait.actors.bus.bus import Bus
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.subject import Subjects
from plait.actors.policy.engine import PolicyEngine
from plait.actors.proxy.proxy import Proxy
from plait.actors.proxy.revision import PolicyFollower
from plait.actors.proxy.wire import Wire
from plait.actors.runtime.spec import ChildSpec
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings
from plait.actors.table.jetstream import open_bucket
from plait.mesh.nats_server import EmbeddedNats

from . import mesh
from .load import open_loop, percentile
from .policy_table import compiling, decisions, service
from .process import Process
from .report import verdict

NODES = 100
APPLIES = 200
SUBJECTS = Subjects("bench")


# A revision on 100 nodes


class _Silent:
    def answered(self, *_: object) -> None: ...

    def failed(self, *_: object) -> None: ...


async def follow(url: str) -> None:
    """Be `NODES` nodes, over ten connections, until the end of the process."""
    gc.disable()  # the objects of a hundred nodes are a hundred times what the collector of one looks through
    loop, rng = asyncio.get_running_loop(), random.Random(1)
    deadlines = Deadlines(loop)
    buses = [await lean.connect(url, f"nodes-{n}", rng=rng) for n in range(10)]
    followers: list[PolicyFollower] = []
    for n in range(NODES):
        name, bus = f"n{n}", buses[n % 10]
        proxy = Proxy(Wire(bus, SUBJECTS, deadlines), deadlines, rng, time.monotonic, _Silent())
        asker = Asker(bus, SUBJECTS, name, deadlines)
        follower = PolicyFollower(asker, name, proxy.prepare, proxy.activate, rng, clock=time.monotonic)
        followers.append(follower)
        follower.start()
        await follower.ready(10.0)
    print("ready", flush=True)
    await loop.create_future()


async def convergence(url: str, folder: Path) -> None:
    """Apply small changes one after the other and see when all nodes decide by each."""
    loop = asyncio.get_running_loop()
    bus, user = await lean.connect(url, "engine"), await lean.connect(url, "user")
    around = Surroundings(loop, Deadlines(loop), random.Random(1), time.monotonic)
    store = await open_bucket(Asker(bus, SUBJECTS, "engine", around.deadlines), "bench")
    supervisor = Supervisor("bench", around)
    names = [f"n{n}" for n in range(NODES)]

    def make() -> PolicyEngine:
        return PolicyEngine(SUBJECTS, bus, store, lambda: names, wall_clock=time.time)

    await supervisor.start_child(ChildSpec("policy", make))
    nodes = Process("nodes", [sys.executable, "-m", "tests.bench.policy", "--follow", url], folder)
    user.inbox(b"_INBOX.bench.*")
    try:
        await asyncio.to_thread(nodes.wait_ready)
        for standing in (0, 1000):
            if standing:
                await _ask(user, around.deadlines, "apply", "".join(service(f"s{n}") for n in range(standing)))
                await _synced(user, around.deadlines)
            took: list[float] = []
            for n in range(APPLIES if not standing else 30):
                began = time.perf_counter()
                answer = await _ask(user, around.deadlines, "apply", service("reviews", f"t{standing}-{n}"))
                if answer["nodes"]["synced"] < NODES:
                    await _synced(user, around.deadlines)
                took.append((time.perf_counter() - began) * 1e3)
            took.sort()
            p50, p99 = percentile(took, 50), percentile(took, 99)
            print(f"apply → {NODES} nodes acknowledge, {standing:,} rules before: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
            print(f"  goal p99 ≤ 100 ms ({verdict(p99 <= 100)}); one processor does the work of all nodes")
    finally:
        nodes.stop()
        await supervisor.stop()
        around.deadlines.close()
        await bus.close()
        await user.close()


async def _ask(user: Bus, deadlines: Deadlines, what: str, text: str = "") -> dict[str, Any]:
    reply = b"_INBOX.bench.%d" % time.monotonic_ns()
    found = await ask(user, SUBJECTS.user("policy", what), text.encode(), reply, 30.0, deadlines)
    answer: dict[str, Any] = json.loads(found)
    if "errors" in answer:
        raise SystemExit(f"refused: {answer}")
    return answer


async def _synced(user: Bus, deadlines: Deadlines) -> None:
    async with asyncio.timeout(60):
        while any(  # noqa: ASYNC110 - it has to be asked
            one["state"] != "synced" for one in (await _ask(user, deadlines, "status"))["items"]
        ):
            await asyncio.sleep(0.1)


# Traffic meanwhile


async def traffic(folder: Path, seconds: float, rate: float) -> None:
    """The p99 of pages while nothing changes, and while 1,000 virtual services come, are changed and go."""
    async with mesh.plait(folder) as layout:
        url = layout.url + "/productpage"
        client = await nats_py.connect(layout.nats)
        changes = 0

        async def churn(end: float) -> None:
            nonlocal changes
            while time.monotonic() < end:
                text = "".join(service(f"service-{n}", f"goal-{changes}-{n}") for n in range(1000))
                answer = json.loads(
                    (await client.request("plait.default.policy.apply", text.encode(), timeout=30)).data
                )
                if "errors" in answer:
                    raise SystemExit(f"refused: {answer['errors'][:1]}")
                changes += 1

        await open_loop(url, rate, 2.0)
        quiet, busy, errors = [], [], 0
        for _ in range(3):
            result = await open_loop(url, rate, seconds)
            quiet.append(percentile(result.latencies, 99) * 1e3)
            end = time.monotonic() + seconds - 1.0
            both = await asyncio.gather(open_loop(url, rate, seconds), churn(end))
            busy.append(percentile(both[0].latencies, 99) * 1e3)
            errors += result.errors + both[0].errors
        await client.close()
    before, meanwhile = statistics.median(quiet), statistics.median(busy)
    print(
        f"pages at {rate:g}/s: p99 {before:.1f} ms, {meanwhile:.1f} ms while all nodes compile 1,000 virtual services"
    )
    print(f"  {changes} times over; {errors} errors; goal: 5 ms more at most ({verdict(meanwhile - before <= 5)})")


async def all_of_it(seconds: float, rate: float) -> None:
    decisions()
    for count in (1000, 10_000):
        compiling(count)
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedNats() as server:
            await convergence(server.url, Path(folder))
        await traffic(Path(folder), seconds, rate)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--follow", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=6.0, help="length of each run of traffic")
    parser.add_argument("--rate", type=float, default=150.0, help="pages a second")
    given = parser.parse_args()
    asyncio.run(follow(given.follow) if given.follow else all_of_it(given.seconds, given.rate))
