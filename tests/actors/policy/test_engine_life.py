"""What a policy engine lives through: restarts, rivals, a store that fails, hostile bytes, large bundles."""

import asyncio
import random

import pytest

from plait.actors.bus.ask import Asker
from plait.actors.messages.codec import encode
from plait.actors.messages.error import DeadlineExceeded, UnknownOutcome
from plait.actors.messages.table import Acknowledge, Activate, Prepare
from plait.actors.policy import archive
from plait.actors.policy.record import WHOLE_EVERY, pack
from plait.actors.table.snapshot import fetch
from tests.policy_world import PUSH, SUBJECTS, service

pytestmark = pytest.mark.anyio


async def test_a_restarted_engine_goes_on_where_the_last_one_was(world):
    await world.start()
    for n in range(WHOLE_EVERY + 6):
        await world.apply(service(f"s{n % 10}", f"t{n}"))
    before, history = await world.ask("get"), await world.ask("history")
    await world.supervisor.stop_child("policy")
    engine = await world.start()
    assert engine.active == WHOLE_EVERY + 6
    assert await world.ask("get") == before
    assert await world.ask("history") == history
    assert (await world.ask("rollback", {"revision": WHOLE_EVERY + 1}))["revision"] == WHOLE_EVERY + 7
    assert (await world.ask("rollback", {"revision": 3}))["revision"] == WHOLE_EVERY + 8
    assert await world.names() == ["s0", "s1", "s2"]


async def test_two_engines_never_write_the_same_revision(world, until):
    one, two = await world.start("one"), await world.start("two")
    node = await world.node()
    answers = await asyncio.gather(*(world.apply(service(f"s{n}")) for n in range(20)))
    assert sorted(answer["revision"] for answer in answers) == list(range(1, 21))
    await until(lambda: one.active == two.active == node.revision == 20)
    assert len(await world.names()) == 20
    assert node.active[-1][1][1] == [f"VirtualService/default/s{n}" for n in sorted(range(20), key=str)]


async def test_a_lost_answer_of_the_store_neither_loses_nor_doubles_a_revision(world):
    await world.start()
    world.store.lose = 1
    assert (await world.apply(service("reviews")))["revision"] == 1
    world.store.fail = 10
    assert (await world.apply(service("ratings")))["errors"][0]["code"] == "unavailable"
    world.store.fail = 0
    assert (await world.apply(service("ratings")))["revision"] == 2


@pytest.mark.parametrize("between", ["nothing", "a dry run"])
async def test_a_revision_whose_write_was_not_answered_comes_into_force_without_another_change(
    world, until, monkeypatch, between
):
    monkeypatch.setattr("plait.actors.policy.engine._PAUSE", 0.1)
    engine, node = await world.start(), await world.node()

    async def unheard(store, key, value, last, tries=3):
        await store.create(key, value)
        raise UnknownOutcome

    with monkeypatch.context() as patch:
        patch.setattr(archive, "write", unheard)
        answer = await world.apply(service("reviews"))
    assert answer["errors"][0]["code"] == "unavailable"
    if between == "a dry run":  # it reads what was written, and must not be all that comes of it
        await world.apply(service("ratings"), dry_run="true")
    await until(lambda: node.revision == 1, 2.0)
    assert engine.active == 1
    assert await world.names() == ["reviews"]


async def test_a_store_that_breaks_off_while_others_changes_are_read_loses_none_of_them(world, until, monkeypatch):
    one, two = await world.start("one"), await world.start("two")
    node = await world.node()
    await world.apply(service("a"))
    await until(lambda: one.active == two.active == 1)
    reads = []
    get = world.store.get

    async def breaks_off(key):
        reads.append(key)
        if "r.2" in reads[:-1]:
            raise DeadlineExceeded
        return await get(key)

    record = one._standing.history.next("apply", {}, one._standing.history.digest, "somebody", 0.0)
    await world.store.create("r.2", pack(record))
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "get", breaks_off)
        for engine in (one, two):
            reads.clear()
            with pytest.raises(DeadlineExceeded):
                await engine._standing.catch_up()
    assert (one.active, two.active) == (2, 2)
    assert (await world.apply(service("b")))["revision"] == 3
    await until(lambda: node.revision == 3)
    assert await world.names() == ["a", "b"]


async def test_reading_does_not_wait_behind_a_slow_change(world, until):
    await world.start(limit=0.5)
    await world.apply(service("reviews"))
    world.alive.add("deaf")
    slow = asyncio.ensure_future(world.apply(service("ratings")))
    await until(lambda: ("Prepare", 2) in world.seen)
    async with asyncio.timeout(0.2):
        assert len(await world.names()) == 2
        await world.ask("history")
        asker = Asker(world.server.connect("n9"), SUBJECTS, "n9", world.surroundings.deadlines)
        revision, rules, _ = await fetch(asker, "pol", "policy")
    assert not slow.done()
    assert (revision, list(rules)) == (1, ["VirtualService/default/reviews"])  # what is active, not what is prepared
    assert (await slow)["revision"] == 2


async def test_random_bytes_on_every_subject_stop_nothing(world):
    engine = await world.start()
    await world.apply(service("reviews"))
    rng = random.Random(9)
    verbs = ("apply", "delete", "rollback", "get", "history", "status")
    inbox = world.bus.inbox(b"_INBOX.noise")
    node = await world.node()
    noisy = [
        *(SUBJECTS.user("policy", verb) for verb in verbs),
        SUBJECTS.acknowledge("n1"),
        SUBJECTS.snapshot("pol", "n1"),
    ]
    for subject in noisy:
        for _ in range(100):
            noise = rng.randbytes(rng.randrange(40))
            world.bus.publish(subject, noise, b"_INBOX.noise", b"NATS/1.0\r\n" + noise)
    for _ in range(100):
        world.bus.publish(SUBJECTS.push("pol", "1"), b"\xff" + rng.randbytes(rng.randrange(40)))
    inbox.unsubscribe()
    assert (await world.apply(service("ratings")))["revision"] == 2
    assert world.engines["policy"] is engine
    assert node.revision == 2


async def test_a_large_bundle_travels_in_parts(world):
    await world.start(limit=2.0)
    node = await world.node()
    text = "".join(service(f"service-{n}", f"goal-{n}") for n in range(5000))
    answer = await world.apply(text)
    assert (answer["revision"], answer["nodes"]) == (1, {"synced": 1, "of": 1})
    assert world.seen.count(("Prepare", 1)) > 1
    assert len(node.active[-1][1][1]) == 5000
    found, offset = 0, 0
    while offset is not None:
        page = await world.ask("get", {"offset": offset})
        found, offset = found + len(page["items"]), page.get("next")
    assert found == 5000


async def test_a_speaker_for_another_node_is_not_heard(world):
    engine = await world.start()
    world.alive.add("n1")
    slow = asyncio.ensure_future(world.apply(service("reviews")))
    for _ in range(20):
        world.bus.publish(SUBJECTS.acknowledge("n2"), encode(Acknowledge("n1", 1, "active")))
        await asyncio.sleep(0.01)
    assert (await slow)["nodes"] == {"synced": 0, "of": 1}
    assert engine._rollout.nodes == {}


def test_the_kinds_of_pushes_are_told_apart():
    for push in (Prepare(0, 1, "", ()), Activate(1)):
        assert PUSH.decode(encode(push)) == push
