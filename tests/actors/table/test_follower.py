"""A replica on the bus keeps itself up through loss, restarts and owners that do not answer."""

import asyncio
import random

import pytest

from plait.actors.bus.ask import Asker
from plait.actors.bus.bus import BusState
from plait.actors.bus.memory import MemoryServer
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.codec import encode
from plait.actors.messages.error import DeadlineExceeded, Undecodable
from plait.actors.messages.subject import Subjects
from plait.actors.messages.table import Delta
from plait.actors.table.follower import Follower
from plait.actors.table.replica import Table
from plait.actors.table.snapshot import SnapshotSource, cut, fetch

pytestmark = pytest.mark.anyio
SUBJECTS = Subjects()


class Owner:
    """A table whose pushes can be lost."""

    def __init__(self, bus, limit=512 * 1024):
        self.bus, self.revision, self.entries, self.epoch = bus, 0, {}, 0
        self.source = SnapshotSource(lambda: Table(self.revision, self.entries, self.epoch), limit)
        self.subscription = None

    def serve(self):
        self.subscription = self.source.serve(self.bus, SUBJECTS, "reg", "registry")

    def change(self, key, value, lost=False):
        delta = Delta(self.revision, self.revision + 1, ((key, value),), self.epoch)
        self.entries = {k: v for k, v in {**self.entries, key: value}.items() if v is not None}
        self.revision += 1
        if not lost:
            self.bus.publish(SUBJECTS.push("reg", "svc"), encode(delta))


@pytest.fixture
async def world():
    class World:
        server = MemoryServer()
        deadlines = Deadlines(asyncio.get_running_loop())

        def asker(self, name):
            return Asker(self.server.connect(name), SUBJECTS, name, self.deadlines)

        def follower(self, name="n1", timeout=0.2):
            follower = Follower(
                self.asker(name), "reg", "registry", lambda *change: self.told.append(change), random.Random(1), timeout
            )
            followers.append(follower)
            follower.start()
            return follower

    followers = []
    world = World()
    world.told = []
    world.owner = Owner(world.server.connect("owner"))
    yield world
    for follower in followers:
        await follower.stop()
    world.deadlines.close()


async def test_it_starts_from_a_snapshot_and_follows_the_changes(world, until):
    world.owner.serve()
    world.owner.change("svc.a", b"1")
    await world.owner.bus.flush()
    follower = world.follower()
    await follower.ready(2)
    world.owner.change("svc.b", b"2")
    world.owner.change("svc.a", None)
    await until(lambda: follower.revision == 3)
    assert follower.replica.entries == {"svc.b": b"2"}
    assert world.told == [({"svc.a": b"1"}, True), ({"svc.b": b"2"}, False), ({"svc.a": None}, False)]
    assert not follower.stale


async def test_a_lost_change_is_noticed_by_the_next_one_and_fetched(world, until):
    world.owner.serve()
    follower = world.follower()
    await follower.ready(2)
    world.owner.change("svc.a", b"1", lost=True)
    world.owner.change("svc.b", b"2")
    await until(lambda: follower.revision == 2)
    assert follower.replica.entries == {"svc.a": b"1", "svc.b": b"2"}
    assert (follower.gaps, follower.snapshots) == (1, 1)


async def test_a_change_that_nobody_told_of_is_found_by_looking(world, until):
    world.owner.serve()
    Follower.CHECK, before = 0.05, Follower.CHECK
    try:
        follower = world.follower()
        await follower.ready(2)
        world.owner.change("svc.a", b"1", lost=True)
        await until(lambda: follower.revision == 1)
    finally:
        Follower.CHECK = before


