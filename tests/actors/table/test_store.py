"""The durable store: one suite for the bucket on a real server and for its twin in memory."""

import asyncio
import random

import pytest

from plait.actors.bus import lean, natspy
from plait.actors.bus.ask import Asker
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.error import Conflict, UnknownOutcome
from plait.actors.messages.subject import Subjects
from plait.actors.table.jetstream import JetStreamKeyValue, open_bucket
from plait.actors.table.memory_store import MemoryKeyValue
from plait.actors.table.store import remove, write

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "lean", "natspy"])
async def store(request, tmp_path):
    if request.param == "memory":
        yield MemoryKeyValue()
        return
    server = request.getfixturevalue("nats_server")
    bus = await (lean if request.param == "lean" else natspy).connect(server.url, "store")
    deadlines = Deadlines(asyncio.get_running_loop())
    asker = Asker(bus, Subjects(), "store", deadlines)
    yield await open_bucket(asker, f"test-{random.getrandbits(64):x}")
    await bus.close()
    deadlines.close()


async def test_what_was_written_is_read_with_its_revision(store):
    first = await store.create("a.b", b"1")
    second = await store.update("a.b", b"2", first)
    assert second == first + 1
    assert await store.get("a.b") == (b"2", second)
    assert await store.get("a.c") is None


async def test_a_key_is_created_once(store):
    await store.create("k", b"1")
    with pytest.raises(Conflict):
        await store.create("k", b"2")
    assert (await store.get("k")).value == b"1"


async def test_an_update_of_what_somebody_else_changed_is_refused(store):
    first = await store.create("k", b"1")
    await store.update("k", b"2", first)
    with pytest.raises(Conflict):
        await store.update("k", b"3", first)
    with pytest.raises(Conflict):
        await store.delete("k", first)
    assert (await store.get("k")).value == b"2"


async def test_a_deleted_key_is_gone_and_can_be_created_again(store):
    first = await store.create("k", b"1")
    second = await store.delete("k", first)
    assert second == first + 1
    assert await store.get("k") is None
    third = await store.create("k", b"2")
    assert third == second + 1
    with pytest.raises(Conflict):
        await store.create("k", b"3")


async def test_entries_are_all_that_is_there_at_the_stores_revision(store):
    for n in range(150):
        last = await store.create(f"svc.i{n:03}", str(n).encode())
    gone = await store.get("svc.i007")
    last = await store.delete("svc.i007", gone.revision)
    entries, revision = await store.entries()
    assert revision == last == await store.revision()
    assert [entry.key for entry in entries] == [f"svc.i{n:03}" for n in range(150) if n != 7]
    assert entries[9].value == b"10"


async def test_an_empty_store_has_no_entries(store):
    assert await store.entries() == ([], 0)


async def test_of_many_writers_of_one_revision_one_wins(store):
    first = await store.create("k", b"0")
    outcomes = await asyncio.gather(
        *(store.update("k", str(n).encode(), first) for n in range(20)), return_exceptions=True
    )
    won = [n for n, outcome in enumerate(outcomes) if outcome == first + 1]
    assert len(won) == 1
    assert (await store.get("k")).value == str(won[0]).encode()
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 19


async def test_a_write_whose_answer_is_lost_is_found_to_have_taken_place():
    store = MemoryKeyValue()
    store.lose = 1
    revision = await write(store, "k", b"1", 0)
    assert (await store.get("k"), store.writes) == ((b"1", revision), 1)
    store.lose = 1
    assert await remove(store, "k", revision) == 0
    assert await store.get("k") is None


async def test_a_write_that_did_not_arrive_is_sent_again():
    store = MemoryKeyValue()
    store.fail = 1
    revision = await write(store, "k", b"1", 0)
    store.fail = 1
    assert await remove(store, "k", revision) == revision + 1


async def test_a_write_that_never_gets_an_answer_stays_unknown():
    store = MemoryKeyValue()
    store.fail = 100
    with pytest.raises(UnknownOutcome):
        await write(store, "k", b"1", 0)
    assert store.writes == 0


async def test_a_conflict_after_a_lost_answer_is_not_taken_for_success():
    store = MemoryKeyValue()
    revision = await store.create("k", b"0")

    class Overtaken(MemoryKeyValue):
        async def update(self, key, value, last):
            await store.update(key, b"theirs", revision)
            raise UnknownOutcome

        get = store.get

    with pytest.raises(Conflict):
        await write(Overtaken(), "k", b"mine", revision)


async def test_a_write_to_a_server_that_froze_is_looked_up_when_it_thaws(start_nats):
    server = start_nats()
    bus = await lean.connect(server.url, "store")
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    asker = Asker(bus, Subjects(), "store", deadlines)
    store = await open_bucket(asker, "frozen")
    hasty = JetStreamKeyValue(asker, "frozen", timeout=0.05)
    server.pause()
    with pytest.raises(UnknownOutcome):
        await hasty.create("k", b"1")
    loop.call_later(0.1, server.resume)
    revision = await write(hasty, "other", b"1", 0, tries=50)
    assert await store.get("other") == (b"1", revision)
    assert await store.get("k") == (b"1", 1)
    assert await store.revision() == 2
    await bus.close()
    deadlines.close()


async def test_a_bucket_that_the_server_has_lost_is_made_again(nats_server):
    bus = await lean.connect(nats_server.url, "store")
    deadlines = Deadlines(asyncio.get_running_loop())
    asker = Asker(bus, Subjects(), "store", deadlines)
    store = await open_bucket(asker, "lost")
    for read in (store.revision, store.entries, lambda: store.get("k")):
        await store.create("k", b"1")
        await asker.ask("jetstream", b"$JS.API.STREAM.DELETE.KV_lost", b"", 2.0)
        assert await read() in (0, ([], 0), None)
    assert await store.create("k", b"2") == 1
    await bus.close()
    deadlines.close()


async def test_a_write_whose_store_was_replaced_meanwhile_is_not_sent_again_over_another_value():
    old, new = MemoryKeyValue(), MemoryKeyValue()
    revision = await old.create("k", b"0")
    assert await new.create("k", b"theirs") == revision

    class Replaced(MemoryKeyValue):
        async def update(self, key, value, last):
            raise UnknownOutcome

        delete = update
        get = new.get

    with pytest.raises(Conflict):
        await write(Replaced(), "k", b"mine", revision, was=b"0")
    Replaced.delete = lambda self, key, last: self.update(key, b"", last)
    with pytest.raises(Conflict):
        await remove(Replaced(), "k", revision, was=b"0")
    assert (await new.get("k")).value == b"theirs"
