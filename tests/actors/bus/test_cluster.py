"""A cluster of real servers under both transports: its members are learnt, one that dies or leaves is left."""

import asyncio
import itertools
import random

import pytest

from plait.actors.bus import lean, natspy
from plait.actors.bus.bus import BusState
from plait.actors.messages.error import Disconnected, MeshError, NoResponders
from tests.cluster import Cluster

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["lean-asyncio", "lean-uvloop", "natspy"])
def kind(request):
    return request.param


@pytest.fixture
def anyio_backend(kind):
    return ("asyncio", {"use_uvloop": kind == "lean-uvloop"})


@pytest.fixture
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    for one in cluster.members:
        one.start()
    yield cluster
    cluster.stop()


@pytest.fixture
async def connect(kind):
    """Connects, by the transport of the test or another one, and closes in the end."""
    buses = []

    async def made(url, by=kind):
        module = natspy if by == "natspy" else lean
        buses.append(await module.connect(url, "test", rng=random.Random(1)))
        return buses[-1]

    yield made
    for bus in buses:
        await bus.close()


class Steady:
    """Asks `subject` every 2 ms; each answer is the question."""

    def __init__(self, bus):
        self.bus = bus
        self.count = itertools.count()
        self.answers = {}
        bus.inbox(b"inbox." + bus.token.encode() + b".*")
        self.task = asyncio.get_running_loop().create_task(self.run())

    async def run(self):
        while True:
            number = next(self.count)
            reply = b"inbox.%b.%d" % (self.bus.token.encode(), number)
            try:
                self.bus.request(
                    b"echo", b"%d" % number, reply, lambda answer, number=number: self.answers.update({number: answer})
                )
            except MeshError as error:
                self.answers[number] = error
            await asyncio.sleep(0.002)

    async def end(self):
        self.task.cancel()
        await asyncio.sleep(0.2)
        asked = next(self.count)
        return [self.answers.get(number) for number in range(asked - 1)]


async def linked(*members):
    """Wait until the servers know of each other: a message goes from each to each."""
    buses = [await lean.connect(one.url, "probe") for one in members]
    try:
        heard = set()
        for to, bus in enumerate(buses):
            bus.subscribe(b"probe.%d.*" % to, lambda subject, *_: heard.add(subject))
        async with asyncio.timeout(5):
            while len(heard) < len(buses) ** 2:
                for (of, bus), to in itertools.product(enumerate(buses), range(len(buses))):
                    bus.publish(b"probe.%d.%d" % (to, of), b"")
                await asyncio.sleep(0.01)
    finally:
        for bus in buses:
            await bus.close()


async def reached(bus):
    """Wait until the server of `bus` knows that somebody listens on `echo`."""
    bus.inbox(b"known")
    answers = [NoResponders()]
    async with asyncio.timeout(5):
        while isinstance(answers[-1], NoResponders):
            count = len(answers)
            bus.request(b"echo", b"", b"known", answers.append)
            while len(answers) == count:  # noqa: ASYNC110
                await asyncio.sleep(0.001)


async def test_another_member_is_found_when_ours_dies_though_only_ours_was_named(connect, cluster, until):
    await linked(*cluster.members)
    bus = await connect(cluster.members[0].url)
    got = []
    bus.subscribe(b"x", lambda *message: got.append(message))
    first = bus.identity
    assert bus.cluster == "C"
    cluster.members[0].kill()
    await until(lambda: bus.state is BusState.CONNECTED and bus.identity != first)
    bus.publish(b"x", b"")
    await until(lambda: got)


async def test_the_first_member_that_answers_is_taken_and_a_dead_one_does_not_hinder(connect, cluster):
    cluster.members[0].kill()
    cluster.members[1].kill()
    for _ in range(4):
        await (await connect(cluster.url)).flush()


async def test_a_leaving_member_is_left_and_whoever_called_or_was_called_there_lost_no_call(
    connect, cluster, until, kind, monkeypatch
):
    monkeypatch.setattr("plait.actors.bus.lean_move.LINGER", 0.5)
    leaving = cluster.members[0]
    await linked(*cluster.members)
    callee, there = await connect(leaving.url), await connect(leaving.url)
    elsewhere = await connect(cluster.members[1].url, by="lean")
    handled = []

    def echo(subject, reply, payload, headers):
        handled.append((reply, payload))
        callee.publish(reply, payload)

    callee.subscribe(b"echo", echo)
    await callee.flush()
    before = callee.identity, there.identity
    await reached(elsewhere)
    calls = [Steady(there), Steady(elsewhere)]
    await asyncio.sleep(0.1)
    leaving.leave()
    await until(lambda: callee.identity != before[0] and there.identity != before[1])
    await asyncio.sleep(0.1)
    answers = [await one.end() for one in calls]
    assert all(len(one) > 100 for one in answers)
    assert len(handled) == len(set(handled))  # none was worked on twice
    lost = [answer for one in answers for number, answer in enumerate(one) if answer != b"%d" % number]
    if kind == "natspy":  # it has one connection at a time: what falls between is told, and not worked on or answered
        assert all(isinstance(one, MeshError | None) for one in lost)
        return
    assert lost == []
    for one in (b"inbox." + bus.token.encode() for bus in (there, elsewhere)):
        numbers = [int(payload) for reply, payload in handled if reply.startswith(one)]
        assert numbers == sorted(numbers)
    await until(lambda: leaving.clients() == 0)


@pytest.mark.parametrize("kind", ["lean-asyncio", "lean-uvloop"], indirect=True)
@pytest.mark.parametrize("after", [0.05, 0.2])
async def test_a_member_that_dies_while_it_is_left_is_left_at_once(connect, cluster, until, monkeypatch, after):
    monkeypatch.setattr("plait.actors.bus.lean_move.SPREAD", 0.0)
    await linked(*cluster.members)
    bus, elsewhere = await connect(cluster.members[0].url), await connect(cluster.members[1].url)
    handled, failed = [], []
    bus.subscribe(b"echo", lambda subject, reply, payload, headers: handled.append((reply, payload)))
    bus.inbox(b"held.*")
    await bus.flush()
    await reached_by(elsewhere, handled)
    calls, first = Steady(elsewhere), bus.identity
    bus.request(b"echo", b"", b"held.1", failed.append)  # nobody answers it
    cluster.members[0].leave()
    await asyncio.sleep(after)
    cluster.members[0].kill()
    await until(lambda: bus.state is BusState.CONNECTED and bus.identity != first)
    assert isinstance(failed[0], Disconnected)
    count = len(handled)
    await until(lambda: len(handled) > count + 20)
    await calls.end()
    assert len(handled) == len(set(handled))


@pytest.mark.parametrize("kind", ["lean-asyncio", "lean-uvloop"], indirect=True)
@pytest.mark.parametrize("how", ["close", "drain"])
async def test_who_ends_while_it_moves_leaves_no_connection_and_no_task(connect, cluster, monkeypatch, how):
    monkeypatch.setattr("plait.actors.bus.lean_move.SPREAD", 0.0)
    await linked(*cluster.members)
    tasks = asyncio.all_tasks()
    bus = await connect(cluster.members[0].url)
    bus.subscribe(b"x", lambda *_: None)
    cluster.members[0].leave()
    await asyncio.sleep(0.15)
    await getattr(bus, how)()
    async with asyncio.timeout(5):
        while sum(one.clients() for one in cluster.members) or asyncio.all_tasks() - tasks:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def reached_by(bus, handled):
    """Wait until what `bus` says arrives."""
    async with asyncio.timeout(5):
        while not handled:
            bus.publish(b"echo", b"reached")
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    handled.clear()
