"""A policy engine with nodes that follow it and a user who asks, on one in-memory bus."""

import asyncio
import random

import msgspec

from plait.actors.bus.ask import Asker, ask
from plait.actors.bus.memory import MemoryServer
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.codec import Codec
from plait.actors.messages.error import Undecodable
from plait.actors.messages.subject import Subjects
from plait.actors.messages.table import Acknowledge, Push
from plait.actors.policy.engine import PolicyEngine
from plait.actors.proxy.revision import PolicyFollower
from plait.actors.runtime.spec import ChildSpec
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings
from plait.actors.table.memory_store import MemoryKeyValue

SUBJECTS = Subjects()
PUSH = Codec[Push](Push)
_acknowledge = Codec[Acknowledge](Acknowledge)


def service(name, to="", weight=0):
    share = f", weight: {weight}" if weight else ""
    return (
        f"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\nspec:\n"
        f"  hosts: [{name}]\n  http:\n  - route:\n    - destination: {{host: {to or name}}}{share}\n"
    )


BAD = service("broken").replace("route:", "rute:")


def by_name(revision, entries):
    """What a node makes of a revision where only its rules' names matter."""
    yield
    return revision, sorted(entries)


class World:
    """A policy engine or two, nodes that follow, and a user."""

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.subjects = SUBJECTS
        self.server = MemoryServer()
        self.store = MemoryKeyValue()
        self.surroundings = Surroundings(loop, Deadlines(loop), random.Random(1))
        self.supervisor = Supervisor("mesh", self.surroundings)
        self.bus = self.server.connect("user")
        self.alive = set()
        self.followers = {}
        self.engines = {}
        self.seen = []
        self._questions = 0
        self.bus.subscribe(SUBJECTS.pushes("pol"), self._saw)
        self.bus.subscribe(SUBJECTS.acknowledgements(), self._heard)

    def _saw(self, subject, reply, payload, headers):
        try:
            push = PUSH.decode(payload)
        except Undecodable:
            return
        self.seen.append((type(push).__name__, push.revision))

    def _heard(self, subject, reply, payload, headers):
        try:
            said = _acknowledge.decode(payload)
        except Undecodable:
            return
        self.seen.append((said.state, said.revision))

    async def start(self, name="policy", limit=0.3):
        def make():
            bus = self.server.connect(name)
            nodes = lambda: self.alive  # noqa: E731
            self.engines[name] = PolicyEngine(
                SUBJECTS, bus, self.store, nodes, limit=limit, wall_clock=lambda: 1_700_000_000.0
            )
            return self.engines[name]

        await self.supervisor.start_child(ChildSpec(name, make))
        return self.engines[name]

    async def node(self, name="n1", prepare=by_name):
        asker = Asker(self.server.connect(name), SUBJECTS, name, self.surroundings.deadlines)
        active = []
        follower = PolicyFollower(asker, name, prepare, lambda *what: active.append(what), random.Random(2), 0.2)
        follower.active = active
        self.followers[name] = follower
        follower.start()
        await follower.ready(2.0)
        self.alive.add(name)
        return follower

    async def ask(self, what, payload=b"", headers=b"", timeout=10.0):
        if not isinstance(payload, bytes):
            payload = payload.encode() if isinstance(payload, str) else msgspec.json.encode(payload)
        self._questions += 1
        reply = b"_INBOX.%d" % self._questions
        inbox = self.bus.inbox(reply)
        subject = self.subjects.user("policy", *what.split("."))
        try:
            answer = await ask(self.bus, subject, payload, reply, timeout, self.surroundings.deadlines, headers)
            return msgspec.json.decode(answer)
        finally:
            inbox.unsubscribe()

    async def apply(self, text, **headers):
        block = "".join(f"plait-{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        return await self.ask("apply", text, f"NATS/1.0\r\n{block}\r\n".encode() if headers else b"")

    async def names(self):
        return [one["metadata"]["name"] for one in (await self.ask("get"))["items"]]

    async def upload(self, text, size, **headers):
        """Apply a bundle in parts of `size` bytes, as the command line does; returns the answers."""
        payload = text.encode()
        parts = [payload[start : start + size] for start in range(0, len(payload), size)]
        block = "".join(f"plait-{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        first = f"NATS/1.0\r\nplait-parts: {len(parts)}\r\n{block}\r\n".encode()
        answers = [await self.ask("apply", parts[0], first)]
        for place, part in enumerate(parts[1:], 1):
            where = answers[0]["upload"].removeprefix("policy.")
            answers.append(await self.ask(where, part, f"NATS/1.0\r\nplait-part: {place}\r\n\r\n".encode()))
        return answers
