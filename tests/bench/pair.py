"""Pairs of an asker and a responder over NATS: bare nats-py, the lean protocol, plait's actors and FastStream.

All say the same: a small struct with a number, answered by a number. The lean protocol has two askers: by callbacks
alone, which is the least that an ask can cost, and with a future that is awaited.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count as numbers
from typing import Any

import nats

from plait.actors import Actor, ChildSpec, Message
from plait.actors.bus import lean
from plait.actors.bus.bus import Bus
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.codec import encode
from plait.actors.messages.error import MeshError
from plait.actors.messages.subject import Subjects
from plait.actors.runtime.post import Post
from plait.actors.runtime.ref import Ref
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings

SUBJECTS = Subjects("bench")
LEAN = SUBJECTS.actor("lean", "asker")
"""As long as what plait's post sends to: what the protocol costs is compared, not the names."""
NATS_PY, FASTSTREAM = "bench.natspy", "bench.faststream"
PATIENCE = 5.0
"""Seconds that one ask may take."""


class Add(Message):
    n: int


class Callee(Actor):
    def receive(self, message: Add) -> int:
        return 1


QUESTION, ANSWER = encode(Add(1)), encode(1)
"""What those send who know no structs: the bytes that plait puts into its frames."""

Drive = Callable[[int, int, float], Awaitable[int]]
"""Keeps so many asks under way, until there were so many or that moment came; returns how many were answered."""

failed: Counter[str] = Counter()
"""Asks of plait without an answer, by the error's name."""


class Node:
    """As much of a node as an ask needs: a connection, actors, and the post between them."""

    def __init__(self, bus: Bus, name: str) -> None:
        loop = asyncio.get_running_loop()
        self.around = Surroundings(loop, Deadlines(loop), random.Random(name), time.monotonic, name)
        self.supervisor = Supervisor(name, self.around)
        self.post = Post(bus, SUBJECTS, self.around)
        self.post.open()


# Responders: each returns what must be kept


async def serve_nats_py(url: str) -> object:
    client = await nats.connect(url)

    async def answer(message: Any) -> None:
        await message.respond(ANSWER)

    await client.subscribe(NATS_PY, cb=answer)
    await client.flush()
    return client


async def serve_lean(url: str) -> object:
    bus = await lean.connect(url, "callee")
    bus.subscribe(SUBJECTS.actors_of("lean"), lambda subject, reply, payload, headers: bus.publish(reply, ANSWER))
    await bus.flush()
    return bus


async def serve_plait(url: str) -> object:
    node = Node(await lean.connect(url, "callee"), "callee")
    await node.supervisor.start()
    node.supervisor.spawn(ChildSpec("add", Callee))
    await node.post.bus.flush()
    return node


async def serve_faststream(url: str) -> object:
    from faststream.nats import NatsBroker
    from pydantic import BaseModel

    class Body(BaseModel):
        n: int

    broker = NatsBroker(url, logger=None)  # it would log every message

    @broker.subscriber(FASTSTREAM)
    async def answer(message: Body) -> int:
        return 1

    await broker.start()
    return broker


# Askers


def by_tasks(ask: Callable[[], Awaitable[object]]) -> Drive:
    """As many tasks as asks are to be under way; each awaits one answer after the other."""

    async def drive(in_flight: int, count: int, until: float) -> int:
        left, answered = count, 0

        async def one() -> None:
            nonlocal left, answered
            while left > 0 and time.perf_counter() < until:
                left -= 1
                try:
                    await ask()
                    answered += 1
                except MeshError as error:  # a machine that stood still refuses asks: see actors/bus/stall.py
                    failed[type(error).__name__] += 1

        await asyncio.gather(*(one() for _ in range(in_flight)))
        return answered

    return drive


def by_callbacks(bus: Bus, prefix: bytes) -> Drive:
    """No task and no future: an answer sends the next question."""
    number = numbers()

    async def drive(in_flight: int, count: int, until: float) -> int:
        finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left, running = count, 0

        def done(result: bytes | MeshError) -> None:
            nonlocal running
            running -= 1
            if isinstance(result, MeshError):
                finished.set_exception(result)
            elif left > 0 and time.perf_counter() < until:
                send()
            elif not running:
                finished.set_result(None)

        def send() -> None:
            nonlocal left, running
            left, running = left - 1, running + 1
            bus.request(LEAN, QUESTION, prefix + b"%d" % next(number), done)

        for _ in range(in_flight):
            send()
        await finished
        return count - left

    return drive


async def ask_nats_py(url: str, stack: contextlib.AsyncExitStack) -> Drive:
    client = await nats.connect(url)
    stack.push_async_callback(client.close)
    return by_tasks(lambda: client.request(NATS_PY, QUESTION, timeout=PATIENCE))


async def ask_lean(url: str, stack: contextlib.AsyncExitStack) -> Drive:
    bus, prefix = await lean_asker(url, stack)
    return by_callbacks(bus, prefix)


async def ask_lean_awaited(url: str, stack: contextlib.AsyncExitStack) -> Drive:
    bus, prefix = await lean_asker(url, stack)
    loop, number = asyncio.get_running_loop(), numbers()

    def ask() -> Awaitable[object]:
        answer: asyncio.Future[object] = loop.create_future()
        bus.request(LEAN, QUESTION, prefix + b"%d" % next(number), answer.set_result)
        return answer

    return by_tasks(ask)


async def lean_asker(url: str, stack: contextlib.AsyncExitStack) -> tuple[Bus, bytes]:
    """A connection that hears answers, and how their subjects begin."""
    bus = await lean.connect(url, "asker")
    stack.push_async_callback(bus.close)
    bus.inbox(SUBJECTS.node_replies("asker", bus.token))
    await bus.flush()
    return bus, SUBJECTS.node_reply_prefix("lean", "asker", bus.token)


async def ask_plait(url: str, stack: contextlib.AsyncExitStack) -> Drive:
    node = Node(await lean.connect(url, "asker"), "asker")
    stack.push_async_callback(node.post.bus.close)
    await node.post.bus.flush()
    ref, add = Ref.to("callee/add", node.around), Add(1)
    return by_tasks(lambda: ref.ask(add, PATIENCE))


async def ask_faststream(url: str, stack: contextlib.AsyncExitStack) -> Drive:
    from faststream.nats import NatsBroker

    broker = await stack.enter_async_context(NatsBroker(url, logger=None))

    async def ask() -> object:
        return await (await broker.request({"n": 1}, FASTSTREAM, timeout=PATIENCE)).decode()

    return by_tasks(ask)


SERVE = {"nats-py": serve_nats_py, "lean": serve_lean, "plait": serve_plait, "faststream": serve_faststream}
ASK = {
    "nats-py": (ask_nats_py, "nats-py"),
    "lean, callbacks": (ask_lean, "lean"),
    "lean, awaited": (ask_lean_awaited, "lean"),
    "plait": (ask_plait, "plait"),
    "faststream": (ask_faststream, "faststream"),
}
"""How each kind asks, and which responder."""
