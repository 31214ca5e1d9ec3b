"""`plait up`: a whole mesh on this machine: bus, control plane and gateway here, one process per service beside."""

import asyncio
import gc
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..actors.bus.ask import Asker
from ..actors.messages.error import MeshError, StartFailed
from ..examples import bookinfo
from ..examples.bookinfo.policies import first_policy
from . import run_file
from .health import watch
from .nats_server import EmbeddedNats
from .node import Node
from .options import NodeOptions, UpOptions
from .process import Process
from .run import run as run_loop
from .run import stop_signal

READY_LIMIT = 30.0
"""Seconds in which all services must have registered."""


def run(options: UpOptions) -> None:
    """Run until SIGINT or SIGTERM.

    Raises:
        MeshError: the mesh could not start, or gave up.
    """
    run_loop(lambda: Mesh(options).run())


class Mesh:
    """Everything that `plait up` starts."""

    def __init__(self, options: UpOptions) -> None:
        self._options = options
        self._server: EmbeddedNats | None = None
        self._node: Node | None = None
        self._processes: list[Process] = []
        self._rng = random.Random()

    async def run(self) -> None:
        """Start, wait, stop; see `run`."""
        asked = stop_signal()
        starting = asyncio.ensure_future(self._start())
        try:
            await asyncio.wait((starting, asked), return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                await asyncio.wait((starting,))
                return
            starting.result()
            await self._wait(asked)
        finally:
            run_file.remove(self._options.mesh, os.getpid())
            await self._stop()

    async def _start(self) -> None:
        options = self._options
        nats, nats_sys = options.nats, options.nats_sys
        if not nats:
            self._server = EmbeddedNats(Path(options.state) if options.state else None)
            await self._server.start()
            nats, nats_sys = self._server.url, self._server.system_url
        for number, targets in enumerate(_processes(options.app)):
            await self._spawn(number, targets, nats)
        node = self._node = Node(
            NodeOptions(
                targets=("registry", "policy", "traces", "gateway", *(["dns"] if options.dns is not None else [])),
                nats=nats,
                nats_sys=nats_sys,
                mesh=options.mesh,
                name=f"up-{os.getpid()}",
                http=options.http,
                admin=options.admin,
                otlp=options.otlp,
                sampling=options.sampling,
                debug=True,
                keeps="it runs the control plane of `plait up`: Ctrl-C or SIGTERM there drains all of it",
                dns=options.dns,
                dns_forward=options.dns_forward,
                dns_ttl=options.dns_ttl,
                advertise=options.advertise,
            )
        )
        await node.start()
        node.health = watch(node.telemetry.metrics)
        if "bookinfo" in options.app:
            await _apply_first(node)
        await self._registered(node)
        run_file.write(run_file.RunFile(options.mesh, os.getpid(), nats, tuple(node.http), node.admin, nats_sys))
        print(f"nats   {nats}")
        for url in node.http:
            print(f"http   {url}")
        print(f"admin  {node.admin}")
        if node.dns:
            print(f"dns    {node.dns}")
        gc.freeze()  # what stands by now stays
        print("ready", flush=True)

    async def _spawn(self, number: int, targets: Sequence[str], nats: str) -> None:
        options = self._options
        name = f"{targets[0].rpartition('.')[2].partition(':')[0].replace('_', '-').lower()}-{os.getpid()}-{number}"
        arguments = [*targets, "--name", name, "--mesh", options.mesh]
        arguments += ["--otlp", options.otlp] if options.otlp else []
        arguments += ["--advertise", options.advertise] if options.advertise else []
        environment = {**os.environ, "PLAIT_NATS_URL": nats}  # by environment: a URL may hold a password
        process = Process(name, arguments, environment, self._rng)
        self._processes.append(process)
        await process.start()

    async def _registered(self, node: Node) -> None:
        """Wait until every process has registered all its services."""
        loop = asyncio.get_running_loop()
        end = loop.time() + READY_LIMIT
        wanted = {
            process.name: len(targets)
            for process, targets in zip(self._processes, _processes(self._options.app), strict=True)
        }
        while True:
            nodes = [instance.node for instance in node.proxy.instances.values()]
            missing = [name for name, count in wanted.items() if nodes.count(name) < count]
            if not missing:
                return
            for process in self._processes:
                if process.failed.done() or (process.restarts and process.name in missing):
                    raise StartFailed(f"{process.name} does not start (its own words stand above)")
            if loop.time() > end:
                raise StartFailed(f"not registered within {READY_LIMIT:g} s: {', '.join(missing)}")
            await asyncio.sleep(0.02)

    async def _wait(self, asked: "asyncio.Future[None]") -> None:
        """Wait for a signal, or for a part that is beyond repair; a bus that died is brought back."""
        assert self._node is not None
        while True:
            server = asyncio.ensure_future(self._server.ended()) if self._server is not None else None
            ends: list[asyncio.Future[Any]] = [
                asked,
                self._node.failed,
                *(process.failed for process in self._processes),
            ]
            await asyncio.wait([*ends, *([server] if server else [])], return_when=asyncio.FIRST_COMPLETED)
            if server is not None and not server.done():
                server.cancel()
            if asked.done():
                return
            for process in self._processes:
                if process.failed.done():
                    raise StartFailed(process.failed.result())
            if self._node.failed.done():
                raise MeshError(str(self._node.failed.result()))
            if self._server is not None:
                print("the bus ended: starting it again", file=sys.stderr)
                await self._server.start()

    async def _stop(self) -> None:
        """Edges first, then the services, then the control plane, the bus last."""
        if self._node is not None:
            await self._node.close_edges()
        await asyncio.gather(*(process.stop() for process in self._processes))
        if self._node is not None:
            await self._node.stop()
        if self._server is not None:
            await self._server.stop()


def _processes(apps: Sequence[str]) -> list[list[str]]:
    """Return the targets of each process: one process per service, Bookinfo's versions of one service together."""
    groups: dict[str, list[str]] = {}
    for app in apps:
        if app == "bookinfo":
            for target in bookinfo.SERVICES:
                groups.setdefault(target.partition(":")[0], []).append(target)
        else:
            groups[app] = [app]
    return list(groups.values())


async def _apply_first(node: Node) -> None:
    """Give a mesh without any policy the first one: the gateway's routes to Bookinfo.

    Raises:
        StartFailed: the policy engine does not take it.
    """
    link = node.link
    asker = Asker(link.data, link.subjects, f"{node.name}-first", link.deadlines)
    try:
        await link.data.flush()
        if node.proxy.snapshot.revision:
            return
        answer = await asker.ask("policy", link.subjects.user("policy", "apply"), first_policy().encode(), 10.0)
    finally:
        asker.close()
    errors = msgspec.json.decode(answer).get("errors")
    if errors:
        raise StartFailed(f"the first policy was refused: {errors}")