async def test_without_an_owner_it_keeps_what_it_has_and_says_that_it_is_stale(world, until):
    world.owner.serve()
    world.owner.change("svc.a", b"1")
    follower = world.follower()
    await follower.ready(2)
    world.owner.subscription.unsubscribe()
    world.owner.change("svc.b", b"2", lost=True)
    world.server.disconnect(follower._asker.bus)
    assert follower.stale
    world.server.reconnect(follower._asker.bus)
    await asyncio.sleep(0.1)
    assert follower.stale
    assert follower.replica.entries == {"svc.a": b"1"}
    world.owner.serve()
    await until(lambda: not follower.stale)
    assert follower.replica.entries == {"svc.a": b"1", "svc.b": b"2"}


async def test_ready_says_when_nobody_answers(world):
    with pytest.raises(DeadlineExceeded):
        await world.follower().ready(0.05)


async def test_bytes_that_are_no_change_are_counted(world, until):
    world.owner.serve()
    follower = world.follower()
    await follower.ready(2)
    rng = random.Random(7)
    for _ in range(200):
        world.owner.bus.publish(SUBJECTS.push("reg", "svc"), rng.randbytes(rng.randrange(20)))
    world.owner.change("svc.a", b"1")
    await until(lambda: follower.revision == 1)
    assert follower.undecodable > 190


async def test_a_large_table_comes_in_chunks_and_begins_again_when_it_moves(world):
    world.owner.source._limit = 1000
    world.owner.serve()
    for n in range(100):
        world.owner.change(f"svc.i{n:03}", bytes(50))
    asker = world.asker("n1")
    answer, asked = world.owner.source.answer, []

    def moving(payload):
        asked.append(payload)
        if len(asked) == 3:
            world.owner.change("svc.late", b"late")
        return answer(payload)

    world.owner.source.answer = moving
    revision, entries, _ = await fetch(asker, "reg", "registry")
    assert (revision, entries) == (101, world.owner.entries)
    assert len(asked) > len(cut(sorted(entries.items()), 1000)) > 5
    assert await fetch(asker, "reg", "registry", known=101) is None


async def test_snapshots_go_to_nobody_but_the_asker(world, until):
    world.owner.serve()
    heard = []
    spy = world.server.connect("spy")
    spy.subscribe(b">", lambda subject, *_: heard.append(subject))
    request = SUBJECTS.snapshot("reg", "n1")
    for reply in (
        SUBJECTS.user("policy", "apply"),
        SUBJECTS.node_reply_prefix("registry", "n2", "conn") + b"1",
        SUBJECTS.node_reply_prefix("policy", "n1", "conn") + b"1",
    ):
        spy.publish(request, b"\x92\x00\x00", reply)
    good = SUBJECTS.node_reply_prefix("registry", "n1", "conn") + b"1"
    spy.publish(request, b"\x92\x00\x00", good)
    await until(lambda: good in heard)
    assert heard == [request] * 4 + [good]


def test_chunks_are_small_and_whole():
    entries = [(f"k{n}", bytes(n)) for n in range(300)]
    chunks = cut(entries, 2000)
    assert [entry for chunk in chunks for entry in chunk] == entries
    assert all(sum(len(k) + len(v) + 16 for k, v in chunk) <= 2000 for chunk in chunks)
    assert cut([], 2000) == [()]
    assert len(cut([("large", bytes(5000)), ("small", b"")], 2000)) == 2


def test_random_bytes_are_no_request():
    source = SnapshotSource(lambda: Table(1, {}))
    rng = random.Random(3)
    refused = 0
    for _ in range(500):
        try:
            source.answer(rng.randbytes(rng.randrange(12)))
        except Undecodable:
            refused += 1
    assert refused > 450


async def test_a_reader_that_fails_over_a_snapshot_does_not_make_it_deaf(world, until):
    world.owner.serve()
    world.owner.change("svc.a", b"1", lost=True)
    follower = world.follower()
    told = []

    def fails(*change):
        told.append(change)
        raise ValueError("a reader's fault")

    follower._changed = fails
    await follower.ready(2)
    world.owner.change("svc.b", b"2", lost=True)
    follower._bus_changed(BusState.CONNECTED)
    await until(lambda: follower.revision == 2 and not follower.stale)
    assert len(told) == 2
