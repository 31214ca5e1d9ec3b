"""What an engine makes of its store: damage is reported and stops nothing, what is large has pieces, old goes out."""

import pytest
from msgspec.structs import replace

from plait.actors.messages.error import StartFailed
from plait.actors.policy import history, record
from plait.actors.policy.record import WHOLE_EVERY, pack, unpack
from tests.policy_world import service

pytestmark = pytest.mark.anyio


async def three(world):
    """Revisions 1 to 3 are in force on one node, and the engine is gone."""
    await world.start()
    node = await world.node()
    for name in ("a", "b", "c"):
        await world.apply(service(name))
    await world.supervisor.stop_child("policy")
    return node


async def overwrite(world, key, value):
    found = await world.store.get(key)
    await world.store.update(key, value, found.revision)


@pytest.mark.parametrize("how", ["garbage", "missing", "another version", "another revision"])
async def test_a_damaged_revision_is_reported_and_what_is_known_stays_in_force(world, how):
    node = await three(world)
    if how == "missing":
        await world.store.delete("r.2", (await world.store.get("r.2")).revision)
    else:
        other = {"garbage": b"\x01garbage", "another version": b"\x09", "another revision": None}[how]
        await overwrite(world, "r.2", other or (await world.store.get("r.1")).value)
    engine = await world.start()
    assert engine.active == 1
    assert "revision 2" in (await world.ask("status"))["problem"]
    assert "revision 2" in (await world.ask("history"))["problem"]
    assert await world.names() == ["a"]
    assert node.revision == 3  # nodes keep what they have


async def test_nothing_is_built_on_a_damaged_revision_until_a_user_goes_back_to_one_that_is_known(world):
    node = await three(world)
    await overwrite(world, "r.2", b"\x01garbage")
    await world.start()
    writes = world.store.writes
    refused = (await world.apply(service("d")))["errors"]
    assert [(one["code"], "plait rollback 1" in one["hint"]) for one in refused] == [("unreadable", True)]
    assert "unknown" in (await world.ask("rollback", {"revision": 3}))["errors"][0]["message"]
    assert world.store.writes == writes
    answer = await world.ask("rollback", {"revision": 1})
    assert (answer["revision"], answer["nodes"]) == (4, {"synced": 1, "of": 1})
    assert node.active[-1][1][1] == ["VirtualService/default/a"]
    await world.supervisor.stop_child("policy")
    await world.start()  # the damage is behind the last record that holds everything
    assert "problem" not in await world.ask("status")
    assert (await world.apply(service("d")))["revision"] == 5
    assert await world.names() == ["a", "d"]


async def test_a_revision_that_another_engine_wrote_and_this_one_cannot_read_is_no_reason_to_stop(world, until):
    engine = await world.start()
    await world.apply(service("a"))
    await world.store.create("r.2", b"\x09from the future")
    assert "revision 2" in (await world.apply(service("b")))["errors"][0]["message"]
    assert (engine.active, await world.names()) == (1, ["a"])


async def test_rules_that_do_not_compile_are_reported_and_the_rules_before_stay_in_force(world):
    engine = await world.start()
    await world.apply(service("a"))
    await world.apply(service("b"))
    stored = unpack((await world.store.get("r.2")).value)
    await world.supervisor.stop_child("policy")
    ((key, document),) = stored.changes
    poison = replace(
        document,
        rule=replace(document.rule, routes=(replace(document.rule.routes[0], destinations=()),)),
    )
    await overwrite(world, "r.2", pack(replace(stored, changes=((key, poison),))))
    engine = await world.start()
    node = await world.node()
    assert (engine.active, node.revision) == (1, 1)
    assert "cannot be used" in (await world.ask("status"))["problem"]
    answer = await world.apply(service("b", "a"))  # what mends it is taken
    assert (answer["revision"], answer["nodes"]) == (3, {"synced": 1, "of": 1})
    assert "problem" not in await world.ask("status")
    assert await world.names() == ["a", "b"]


