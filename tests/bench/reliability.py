"""`python -m tests.bench.reliability`: real processes are killed, stopped and cut off under load; what clients notice.

Three instances of ratings behind the gateway of `plait up`, GETs on 16 connections, about 500 a second.
"""

import argparse
import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import nats

from tests.integration.bus import UserBus
from tests.integration.documents import entrance
from tests.integration.load import Load, load
from tests.integration.mesh import Mesh, Running

RATINGS = "plait.examples.bookinfo.ratings:Ratings"
CONNECTIONS, PAUSE = 16, 0.028
STOPPED = 2.5
"""Seconds for which a process stands still."""


async def seconds(holds: Callable[[], Awaitable[bool]], since: float, limit: float = 15.0) -> float:
    """Return the seconds from `since` until `holds`; infinity where it does not."""
    while time.monotonic() - since < limit:
        if await holds():
            return time.monotonic() - since
        await asyncio.sleep(0.002)
    return float("inf")


class Bench:
    """One mesh and its load."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.nodes: list[Running] = []

    def start(self, name: str) -> Running:
        """Start one more instance."""
        node = self.mesh.node(RATINGS, "--name", name).ready()
        self.nodes.append(node)
        return node

    async def bus(self) -> UserBus:
        """Connect as a user does."""

        async def expected(error: Exception) -> None:
            """The bus goes away on purpose."""

        client = await nats.connect(
            self.mesh.nats, max_reconnect_attempts=-1, reconnect_time_wait=0.05, error_cb=expected
        )
        return UserBus(client)

    def under_load(self) -> object:
        """Ask steadily."""
        return load(self.mesh.http, "/ratings/7", host="ratings.test", connections=CONNECTIONS, pause=PAUSE)

    async def killed(self, bus: UserBus, number: int) -> str:
        """kill -9 of one of three."""
        victim = self.start(f"victim-{number}")
        async with self.under_load() as answers:  # type: ignore[attr-defined]
            await answers.more(300)
            os.kill(victim.pid, signal.SIGKILL)
            at = time.monotonic()

            async def gone() -> bool:
                return all(one["node"] != f"victim-{number}" for one in await bus.instances("ratings"))

            took = await seconds(gone, at)
            await answers.more(900)
        victim.process.wait(5)
        return f"{told(answers, at)}, out of the registry after {took * 1000:.0f} ms"

    async def stopped(self, bus: UserBus, number: int) -> str:
        """SIGSTOP of one of three, then SIGCONT."""
        victim = self.start(f"sleeper-{number}")
        async with self.under_load() as answers:  # type: ignore[attr-defined]
            await answers.more(300)
            os.kill(victim.pid, signal.SIGSTOP)
            at = time.monotonic()

            def is_now(health: str) -> Callable[[], Awaitable[bool]]:
                async def holds() -> bool:
                    known = await bus.instances("ratings")
                    return [one["health"] for one in known if one["node"] == f"sleeper-{number}"] == [health]

                return holds

            suspected = await seconds(is_now("suspected"), at)
            avoided = time.monotonic() + 0.05
            await asyncio.sleep(max(0.0, at + STOPPED - time.monotonic()))
            os.kill(victim.pid, signal.SIGCONT)
            again = time.monotonic()
            trusted = await seconds(is_now("healthy"), again)
            await answers.more(300)
        victim.end()
        late = [one for one in answers.since(avoided) if one.took > 0.1 and one.sent < again]
        return (
            f"{told(answers, at)}, suspected after {suspected * 1000:.0f} ms, {len(late)} requests over 100 ms after "
            f"that, trusted again {trusted * 1000:.0f} ms after SIGCONT"
        )

    async def without_bus(self, bus: UserBus, number: int) -> str:
        """kill -9 of the NATS server, which `plait up` starts again."""
        (server,) = self.mesh.pids("nats-server")
        async with self.under_load() as answers:  # type: ignore[attr-defined]
            await answers.more(300)
            os.kill(server, signal.SIGKILL)
            at = time.monotonic()

            async def whole() -> bool:
                try:
                    found = await bus.ask("registry.resolve", {"service": "ratings"}, 0.2)
                    policy = await bus.ask("policy.get", limit=0.2)
                    return len(found["instances"]) == 2 and policy["revision"] > 0
                except Exception:  # no bus, or no answer yet
                    return False

            took = await seconds(whole, at)
            await asyncio.sleep(2.0)
        failed = [one for one in answers.since(at) if one.status != 200]
        last = max((one.sent + one.took for one in failed), default=at)
        count = len(answers.since(at))
        return (
            f"{len(failed)} of {count} failed, the last after {last - at:.2f} s; registry and policy after {took:.2f} s"
        )


def told(answers: Load, at: float) -> str:
    """What clients noticed of what happened at `at`."""
    slowest = max(one.took for one in answers.since(at - 0.1))
    return f"{len(answers.failed)} of {len(answers.answers)} failed, slowest {slowest * 1000:.0f} ms"


async def main(rounds: int) -> None:
    """Play every fault so often, and print a line for each."""
    with tempfile.TemporaryDirectory() as folder:
        mesh = Mesh(Path(folder)).up("--app", "none")
        bench = Bench(mesh)
        try:
            bus = await bench.bus()
            await bus.apply(entrance("ratings"))
            for name in ("one", "two"):
                bench.start(name)
            for number in range(rounds):
                for name, fault in (
                    ("kill -9 of one of three", bench.killed),
                    (f"SIGSTOP of one of three for {STOPPED:g} s", bench.stopped),
                    ("kill -9 of the NATS server", bench.without_bus),
                ):
                    print(f"{name:<36} {await fault(bus, number)}", flush=True)
                    await asyncio.sleep(1.0)
            await bus.client.close()
        finally:
            mesh.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    asyncio.run(main(parser.parse_args().rounds))
