"""`plait up`: a whole mesh on this machine: bus, control plane and gateway here, one process per service beside."""

import asyncio
import gc
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ..actors.bus.address import addresses, shown
from ..actors.messages.error import MeshError, StartFailed
from ..actors.messages.health import ROUTABLE
from . import login, run_file
from .crew import Crew
from .first_policy import apply_first
from .health import watch
from .nats_server import EmbeddedNats
from .node import Node
from .options import NodeOptions, UpOptions
from .plan import Plan
from .process import Process
from .reload import Reload, Reread
from .run import identify, stop_signal
from .run import run as run_loop


def run(options: UpOptions, reread: Reread | None = None) -> None:
    """Run until SIGINT or SIGTERM.

    Args:
        options: what to run.
        reread: with it, services whose files change are replaced; it returns what to run by now.

    Raises:
        MeshError: the mesh could not start, or gave up.
    """
    run_loop(lambda: Mesh(options, reread).run())


class Mesh:
    """Everything that `plait up` starts."""

    def __init__(self, options: UpOptions, reread: Reread | None = None) -> None:
        self._options = options
        self._reload = Reload(options, reread) if reread is not None else None
        self._server: EmbeddedNats | None = None
        self._node: Node | None = None
        self._crew: Crew | None = None
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
        nats, nats_sys, own_sys = options.nats, options.nats_sys, ""
        if not nats:
            self._server = EmbeddedNats(Path(options.state) if options.state else None)
            await self._server.start()
            nats, nats_sys = self._server.url, self._server.system_url
            own_sys = nats_sys
        self._nats, self._nats_sys = nats, nats_sys
        crew = self._crew = Crew(self._launch, self._known)
        await crew.start(options.plans)
        node = self._node = Node(
            NodeOptions(
                targets=("registry", "policy", "traces", "gateway", *(["dns"] if options.dns is not None else [])),
                nats=nats,
                login=options.login,
                nats_sys=nats_sys,
                system_login=options.system_login,
                mesh=options.mesh,
                name=f"up-{os.getpid()}",
                http=options.http,
                admin=options.admin,
                otlp=options.otlp,
                sampling=options.sampling,
                debug=True,
                trusted_hops=options.trusted_hops,
                keeps="it runs the control plane of `plait up`: Ctrl-C or SIGTERM there drains all of it",
                dns=options.dns,
                dns_forward=options.dns_forward,
                dns_ttl=options.dns_ttl,
                advertise=options.advertise,
                locality=options.locality,
                access_log=options.access_log,
                access_log_format=options.access_log_format,
                log_format=options.log_format,
                log_level=options.log_level,
            )
        )
        identify(node.name, options.log_level, options.log_format)
        await node.start()
        node.health = watch(node.telemetry.metrics)
        await apply_first(node, options)
        await crew.ready()
        public, how = shown(addresses(nats)), options.login.public()
        run_file.write(run_file.RunFile(options.mesh, os.getpid(), public, tuple(node.http), node.admin, own_sys, how))
        print(f"nats   {public}")
        for url in node.http:
            print(f"http   {url}")
        print(f"admin  {node.admin}")
        if node.dns:
            print(f"dns    {node.dns}")
        gc.freeze()  # what stands by now stays
        print("ready", flush=True)
        if self._reload is not None:
            self._reload.start(crew)

    def _launch(self, plan: Plan, number: int, give_up: Callable[[str], None]) -> Process:
        options = self._options
        name = f"{plan.name}-{os.getpid()}-{number}"
        arguments = [*plan.targets, "--name", name, "--mesh", options.mesh]
        arguments += ["--otlp", options.otlp] if options.otlp else []
        arguments += ["--log-level", options.log_level, "--log-format", options.log_format]
        arguments += ["--advertise", options.advertise] if options.advertise else []
        at = plan.locality or options.locality
        arguments += ["--locality", at] if at else []
        arguments += ["--weight", f"{plan.weight:.17g}"] if plan.weight != 1.0 else []
        for key, value in plan.labels.items():
            arguments += ["--label", f"{key}={value}"]
        for check in plan.checks:
            arguments += ["--check", msgspec.json.encode(check).decode()]
        # Where the bus is and how to log in goes by environment: no command line shows a password then.
        environment = login.environment({**os.environ, **plan.environment}, self._nats, options.login)
        if plan.targets == ("registry",) and self._nats_sys:
            environment |= login.system_environment(self._nats_sys, options.system_login)
        if plan.python_path:
            inherited = environment.get("PYTHONPATH")
            environment["PYTHONPATH"] = os.pathsep.join([*plan.python_path, *([inherited] if inherited else [])])
        return Process(name, plan, arguments, environment, self._rng, give_up)

    async def _known(self, name: str) -> None:
        """Wait until the gateway can call all instances of a node that has said that it is ready."""
        assert self._node is not None
        node = self._node
        await node.link.flush()  # what the registry told before that word has come in now
        while True:
            health = [one.health for one in node.proxy.instances.values() if one.node == name]
            if health and all(each in ROUTABLE for each in health):
                return
            await asyncio.sleep(0.01)

    async def _wait(self, asked: "asyncio.Future[None]") -> None:
        """Wait for a signal, or for a part that is beyond repair; a bus that died is brought back."""
        assert self._node is not None
        assert self._crew is not None
        while True:
            server = asyncio.ensure_future(self._server.ended()) if self._server is not None else None
            ends: list[asyncio.Future[Any]] = [asked, self._node.failed, self._crew.failed]
            await asyncio.wait([*ends, *([server] if server else [])], return_when=asyncio.FIRST_COMPLETED)
            if server is not None and not server.done():
                server.cancel()
            if asked.done():
                return
            if self._crew.failed.done():
                raise StartFailed(self._crew.failed.result())
            if self._node.failed.done():
                raise MeshError(str(self._node.failed.result()))
            if self._server is not None:
                print("the bus ended: starting it again", file=sys.stderr)
                await self._server.start()

    async def _stop(self) -> None:
        """Edges first, then the services, then the control plane, the bus last."""
        if self._reload is not None:
            await self._reload.stop()
        if self._node is not None:
            await self._node.close_edges()
        if self._crew is not None:
            await self._crew.stop()
        if self._node is not None:
            await self._node.stop()
        if self._server is not None:
            await self._server.stop()
