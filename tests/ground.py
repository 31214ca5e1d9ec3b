"""A tiny ground for whole nodes: one in-memory bus, stores and clients in one process, clocks of the virtual loop.

Run as a program it plays `scenario` and prints what crossed the bus as one digest: `python -m tests.ground SEED`.
"""

import asyncio
import hashlib
import random
import sys

import msgspec

from plait.actors import Service, get
from plait.actors.bus.ask import ask
from plait.actors.bus.memory import MemoryServer
from plait.actors.messages.subject import Subjects
from plait.actors.proxy.call import Call, Caller
from plait.actors.table.memory_store import MemoryKeyValue
from plait.gateway.exchange import Exchange
from plait.gateway.request import HttpRequest
from plait.mesh.link import Link
from plait.mesh.node import Node
from plait.mesh.options import Listen, NodeOptions
from plait.tracing.context import new_traceparent
from tests.integration.documents import entrance
from tests.virtual_loop import VirtualLoop

EPOCH = 1_700_000_000
DISCONNECT = b"$SYS.ACCOUNT.MESH.DISCONNECT"


class Greeter(Service, name="greeter"):
    @get("/hello")
    async def hello(self):
        reply = await self.call("namer", "/name")
        return {"hello": reply.body.decode()}


class Namer(Service, name="namer"):
    @get("/name")
    async def name_it(self):
        await self.sleep(0.01 * self.rng.random())
        return "world"


class TracedServer(MemoryServer):
    """A server that keeps a digest of all that crosses it, and tells the system's connections who went."""

    def __init__(self, seed):
        super().__init__(rng=random.Random(f"{seed}/server"))
        self.crossed, self.messages = hashlib.sha256(), 0
        self.systems = []
        self.watch(lambda name, identity: None, self._went)

    def route(self, sender, *message):
        self.messages += 1
        said = (asyncio.get_running_loop().time(), sender.name, *message)
        self.crossed.update(repr(said).encode())
        super().route(sender, *message)

    def _went(self, name, identity):
        event = msgspec.json.encode({"server": {"id": identity.server}, "client": {"id": identity.client}})
        for system in self.systems:
            if system.online:
                system.publish(DISCONNECT, event)


class Answer:
    """A client's end of one request; `text` is what it was answered."""

    def __init__(self):
        self.writable, self.text = True, asyncio.get_running_loop().create_future()

    def edge(self, delimited):
        return ""

    def write(self, data):
        self.text.set_result(data.decode())

    def answered(self):
        pass


class OpenDoor:
    """An address without a socket: `ask` is the client."""

    def __init__(self, application, host, port):
        self.application, self.address, self.connections = application, (host, port or 1), 0
        self.open = False

    async def start(self):
        self.open = True

    async def drain(self, timeout):
        self.open = False

    async def ask(self, path, headers=()):
        answer = Answer()
        request = HttpRequest("GET", "http", "greeter.test", path, "", list(headers), b"", "192.0.2.7", 80)
        self.application(request, Exchange(answer, False, True))
        return await answer.text


class World:
    """What the grounds of one mesh share."""

    def __init__(self, seed=1):
        self.seed = seed
        self.server = TracedServer(seed)
        self.stores = {}
        self.nodes = []

    def node(self, *targets, name="", runs=(), **more):
        """A node on a ground of its own; `told` is what it told people."""
        told = []
        options = NodeOptions(targets, nats="", mesh="m", name=name, **more)
        node = Node(options, FakeGround(self, len(self.nodes)), runs=runs, tell=told.append)
        node.told = told
        self.nodes.append(node)
        return node

    def control(self):
        return self.node("registry", "policy", "traces", "gateway", name="control", http=(Listen("h", 80),))

    async def apply(self, documents):
        """Apply policy documents, as a user does."""
        bus = self.server.connect("user")
        bus.inbox(b"_INBOX.user")
        subject, deadlines = Subjects("m").user("policy", "apply"), self.nodes[0].link.deadlines
        answer = msgspec.json.decode(await ask(bus, subject, documents.encode(), b"_INBOX.user", 5.0, deadlines))
        assert not answer.get("errors"), answer
        await bus.close()

    async def stop(self):
        for node in reversed(self.nodes):
            await node.stop()


class FakeGround:
    """See `Ground`."""

    where = "memory"

    def __init__(self, world, number):
        self._world = world
        self.loop = asyncio.get_running_loop()
        self.rng = random.Random(f"{world.seed}/{number}")
        self.clock = self.loop.time
        self.clock_ns = lambda: round(self.clock() * 1e9)
        self.wall_clock = lambda: EPOCH + self.clock()
        self.wall_clock_ns = lambda: EPOCH * 10**9 + self.clock_ns()
        self.doors = []

    async def link(self, node, mesh):
        connect = self._world.server.connect
        return Link(connect(f"{node} data"), connect(f"{node} control"), Subjects(mesh), node, self)

    async def system(self, link):
        bus = self._world.server.connect(f"{link.node} system")
        self._world.server.systems.append(bus)
        return bus

    async def bucket(self, link, name):
        return self._world.stores.setdefault(name, MemoryKeyValue())

    def listener(self, application, host, port):
        self.doors.append(OpenDoor(application, host, port))
        return self.doors[-1]


async def call(node, service, path):
    """A call of a client that the node's own proxy sends."""
    caller = Caller(f"client-{node.name}")
    node.proxy.wire.open(caller)
    number, traceparent = node.ground.rng.getrandbits(63), new_traceparent(node.ground.rng, sampled=True)
    return await node.proxy.send(Call(caller, number, service, "GET", path, "", service, [], b"", {}, traceparent))


async def heard(node, service, instances=1):
    """Wait until the node knows so many instances of a service."""
    async with asyncio.timeout(10.0):
        while sum(one.service == service for one in node.proxy.instances.values()) != instances:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def play(seed):
    """Play `scenario` on a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scenario(seed))


async def scenario(seed):
    """Start a mesh, ask it through a gateway and a proxy, let it live for a while, stop it.

    Returns how many messages crossed the bus, and a digest of them and of what stood in the stores."""
    world = World(seed)
    control = world.control()
    await control.start()
    shop = world.node(runs=[Greeter, Namer], replicas=2)
    await shop.start()
    await heard(control, "greeter", 2)
    await world.apply(entrance("greeter"))
    headers = [("x-request-id", "r1"), ("end-user", "jason")]
    for _ in range(5):
        assert '{"hello":"world"}' in await control.ground.doors[0].ask("/hello", headers)
        assert (await call(control, "greeter", "/hello")).status == 200
    await asyncio.sleep(10.0)
    for name, store in world.stores.items():
        world.server.crossed.update(repr((name, await store.entries())).encode())
    await world.stop()
    return f"{world.server.messages} {world.server.crossed.hexdigest()}"


if __name__ == "__main__":
    print(play(sys.argv[1]))