async def test_a_fault_of_the_engine_itself_refuses_the_change_and_restarts_nothing(world, monkeypatch):
    engine = await world.start()
    await world.apply(service("a"))
    with monkeypatch.context() as patch:
        patch.setattr("plait.actors.policy.bundle.translate", lambda document: 1 / 0)
        error = (await world.apply(service("b")))["errors"][0]
    assert (error["code"], "ZeroDivisionError" in error["message"]) == ("internal", True)
    assert (await world.apply(service("b")))["revision"] == 2
    assert world.engines["policy"] is engine


async def test_a_store_that_does_not_answer_is_waited_for(world):
    async def silent():
        raise StartFailed("no answer")

    world.store.entries = silent
    with pytest.raises(StartFailed, match="no answer"):
        await world.start()


async def test_a_large_revision_is_stored_in_pieces_that_fit_the_bus(world, monkeypatch):
    monkeypatch.setattr(record, "PIECE", 2_000)
    await world.start()
    await world.apply("".join(service(f"s{n}") for n in range(100)))
    keys = [entry.key for entry in (await world.store.entries())[0]]
    assert keys[-1] == "r.1"
    assert all(key.startswith("p.1.") for key in keys[:-1])
    assert len(keys) > 5
    await world.apply(service("s5", "s6"))
    await world.supervisor.stop_child("policy")
    await world.start()
    assert len(await world.names()) == 100
    await world.ask("rollback", {"revision": 1})
    assert (await world.ask("get", {"kind": "VirtualService", "name": "s5"}))["items"][0]["spec"]["http"][0] == {
        "route": [{"destination": {"host": "s5"}}]
    }


async def test_a_revision_with_a_piece_missing_is_damaged(world, monkeypatch):
    monkeypatch.setattr(record, "PIECE", 2_000)
    await world.start()
    await world.apply("".join(service(f"s{n}") for n in range(100)))
    await world.supervisor.stop_child("policy")
    piece = (await world.store.entries())[0][0]
    await world.store.delete(piece.key, piece.revision)
    engine = await world.start()
    assert engine.active == 0
    assert "piece 0 of it is missing" in (await world.ask("status"))["problem"]


async def test_old_revisions_are_taken_out_and_history_says_from_where_on_it_goes_back(world, until, monkeypatch):
    monkeypatch.setattr(history, "KEPT", WHOLE_EVERY)
    await world.start()
    await world.store.create("p.3.nobody.0", b"what a writer left who came too late")
    for n in range(3 * WHOLE_EVERY):
        await world.apply(service(f"s{n % 5}", f"t{n}"), wait="false")

    async def keys():
        return [entry.key for entry in (await world.store.entries())[0]]

    kept = {f"r.{n}" for n in range(2 * WHOLE_EVERY, 3 * WHOLE_EVERY + 1)}
    for _ in range(100):
        if set(await keys()) == kept:
            break
        await world.ask("status")
    assert set(await keys()) == kept
    told = await world.ask("history", {"limit": 1000})
    assert (told["from"], told["items"][-1]["revision"]) == (2 * WHOLE_EVERY, 2 * WHOLE_EVERY)
    assert "no longer kept" in (await world.ask("rollback", {"revision": 100}))["errors"][0]["message"]
    await world.supervisor.stop_child("policy")
    engine = await world.start()
    assert engine.active == 3 * WHOLE_EVERY
    assert (await world.ask("history", {"limit": 1000})) == told
    assert (await world.ask("rollback", {"revision": told["from"]}))["revision"] == 3 * WHOLE_EVERY + 1


async def test_an_engine_that_slept_through_a_compaction_does_not_write_a_revision_anew(world, until, monkeypatch):
    monkeypatch.setattr(history, "KEPT", WHOLE_EVERY)
    await world.start("one")
    await world.apply(service("a"))
    sleeper = await world.start("two")
    await until(lambda: sleeper.active == 1)
    world.server.disconnect(world.engines["two"]._bus)  # it hears of nothing
    for n in range(3 * WHOLE_EVERY):
        await world.apply(service("a", f"t{n}"), wait="false")
    await world.supervisor.stop_child("one")
    assert await world.store.get("r.2") is None
    world.server.reconnect(world.engines["two"]._bus)
    answer = await world.apply(service("b"))
    assert answer["revision"] == 3 * WHOLE_EVERY + 2
    assert await world.names() == ["a", "b"]
