"""A simulated mesh as a scenario sees it: its clients, its policy, and all that may happen to it."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ..actors.bus.ask import ask
from ..actors.loop.timer import Deadlines
from ..actors.messages.error import Code, MeshError, Refused, UnknownOutcome
from ..actors.messages.subject import Subjects
from ..actors.service.response import Reply
from ..mesh.address import Target
from ..mesh.outside import Mesh
from .bucket import Stores
from .door import HttpReply, request
from .failure import SimulationError
from .faults import Lines
from .ground import EPOCH
from .happening import Happenings
from .host import Host
from .invariant import Invariants
from .loop import SimLoop
from .network import SimServer
from .plan import ADMIN, SimNode
from .probe import NodeProbe
from .settled import Settled
from .trace import Trace
from .world import World

READY = 60.0
"""Virtual seconds in which all nodes must be ready after the start."""


_WORDLESS = (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.ABORTED, Code.RESOURCE_EXHAUSTED)
NO_WORD = frozenset(code.value for code in _WORDLESS)
"""Codes of an engine's answer that say nothing about the documents: it could not work."""


MESH_FAILED = ("a callback raised: plait.", "a deadline failed")
"""How complaints of an event loop begin that are the mesh's own; what a service's own callbacks raise is noted only."""


class Outsider:
    """Where the scenario itself stands: a machine that nothing happens to, unless the bus is gone."""

    name = "scenario"
    isolated = False
    side = 0
    cuts = 0

    def __init__(self, loop: SimLoop) -> None:
        self.loop = loop


