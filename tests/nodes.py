"""Nodes on one in-memory bus, small enough for unit tests: a proxy, its wire, and services that it hosts."""

import asyncio
import random

from plait.actors.bus.memory import MemoryServer
from plait.actors.loop.backoff import Backoff
from plait.actors.loop.slice import at_once
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.codec import decode_reply, encode
from plait.actors.messages.envelope import VERSION, CallFrame
from plait.actors.messages.instance import Instance
from plait.actors.messages.rule import RuleSet
from plait.actors.messages.subject import Subjects
from plait.actors.proxy.call import Call, Caller
from plait.actors.proxy.inbound import Inbound
from plait.actors.proxy.proxy import Instances, Proxy
from plait.actors.proxy.wire import Wire
from plait.actors.runtime.spec import ChildSpec, Limits
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings
from plait.actors.service.service import Hosting

SUBJECTS = Subjects("m")
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


class Notes:
    """An observer that keeps what it is told: `answered` holds statuses, `failed` error types."""

    def __init__(self):
        self.answers, self.failures = [], []

    def answered(self, call, reply, seconds):
        self.answers.append(reply.status)

    def failed(self, call, error, seconds):
        self.failures.append(type(error))


class Node:
    """One node; `undecodable` holds (source, error type) of what its instances refused."""

    def __init__(self, network, name, seed=1):
        self.network = network
        self.name = name
        self.loop = asyncio.get_running_loop()
        self.rng = random.Random(seed)
        self.deadlines = Deadlines(self.loop, 0.001)
        self.surroundings = Surroundings(self.loop, self.deadlines, self.rng)
        self.bus = network.server.connect(name)
        self.wire = Wire(self.bus, SUBJECTS, self.deadlines)
        self.notes = Notes()
        self.proxy = Proxy(self.wire, self.deadlines, self.rng, self.loop.time, self.notes)
        limits = Limits(100, 10.0, Backoff(0.01, 0.01, 0.0))
        self.supervisor = Supervisor(name, self.surroundings, limits)
        self.caller = Caller(f"{name}-client")
        self.wire.open(self.caller)
        self.tracer = None
        self.undecodable = []
        self.inbounds = {}

    async def host(self, kind, name=None, announce=True):
        """Run an instance of a service class; every node knows of it."""
        name = name or f"{kind.token()}-1"
        labels = {"version": kind.version, **kind.labels}
        instance = Instance(
            name, kind.token(), kind.version, labels, "", self.name, 1, events=tuple(sorted(kind.interests))
        )
        caller = Caller(name, kind.token(), kind.namespace, labels)
        hosting = Hosting(instance, caller, self.proxy, self.tracer)

        def make():
            service = kind()
            service.hosting = hosting
            return service

        spec = ChildSpec(name, make, shutdown=1.0, concurrency=kind.concurrency, mailbox=kind.mailbox, sheds=True)
        cell = await self.supervisor.start_child(spec)
        self.wire.open(caller)
        inbound = self.inbounds[name] = Inbound(
            instance,
            cell,
            self.bus,
            self.deadlines,
            self.loop.time,
            lambda source, error: self.undecodable.append((source, type(error))),
            hosting.meter,
        )
        inbound.open(SUBJECTS)
        self.wire.attach(name, inbound.accept, inbound.stop)
        if announce:
            self.network.announce(instance)
        return cell

    def call(self, service, path="/", method="GET", headers=(), body=b"", timeout=None, **more):
        """A call ready to be sent."""
        call = Call(
            more.pop("caller", self.caller),
            self.rng.getrandbits(63),
            service,
            method,
            path,
            "",
            service,
            list(headers),
            body,
            more.pop("baggage", {}),
            TRACEPARENT,
        )
        if timeout is not None:
            call.limit = self.loop.time() + timeout
        for field, value in more.items():
            setattr(call, field, value)
        return call

    async def send(self, service, path="/", **more):
        return await self.proxy.send(self.call(service, path, **more))

    def rules(self, *rules, revision=1):
        """Put rules in force."""
        kinds = {RuleSet: "routes"}
        entries = {f"{kinds.get(type(rule), 'destination')}/{rule.name}": encode(rule) for rule in rules}
        self.proxy.activate(revision, at_once(self.proxy.prepare(revision, entries)))


class Network:
    """A bus, its nodes, and what stands for the registry."""

    def __init__(self):
        self.server = MemoryServer()
        self.nodes = []
        self.known = {}

    def node(self, name="node-1", **more):
        self.nodes.append(Node(self, name, **more))
        self.nodes[-1].proxy.receive(Instances(self.known, whole=True))
        return self.nodes[-1]

    def announce(self, *instances):
        changes = {f"{one.service}/{one.id}": encode(one) for one in instances}
        self.known |= changes
        for node in self.nodes:
            node.proxy.receive(Instances(changes, whole=False))

    def remove(self, service, instance):
        self.known.pop(f"{service}/{instance}", None)
        for node in self.nodes:
            node.proxy.receive(Instances({f"{service}/{instance}": None}, whole=False))

    async def close(self):
        for node in self.nodes:
            await node.supervisor.stop()
            node.deadlines.close()
            await node.bus.close()


class Asker:
    """Speaks to an instance in bytes, as any connection could; `replies` holds what was published anywhere."""

    def __init__(self, network, name="asker"):
        self.node = network.node(name)
        self.name = name
        self.count = 0
        self.replies = {}
        self.node.bus.subscribe(b">", self._note)

    def _note(self, subject, reply, payload, headers):
        if not subject.startswith(b"plait.m.call.") and not subject.startswith(b"plait.m.cancel."):
            self.replies.setdefault(subject, []).append(payload)

    def ask(self, path="/", timeout=None, payload=None, reply=None, caller=None):
        """Send one call; returns its reply subject."""
        self.count += 1
        caller = caller or self.name
        if reply is None:
            reply = SUBJECTS.reply_prefix("echo", caller, "TOKEN") + b"%d" % self.count
        if payload is None:
            payload = encode(CallFrame(VERSION, 1, 1, "GET", "echo", path, "", [], b"", timeout, "0" * 55))
        self.node.bus.publish(SUBJECTS.call("echo", "get", "echo-1", caller), payload, reply)
        return reply

    def got(self, reply):
        (payload,) = self.replies[reply]
        return decode_reply(payload)
