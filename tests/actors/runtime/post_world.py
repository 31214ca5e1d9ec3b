"""Two nodes on an in-memory bus, and actors to be told, asked and watched from the other one."""

import asyncio
import random
from typing import Any

import msgspec

from plait.actors.loop.backoff import Backoff
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.actor import Message
from plait.actors.messages.subject import Subjects
from plait.actors.runtime.actor import Actor
from plait.actors.runtime.post import Post
from plait.actors.runtime.ref import Ref
from plait.actors.runtime.spec import ChildSpec, Limits
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings
from plait.actors.runtime.watch import Terminated

SUBJECTS = Subjects("m")


class Basket(msgspec.Struct, tag=True):
    items: list[str]


class Wait(Message):
    seconds: float


class Bad(Message):
    text: str


Who = msgspec.defstruct("Who", [("ref", Ref)], bases=(Message,), tag="Who", frozen=True)


class Ask(Message):
    way: tuple[str, ...]


class Worker(Actor):
    def __init__(self):
        self.log = []

    async def receive(self, message: Basket | Wait | Bad | Who | Ask | int) -> Any:
        match message:
            case Bad(text):
                raise ValueError(text)
            case Wait(seconds):
                try:
                    await asyncio.sleep(seconds)
                except asyncio.CancelledError:
                    self.log.append("cancelled")
                    raise
            case Who(ref):
                return await ref.ask(1, 5)
            case Ask(way):
                return await self.find(way[0]).ask(Ask(way[1:]) if way[1:] else 7, 5)
            case _:
                pass
        self.log.append(message)
        return message


class Watcher(Actor):
    def __init__(self):
        self.gone = []

    def receive(self, message: Any) -> Any:
        if isinstance(message, Terminated):
            self.gone.append((message.ref.address, message.reason))
        else:
            self.watch(message)


class Node:
    def __init__(self, server, name):
        loop = asyncio.get_running_loop()
        self.deadlines = Deadlines(loop)
        self.around = Surroundings(loop, self.deadlines, random.Random(name), node=name)
        self.supervisor = Supervisor(name, self.around, Limits(100, 10.0, Backoff(0.1, 0.1, 0.0)))
        self.bus = server.connect(name)
        self.post = Post(self.bus, SUBJECTS, self.around)
        self.post.open()

    async def start(self, name, kind=Worker, **more):
        await self.supervisor.start()
        return await self.supervisor.start_child(ChildSpec(name, kind, **more))

    def ref(self, address):
        return Ref.to(address, self.around)

    async def leave(self):
        await self.supervisor.stop()
        self.post.close()
        await self.bus.close()
        self.deadlines.close()
