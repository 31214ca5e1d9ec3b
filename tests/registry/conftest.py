"""A registry on the in-memory bus, with a store that outlives it."""

import asyncio
import random
import time

import msgspec
import pytest

from plait.actors.bus.ask import Asker, ask
from plait.actors.bus.memory import MemoryServer
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.codec import Codec, encode
from plait.actors.messages.instance import Beat, Connection, Heartbeat, Instance, Join, Joined, Leave
from plait.actors.messages.subject import Subjects
from plait.actors.messages.table import Delta
from plait.actors.runtime.spec import ChildSpec
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings
from plait.actors.table.memory_store import MemoryKeyValue
from plait.actors.table.snapshot import fetch
from plait.registry.dns_door import DoorLimits
from plait.registry.dns_server import DnsServer
from plait.registry.registry import Registry
from tests.registry.dns_world import World as NameWorld

SUBJECTS = Subjects()
NOWHERE = Connection()
_joined, _beat, _delta = Codec[Joined](Joined), Codec[Beat](Beat), Codec[Delta](Delta)


class World:
    """Registries, and a node that asks them."""

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.server = MemoryServer()
        self.store = MemoryKeyValue()
        self.surroundings = Surroundings(loop, Deadlines(loop), random.Random(1))
        self.supervisor = Supervisor("mesh", self.surroundings)
        self.system = self.server.connect("system")
        self.bus = self.server.connect("n1")
        self.asker = Asker(self.bus, SUBJECTS, "n1", self.surroundings.deadlines)
        self.pushed: list[Delta] = []
        self.registries: dict[str, Registry] = {}
        self.bus.subscribe(SUBJECTS.pushes("reg"), lambda _s, _r, data, _h: self._told(_delta.decode(data)))
        self._questions = 0

    def _told(self, delta):
        if delta.changes:  # else it tells of an epoch
            self.pushed.append(delta)

    async def start(self, name="registry", pause=3.0):
        def make():
            bus = self.server.connect(name)
            registry = Registry(name, SUBJECTS, bus, self.store, self.system, pause=pause, wall_clock=lambda: 0.0)
            self.registries[name] = registry
            return registry

        await self.supervisor.start_child(ChildSpec(name, make, concurrency=8))
        return self.registries[name]

    async def stop(self, name="registry"):
        await self.supervisor.stop_child(name)

    def instance(self, name="r1", service="reviews", incarnation=1, node="n1", data=NOWHERE, **more):
        return Instance(name, service, "v1", {"version": "v1"}, "r/z/s", node, incarnation, data, **more)

    async def join(self, instance, step="join", subject=None):
        subject = subject or SUBJECTS.registration(step, instance.service, instance.id)
        return _joined.decode(await self.asker.ask("registry", subject, encode(Join(instance)), 2.0))

    async def leave(self, name="r1", service="reviews", incarnation=1):
        subject = SUBJECTS.registration("leave", service, name)
        return _joined.decode(await self.asker.ask("registry", subject, encode(Leave(name, service, incarnation)), 2.0))

    async def beat(self, *instances, node="n1", data=NOWHERE):
        named = tuple((one.service, one.id, one.incarnation) for one in instances)
        renewals = tuple((one.service, one.id, one.renewal) for one in instances if one.renewal)
        payload = encode(Heartbeat(node, 1, data, Connection(), named, 0.0, renewals))
        return _beat.decode(await self.asker.ask("registry", SUBJECTS.heartbeat(node), payload, 2.0))

    async def resolve(self, service=""):
        return await self.user(SUBJECTS.user("registry", "resolve"), msgspec.json.encode({"service": service}))

    async def user(self, subject, payload=b""):
        self._questions += 1
        reply = b"_INBOX.%d" % self._questions
        inbox = self.bus.inbox(reply)
        try:
            return msgspec.json.decode(await ask(self.bus, subject, payload, reply, 2.0, self.surroundings.deadlines))
        finally:
            inbox.unsubscribe()

    async def names(self, service=""):
        return [one["id"] for one in (await self.resolve(service))["instances"]]

    async def snapshot(self):
        return await fetch(self.asker, "reg", "registry")

    def disconnect(self, connection):
        event = {
            "type": "io.nats.server.advisory.v1.client_disconnect",
            "server": {"name": "s", "id": connection.server},
            "client": {"id": connection.client, "acc": "MESH", "name": "whoever"},
        }
        self.system.publish(b"$SYS.ACCOUNT.MESH.DISCONNECT", msgspec.json.encode(event))


@pytest.fixture
async def world():
    world = World()
    yield world
    await world.supervisor.stop()
    world.surroundings.deadlines.close()


@pytest.fixture
async def serve():
    """Starts a server on a free port: `await serve(world)`."""
    servers = []

    async def start(world=None, *, host="127.0.0.1", port=0, forward=None, **limits):
        world = world or NameWorld(forward=forward is not None)
        server = DnsServer(host, port, forward, time.monotonic, DoorLimits(**limits))
        server.asked, server.lost = [], []
        servers.append(server)

        def answer(packet, source, stream):
            server.asked.append((source, stream))
            return world.raw(packet, stream)

        await server.start(answer, server.lost.append)
        return server

    yield start
    for server in servers:
        await server.close()
