"""A cell with an actor that says what it did, and the wheel that its deadlines stand in."""

import asyncio
import logging
import random

import pytest

from plait.actors.bus.memory import MemoryServer
from plait.actors.loop.timer import Deadlines
from plait.actors.runtime.actor import Actor
from plait.actors.runtime.cell import Cell
from plait.actors.runtime.spec import ChildSpec
from plait.actors.runtime.surroundings import Surroundings
from tests.actors.runtime.post_world import Node


@pytest.fixture(autouse=True)
def quiet():
    """Failures are logged with their traces; these are wanted."""
    logging.getLogger("plait.supervisor").setLevel(logging.CRITICAL + 1)
    yield
    logging.getLogger("plait.supervisor").setLevel(logging.NOTSET)


class Worker(Actor):
    """Says what it did and when; `async` messages take their number of seconds, `bad` ones raise."""

    def __init__(self, log):
        self.log = log
        self.busy = self.most = 0

    async def pre_start(self):
        self.log.append("start")

    async def post_stop(self):
        self.log.append("stop")

    def receive(self, message):
        if message == "bad":
            raise ValueError("bad message")
        if isinstance(message, str):
            self.log.append(message)
            return message.upper()
        return self.take_time(message)

    async def take_time(self, seconds):
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            if seconds < 0:
                await asyncio.sleep(0)
                raise ValueError("bad number")
            await asyncio.sleep(seconds)
            self.log.append(seconds)
            return seconds
        except asyncio.CancelledError:
            self.log.append(f"{seconds} cancelled")
            raise
        finally:
            self.busy -= 1


class Parent:
    path = ""

    def __init__(self):
        self.ends = []

    def child_ended(self, child, reason):
        self.ends.append(reason)


@pytest.fixture
async def deadlines():
    wheel = Deadlines(asyncio.get_running_loop())
    yield wheel
    wheel.close()


@pytest.fixture
def worker():
    return Worker


@pytest.fixture
async def start(deadlines):
    """Starts a cell of a Worker or another kind; `start.log` and `start.parent` say what happened."""
    surroundings = Surroundings(asyncio.get_running_loop(), deadlines, random.Random(1))

    async def begin(kind=Worker, **spec):
        cell = Cell(ChildSpec("worker", lambda: kind(begin.log), **spec), surroundings, begin.parent)
        begin.cells.append(cell)
        await cell.start()
        return cell

    begin.log, begin.parent, begin.cells = [], Parent(), []
    yield begin
    for cell in begin.cells:
        await cell.stop()


@pytest.fixture
async def server():
    return MemoryServer()


@pytest.fixture
async def nodes(server):
    nodes = [Node(server, "one"), Node(server, "two")]
    yield nodes
    for node in nodes:
        await node.leave()


@pytest.fixture(params=["local", "remote"])
async def pair(nodes, request):
    """A worker and a reference to it, in the same node or from the other one."""
    cell = await nodes[0].start("w", mailbox=2)
    return cell, nodes[0 if request.param == "local" else 1].ref("one/w")
