"""Bundles that come in parts: all to one engine, bounded, forgotten when they stop half-way."""

import asyncio

import pytest

from plait.actors.messages.error import NoResponders
from plait.actors.policy import engine as policy_engine
from plait.actors.policy import upload
from tests.policy_world import BAD, service

pytestmark = pytest.mark.anyio

SERVICES = "".join(service(f"s{n}") for n in range(30))


async def test_a_bundle_in_parts_is_applied_as_one(world):
    await world.start()
    node = await world.node()
    *before, last = await world.upload(SERVICES, 1000)
    assert [one["received"] for one in before] == list(range(1, len(before) + 1))
    assert (last["revision"], len(last["applied"]), last["nodes"]) == (1, 30, {"synced": 1, "of": 1})
    assert node.revision == 1
    assert len(await world.names()) == 30


async def test_two_engines_share_no_upload(world):
    await world.start("one")
    await world.start("two")
    for n in range(4):
        assert (await world.upload(SERVICES.replace("s1", f"x{n}"), 900))[-1]["revision"] == n + 1


async def test_what_the_first_part_asks_for_holds_for_the_bundle(world):
    await world.start()
    last = (await world.upload(SERVICES, 1000, dry_run="true"))[-1]
    assert (last["revision"], len(last["applied"])) == (0, 30)
    assert world.store.writes == 0


async def test_a_mistake_in_any_part_refuses_all_of_it_with_its_line(world):
    await world.start()
    text = SERVICES + BAD
    (error,) = (await world.upload(text, 1000))[-1]["errors"]
    assert error["code"] == "unknown_field"
    assert text.splitlines()[error["line"] - 1].strip().startswith("- rute")
    assert await world.names() == []


@pytest.mark.parametrize("parts", ["1", "0", "x", "-3", "99999999", "2000"])
async def test_a_number_of_parts_that_is_none_is_refused(world, parts):
    await world.start()
    answer = await world.ask("apply", b"kind: X", f"NATS/1.0\r\nplait-parts: {parts}\r\n\r\n".encode())
    assert "plait-parts" in answer["errors"][0]["message"]


@pytest.mark.parametrize("part", ["7", "x", ""])
async def test_a_part_that_is_none_ends_the_upload(world, part):
    await world.start()
    begun = await world.ask("apply", b"a", b"NATS/1.0\r\nplait-parts: 3\r\n\r\n")
    where = begun["upload"].removeprefix("policy.")
    answer = await world.ask(where, b"b", f"NATS/1.0\r\nplait-part: {part}\r\n\r\n".encode())
    assert "plait-part" in answer["errors"][0]["message"]
    with pytest.raises(NoResponders):
        await world.ask(where, b"b", b"NATS/1.0\r\nplait-part: 1\r\n\r\n")


async def test_uploads_are_bounded_in_size_and_number_and_forgotten_when_silent(world, until, monkeypatch):
    monkeypatch.setattr(upload, "PATIENCE", 0.05)
    monkeypatch.setattr(upload, "LARGEST", 1000)
    engine = await world.start()
    begin = b"NATS/1.0\r\nplait-parts: 3\r\n\r\n"
    assert "larger than 1000 bytes" in (await world.ask("apply", b"x" * 1001, begin))["errors"][0]["message"]
    for _ in range(upload.MOST):
        assert (await world.ask("apply", b"x", begin))["received"] == 1
    assert (await world.ask("apply", b"x", begin))["errors"][0]["code"] == "resource_exhausted"
    await until(lambda: not engine._uploads._open)
    assert (await world.ask("apply", b"x", begin))["received"] == 1


async def test_an_answer_that_names_more_than_fits_says_how_many_more_there_are(world):
    await world.start()
    answer = await world.apply("".join(service(f"s{n}") for n in range(1200)))
    assert len(answer["applied"]) == 1000
    errors = (await world.apply("".join(BAD.replace("broken", f"b{n}") for n in range(1500))))["errors"]
    assert errors[-1]["message"] == f"and {1500 - len(errors) + 1} more, which do not fit one answer"


async def test_bundles_that_wait_for_their_turn_are_bounded_in_bytes(world, monkeypatch):
    engine = await world.start()
    monkeypatch.setattr(policy_engine, "WAITING", 3 * len(SERVICES))
    answers = await asyncio.gather(*(world.apply(SERVICES.replace("s1", f"x{n}")) for n in range(6)))
    refused = [one["errors"][0]["code"] for one in answers if "errors" in one]
    assert refused == ["resource_exhausted"] * 2, "one is at work, three wait"
    assert sorted(one["revision"] for one in answers if "errors" not in one) == [1, 2, 3, 4]
    assert "errors" not in await world.apply(SERVICES), "they are counted until their turn comes, no longer"
    assert engine._waiting == 0
