"""A replica on the bus lives through a store that begins anew, and through changes that follow nothing."""

import asyncio

import pytest

from plait.actors.messages.codec import encode
from plait.actors.messages.subject import Subjects
from plait.actors.messages.table import Delta
from plait.actors.table import epoch as epochs
from plait.actors.table.follower import Follower

from .test_follower import world  # noqa: F401 - a fixture

pytestmark = pytest.mark.anyio
SUBJECTS = Subjects()


def anew(owner, epoch, **entries):
    """The owner's store begins another epoch; it says so, as registries do."""
    owner.epoch, owner.revision, owner.entries = (
        epoch,
        len(entries),
        {f"svc.{key}": text for key, text in entries.items()},
    )
    owner.bus.publish(SUBJECTS.push("reg", "epoch"), encode(Delta(owner.revision, owner.revision, (), epoch)))


async def test_a_store_that_begins_anew_is_followed_and_empties_nobody(world, until, monkeypatch):  # noqa: F811
    monkeypatch.setattr(Follower, "CARRY", 0.3)
    world.owner.serve()
    for name in ("a", "b", "c"):
        world.owner.change(f"svc.{name}", b"1")
    follower = world.follower()
    await follower.ready(2)
    world.told.clear()
    anew(world.owner, 7, a=b"1")
    await until(lambda: follower.epoch == 7)
    world.owner.change("svc.b", b"2")
    await until(lambda: follower.revision == 2)
    assert [key for changes, _ in world.told for key, value in changes.items() if value is None] == []
    await until(lambda: world.told[-1] == ({"svc.c": None}, False))
    assert follower.replica.entries == {"svc.a": b"1", "svc.b": b"2"}


async def test_of_two_epochs_at_once_it_goes_by_the_later_one(world, until):  # noqa: F811
    world.owner.serve()
    anew(world.owner, 7, a=b"7")
    follower = world.follower()
    await follower.ready(2)
    world.owner.epoch, world.owner.revision, world.owner.entries = 6, 90, {"svc.a": b"6"}
    world.owner.change("svc.a", b"66")
    follower._fetch_in(0.0)
    await until(lambda: follower.stale)
    assert (follower.epoch, follower.replica.entries) == (7, {"svc.a": b"7"})
    anew(world.owner, 7, a=b"7", b=b"7")
    await until(lambda: not follower.stale)
    assert follower.replica.entries == {"svc.a": b"7", "svc.b": b"7"}


async def test_an_earlier_epoch_is_taken_when_the_later_one_has_no_owner_any_more(world, until, monkeypatch):  # noqa: F811
    monkeypatch.setattr(epochs, "PATIENCE", 0.2)
    world.owner.serve()
    anew(world.owner, 7, a=b"7")
    follower = world.follower()
    await follower.ready(2)
    world.owner.epoch, world.owner.revision, world.owner.entries = 6, 90, {"svc.a": b"6"}
    follower._fetch_in(0.0)
    await until(lambda: follower.epoch == 6)
    assert (follower.replica.entries, follower.stale) == ({"svc.a": b"6"}, False)


@pytest.mark.parametrize("epoch", [0, 1 << 40])
async def test_a_change_far_ahead_is_asked_after_ever_later_and_dropped(world, until, monkeypatch, epoch):  # noqa: F811
    monkeypatch.setattr(Follower, "HOLD", 0.002)
    world.owner.serve()
    world.owner.change("svc.a", b"1")
    follower = world.follower()
    follower._backoff = follower._backoff.__class__(base=0.002, ceiling=0.05, jitter=0.0)
    await follower.ready(2)
    asked, answer = [], world.owner.source.answer
    loop = asyncio.get_running_loop()
    world.owner.source.answer = lambda payload: (asked.append(loop.time()), answer(payload))[1]
    stray = encode(Delta(10**12, 10**12 + 1, (("svc.stray", b"x"),), epoch))
    for _ in range(20):
        world.owner.bus.publish(SUBJECTS.push("reg", "svc"), stray)
    await until(lambda: follower.strays == 1)
    assert len(asked) == Follower.IN_VAIN
    assert asked[-1] - asked[-2] > 0.02, "the last tries are seconds apart, as they are here hundredths"
    assert not follower.replica.gap
    assert not follower.stale
    world.owner.change("svc.b", b"2")
    await until(lambda: follower.revision == 2)
    assert follower.replica.entries == {"svc.a": b"1", "svc.b": b"2"}
