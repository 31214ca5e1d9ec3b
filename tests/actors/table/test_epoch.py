"""A store that lost its data, or went back, begins another epoch, and every reader goes by the latest."""

import random

import pytest

from plait.actors.messages.error import Conflict, UnknownOutcome
from plait.actors.messages.table import Delta
from plait.actors.table import epoch as epochs
from plait.actors.table.epoch import KEY, PATIENCE, Allegiance, Epoch
from plait.actors.table.memory_store import MemoryKeyValue
from plait.actors.table.replica import Offer, Replica, Table

pytestmark = pytest.mark.anyio


def epoch(store, now=1000.0, seed=1):
    return Epoch(store, lambda: now, random.Random(seed))


async def test_the_first_owner_begins_an_epoch_and_the_next_one_finds_it():
    store = MemoryKeyValue()
    one, two = epoch(store), epoch(store, now=9999.0)
    assert await one.look(0)
    assert await two.look(0)
    assert one.number == two.number == int((await store.get(KEY)).value) >= 1000 * 10**9
    assert not await one.look(1)


async def test_an_empty_store_begins_a_later_epoch_though_the_clock_was_set_back():
    one = epoch(MemoryKeyValue())
    await one.look(0)
    before, one._store, one._wall_clock = one.number, MemoryKeyValue(), lambda: 0.0
    assert await one.look(1)
    assert one.number > before


async def test_revisions_that_went_back_begin_a_later_epoch():
    store = MemoryKeyValue()
    one, two = epoch(store), epoch(store, seed=2)
    await one.look(0)
    await two.look(0)
    before = one.number
    assert not await one.look(1)
    assert await one.look(2), "somebody stands at 2, the store at 1"
    assert one.number > before
    assert await two.look(2)
    assert one.number == two.number


async def test_a_backup_with_an_earlier_epoch_is_given_a_later_one():
    old = MemoryKeyValue()
    await epoch(old, now=1.0).look(0)
    one = epoch(MemoryKeyValue())
    await one.look(0)
    before, one._store = one.number, old
    assert await one.look(1)
    assert one.number > before
    assert int((await old.get(KEY)).value) == one.number


@pytest.mark.parametrize("junk", [b"", b"x", b"-1", b"9" * 30, b"1" * 19 + b"0", b"\xff", "²".encode()])
async def test_what_is_no_epoch_is_replaced(junk):
    store = MemoryKeyValue()
    await store.create(KEY, junk)
    one = epoch(store)
    assert await one.look(0)
    assert int((await store.get(KEY)).value) == one.number < 1 << 62


async def test_a_lost_answer_and_a_faster_owner_end_in_one_epoch():
    store = MemoryKeyValue()
    one, two = epoch(store), epoch(store, seed=2)
    store.lose = 1
    await one.look(0)
    store.fail = 1
    await two.look(0)
    assert one.number == two.number
    store.fail = 100
    with pytest.raises(UnknownOutcome):
        await one.look(50)


async def test_it_does_not_race_for_ever(monkeypatch):
    async def taken(*_):
        raise Conflict("taken")

    monkeypatch.setattr(epochs, "write", taken)
    with pytest.raises(Conflict):
        await epoch(MemoryKeyValue()).look(0)


def test_a_later_epoch_is_later_whatever_its_revisions_are():
    replica = Replica()
    replica.install(Table(50, {"a": b"1", "b": b"2"}, epoch=7))
    replica.take()
    assert replica.offer(Delta(50, 51, (("a", b"x"),), 6)) is Offer.OLD
    assert not replica.install(Table(99, {}, epoch=6))
    assert replica.offer(Delta(1, 2, (("c", b"3"),), 8)) is Offer.GAP, "it is held for the snapshot of its epoch"
    assert replica.install(Table(1, {"a": b"1"}, epoch=8))
    assert (replica.epoch, replica.revision, replica.gap) == (8, 2, False)
    assert replica.take() == {"b": None, "c": b"3"}


def test_what_a_new_epoch_lacks_is_told_to_be_out_only_once_it_settles():
    replica = Replica()
    replica.install(Table(50, {"a": b"1", "b": b"2", "c": b"3", "d": b"4"}, epoch=7), carry=True)
    replica.take()
    replica.install(Table(1, {"a": b"9"}, epoch=8), carry=True)
    assert replica.take() == {"a": b"9"}
    assert replica.carried == {"b", "c", "d"}
    replica.offer(Delta(1, 2, (("b", b"2"),), 8))
    replica.offer(Delta(2, 3, (("d", None),), 8))
    assert replica.take() == {"b": b"2", "d": None}
    replica.settle()
    assert replica.take() == {"c": None}
    assert replica.entries == {"a": b"9", "b": b"2"}


def test_a_second_epoch_carries_what_the_first_had_carried():
    replica = Replica()
    replica.install(Table(50, {"a": b"1", "b": b"2"}, epoch=7), carry=True)
    replica.install(Table(2, {"b": b"2"}, epoch=8), carry=True)
    replica.install(Table(1, {}, epoch=9), carry=True)
    assert replica.carried == {"a", "b"}


def test_an_earlier_epoch_is_believed_only_when_nobody_has_owned_the_later_one_for_a_while():
    reader = Allegiance()
    assert not reader.over(100.0)
    assert not reader.over(100.0 + PATIENCE - 0.1)
    reader.heard()
    assert not reader.over(100.0 + PATIENCE)
    assert reader.over(100.0 + 2 * PATIENCE)