class Simulation(Happenings):
    """One run. Its methods are for the scenario, on the scenario's own event loop; times are virtual seconds."""

    def __init__(
        self, seed: int, nodes: Sequence[SimNode], *, mesh: str, lines: Lines, sampling: float, kept: int
    ) -> None:
        self.seed = seed
        self.rng = random.Random(f"{seed}/scenario")
        """Chance for the scenario."""
        self.mesh = mesh
        self.world = World()
        self.lines = lines
        self.trace = Trace(self.world, kept)
        self.server = SimServer(self.world, random.Random(f"{seed}/lines"), lines, self.trace, 1024 * 1024)
        self.stores = Stores(self.server, random.Random(f"{seed}/store"))
        self.invariants = Invariants(self.server, mesh)
        self.settled = Settled(self)
        self.loop = SimLoop(self.world, "scenario", failed=self._callback_failed)
        self.hosts = [
            Host(
                self.world, self.server, self.stores, self.trace, node.options(mesh, sampling), node.runs,
                f"{seed}/{node.name}", lambda host: NodeProbe(host, self.invariants), self.invariants.follow,
                self._callback_failed,
            )
            for node in nodes
        ]  # fmt: skip
        self._client: Mesh | None = None

    def _callback_failed(self, loop: SimLoop, context: dict[str, Any]) -> None:
        error, message = context.get("exception"), str(context.get("message"))
        self.trace.note(f"{loop.name}: {message}{'' if error is None else f' ({type(error).__name__}: {error})'}")
        if message.startswith(MESH_FAILED) or loop is self.loop:
            self.invariants.violated(f"{loop.name}: {message}: {error!r}", error)

    # Its beginning and end; `simulate` calls these

    async def begin(self, policy: Sequence[str]) -> None:
        """Start every node, the control plane first, put policy in force, and connect the scenario."""
        for host in self.hosts:
            host.start()
        await self._until_ready()
        outside = self.server.join(Outsider(self.loop), "scenario")  # type: ignore[arg-type]
        rng = random.Random(f"{self.seed}/client")
        target = Target("", self.mesh, "the simulation")
        clocks = {"clock": self.loop.time, "wall_clock": lambda: EPOCH + self.now}
        self._client = Mesh(outside, target, "scenario", 0.0, unique="sim", rng=rng, **clocks)
        await self._client.open(10.0)
        self._user = self.server.join(Outsider(self.loop), "user")  # type: ignore[arg-type]
        self._user.inbox(b"_INBOX.user.*")
        self._deadlines = Deadlines(self.loop)
        self._asked = 0
        for documents in policy:
            while await self.try_apply(documents) is None:  # rough lines may lose the question
                self.trace.note("nobody answered to the first policy: once more")

    async def _until_ready(self) -> None:
        end = self.now + READY
        while late := [f"{host.name} {host.trouble or 'waits'}" for host in self.hosts if not host.ready]:
            if self.now > end:
                raise SimulationError(f"not all nodes are ready within {READY:g} s: {'; '.join(late)}")
            await asyncio.sleep(0.01)

    def nothing_unseen(self) -> None:
        """Look whether what the scenario left running in the background has failed.

        Raises:
            BaseException: what the first task has failed with that nobody awaited.
        """
        for task in self.loop.unseen():
            task.result()

    async def end(self) -> None:
        """Stop every node in order, those first that were started last."""
        if self._client is not None:
            await self._client.close()
        for host in reversed(self.hosts):
            await self.settled.stopped(host)

    # Clients

    @property
    def client(self) -> Mesh:
        """The scenario's own connection, as `plait.connect` gives it."""
        assert self._client is not None, "the mesh has not begun"
        return self._client

    async def call(self, service: str, path: str, **more: Any) -> Reply:
        """Call a service from outside, see `plait.connect`.

        Raises:
            MeshError: there is no answer of the service.
        """
        reply: Reply = await self.client.call(service, path, **more)
        return reply

    async def emit(self, topic: str, event: Any) -> int:
        """Emit an event from outside; return how many groups it is on its way to."""
        return await self.client.emit(topic, event)

    async def http(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"", gateway: str = ""
    ) -> HttpReply:
        """Send a request to a gateway, one that is up by chance where `gateway` names none.

        `url` is a path, or `http://host/path`, where `host` becomes the authority. The bytes of HTTP itself are not
        part of the simulation.

        Raises:
            ConnectionError: no gateway listens, or it died before it answered.
        """
        hosts = [self.host(gateway)] if gateway else self.hosts
        if not url.startswith(("/", "http://", "https://")):
            raise SimulationError(f"a URL is a path from /, or http://host/path, not {url!r}")
        doors = [door for host in hosts for door in host.doors() if door.address[1] != ADMIN]
        if not doors:
            raise ConnectionRefusedError("no gateway listens")
        return await self.rng.choice(doors).ask(request(method, url, headers or {}, body, "mesh.test", 80))

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> HttpReply:
        """Send a GET to a gateway, see `http`."""
        return await self.http("GET", url, headers)

    async def admin(self, node: str, path: str) -> HttpReply:
        """Ask the admin address of a node: `/readyz`, `/healthz`, `/metrics`.

        Raises:
            ConnectionError: it has none (`SimNode(…, admin=True)` gives it one), or is not up.
        """
        for door in self.host(node).doors():
            if door.address[1] == ADMIN:
                return await door.ask(request("GET", path, {}, b"", "admin.test", ADMIN))
        raise ConnectionRefusedError(f"{node} has no admin address that is open")

    # Policy

    async def ask(self, *subject: str, payload: bytes = b"{}", timeout: float = 5.0) -> Any:
        """Ask on one of the public subjects, such as `"policy", "history"`; return the JSON answer.

        Raises:
            MeshError: nobody answered; what was asked for may have been done.
        """
        self._asked += 1
        reply = b"_INBOX.user.%d" % self._asked
        data = await ask(self._user, Subjects(self.mesh).user(*subject), payload, reply, timeout, self._deadlines)
        return msgspec.json.decode(data)

    async def apply(self, documents: str, timeout: float = 5.0) -> int:
        """Apply policy documents, as a user does; return the revision. From here on it must never be lost.

        Raises:
            Refused: the documents are refused; the message has the reasons.
            MeshError: nobody answered; it may have been applied.
        """
        answer = await self.ask("policy", "apply", payload=documents.encode(), timeout=timeout)
        if errors := answer.get("errors"):
            told = "; ".join(str(error.get("message", error)) for error in errors)
            raise UnknownOutcome(told) if errors[0].get("code") in NO_WORD else Refused(told)
        self.settled.acknowledged(answer)
        return int(answer["revision"])

    async def try_apply(self, documents: str, timeout: float = 5.0) -> int | None:
        """Apply policy documents; None where nobody answered, so that nobody knows."""
        try:
            return await self.apply(documents, timeout)
        except Refused:
            raise
        except MeshError:
            return None
