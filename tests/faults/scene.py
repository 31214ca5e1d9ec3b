"""The mesh that faults are played on: a bus, two registries and policy engines, a gateway, two instances of a service.

Each is a process of its own. The bus tells of no connection's end, so that deaths are seen by heartbeats alone.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import nats

from tests.conftest import NatsServer
from tests.integration.bus import UserBus
from tests.integration.documents import entrance
from tests.integration.load import Load, load
from tests.integration.mesh import Mesh, Running

WHOAMI = "whoami:Whoami"
CONTROL = ("control-1", "control-2")
STEADY = ("steady-1", "steady-2")


class Scene:
    """One mesh; `bus` is a user's connection to its bus."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        """Keep all files in `folder`; `extra` is more of the server's configuration."""
        (folder / "nats").mkdir(parents=True, exist_ok=True)
        self.server = NatsServer(folder / "nats", extra)
        self.mesh = Mesh(folder / "mesh")
        self.nodes: dict[str, Running] = {}
        self.bus: UserBus

    def spawn(self, name: str, *targets: str, nats: str = "", **environment: str) -> Running:
        """Start a node and do not wait for it."""
        url = nats or self.server.url
        node = self.mesh.spawn("node", *targets, "--name", name, "--nats", url, **environment)
        self.nodes[name] = node
        self.mesh.nodes.append(node)
        return node

    async def start(self, name: str, *targets: str, nats: str = "", **environment: str) -> Running:
        """Start a node and wait until it is ready."""
        return await asyncio.to_thread(self.spawn(name, *targets, nats=nats, **environment).ready)

    async def open(self) -> None:
        """Start all of it."""
        self.server.start()
        for name in CONTROL:
            self.spawn(name, "registry", "policy")
        self.spawn("edge", "gateway", "--http", "127.0.0.1:0")
        for name in STEADY:
            self.spawn(name, WHOAMI)
        for node in self.nodes.values():
            await asyncio.to_thread(node.ready)
        self.http = self.nodes["edge"].line("http")

        async def expected(error: Exception) -> None:
            """The bus goes away on purpose."""

        client = await nats.connect(
            self.server.url, max_reconnect_attempts=-1, reconnect_time_wait=0.05, error_cb=expected
        )
        self.bus = UserBus(client)
        await self.bus.apply(entrance("whoami"))

    async def close(self) -> None:
        """End all of it."""
        with contextlib.suppress(AttributeError):
            await self.bus.client.close()
        for node in self.mesh.nodes:
            if node.process.poll() is None:
                node.process.terminate()
        await asyncio.to_thread(self.mesh.end_nodes)
        self.server.kill()

    def under_load(self, connections: int = 8, pause: float = 0.02) -> AbstractAsyncContextManager[Load]:
        """GETs through the gateway."""
        return load(self.http, "/", host="whoami.test", connections=connections, pause=pause)

    async def health(self) -> dict[str, str]:
        """The health of every instance of the service, by node, as a registry has it; empty while none answers."""
        try:
            found = await self.bus.ask("registry.resolve", {"service": "whoami"}, 0.5)
        except Exception:  # no registry, or no bus
            return {}
        return {one["node"]: one["health"] for one in found["instances"]}

    async def tables(self, count: int = 40) -> list[Any]:
        """All tables that `count` questions found: a question goes to any registry, so each is asked (to 1 : 2^39)."""
        answers = [await self.bus.ask("registry.resolve", {"service": ""}, 2.0) for _ in range(count)]
        found: list[Any] = []
        for answer in answers:
            table = (
                answer["revision"],
                sorted((one["service"], one["id"], one["node"]) for one in answer["instances"]),
            )
            if table not in found:
                found.append(table)
        return found

    @contextlib.asynccontextmanager
    async def watched(self, *names: str) -> AsyncIterator[list[tuple[str, str]]]:
        """Yield what becomes of nodes that should stay well: (name, health), `gone` where the registry forgot."""
        wrong: list[tuple[str, str]] = []

        async def look() -> None:
            while True:
                known = await self.health()
                if known:
                    wrong.extend((one, known.get(one, "gone")) for one in names if known.get(one) != "healthy")
                await asyncio.sleep(0.02)

        task = asyncio.create_task(look())
        try:
            yield wrong
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def seconds(holds: Callable[[], Awaitable[bool]], since: float, limit: float = 15.0) -> float:
    """Return the seconds from `since` until `holds`; infinity where it does not."""
    while time.monotonic() - since < limit:
        if await holds():
            return time.monotonic() - since
        await asyncio.sleep(0.002)
    return float("inf")
