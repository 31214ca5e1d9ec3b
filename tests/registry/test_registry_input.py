"""What strangers, and a damaged store, can say to the registry; and what it says to the tools of NATS."""

import asyncio
import random

import msgspec
import pytest

from plait.actors.messages.instance import Connection
from plait.actors.messages.subject import Subjects
from plait.actors.table.store import Found

pytestmark = pytest.mark.anyio
SUBJECTS = Subjects()
DATA = Connection("SERVER", 7)


async def test_a_payload_has_to_say_what_its_subject_says(world):
    registry = await world.start()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await world.join(world.instance("r1"), subject=SUBJECTS.registration("join", "ratings", "r1"))
    assert registry.counts["mismatched"] == 1
    assert await world.names() == []


@pytest.mark.parametrize(
    "change",
    [
        {"service": "Reviews"},
        {"service": "a_b_c"},
        {"service": "a_"},
        {"name": "r_1"},
        {"node": "n_1"},
        {"health": "great"},
        {"health": "suspected"},
        {"health": "warning"},
        {"reason": "only because"},
        {"health": "critical", "reason": "x" * 256},
        {"incarnation": 0},
        {"address": "host.example"},
        {"address": "10.0.0.256"},
        {"address": "fe80::1%eth0"},
        {"address": " 10.0.0.1"},
        {"port": -1},
        {"port": 65536},
    ],
)
async def test_an_instance_with_bad_names_is_refused(world, change):
    await world.start()
    assert (await world.join(world.instance(**change))).error
    assert world.store.writes == 1  # the epoch's


@pytest.mark.parametrize(
    ("address", "port"), [("", 0), ("10.0.0.1", 65535), ("2001:db8::1", 80), ("::ffff:1.2.3.4", 1)]
)
async def test_an_instance_may_say_where_it_is_reached(world, address, port):
    await world.start()
    assert not (await world.join(world.instance(address=address, port=port))).error
    (found,) = (await world.resolve("reviews"))["instances"]
    assert (found["address"], found["port"]) == (address, port)


@pytest.mark.parametrize(
    "events", [(("orders.*", "g"),), (("", "g"),), (("orders", "a.b"),), tuple((f"t{at}", "") for at in range(257))]
)
async def test_an_instance_that_wants_events_of_no_topic_or_of_too_many_is_refused(world, events):
    await world.start()
    one = world.instance()
    assert (await world.join(msgspec.structs.replace(one, events=events))).error
    assert world.store.writes == 1  # the epoch's
    assert not (await world.join(msgspec.structs.replace(one, events=(("orders.created", "g"), ("a", ""))))).error


async def test_random_bytes_on_every_subject_are_counted_and_stop_nothing(world):
    registry = await world.start()
    await world.join(world.instance())
    rng = random.Random(11)
    subjects = [
        *(SUBJECTS.registration(step, "reviews", "r1") for step in ("join", "renew", "leave")),
        SUBJECTS.heartbeat("n1"),
        SUBJECTS.push("reg", "reviews"),
        SUBJECTS.snapshot("reg", "n1"),
        SUBJECTS.user("registry", "resolve"),
        b"$SRV.PING",
        b"$SRV.INFO.x.y",
    ]
    inbox = world.bus.inbox(b"_INBOX.noise")
    for subject in subjects:
        for _ in range(100):
            world.bus.publish(subject, rng.randbytes(rng.randrange(40)), b"_INBOX.noise")
            world.bus.publish(subject, rng.randbytes(rng.randrange(40)))
    for _ in range(100):
        world.system.publish(b"$SYS.ACCOUNT.MESH.DISCONNECT", rng.randbytes(rng.randrange(40)))
    await world.bus.flush()
    await world.system.flush()
    inbox.unsubscribe()
    assert registry.counts["undecodable"] > 900
    assert await world.names() == ["r1"]
    assert registry is world.registries["registry"]
    assert (await world.join(world.instance("r2"))).error == ""


async def test_a_value_in_the_store_that_is_no_instance_is_not_shown(world):
    await world.store.create("reviews.odd", b"\xc1")
    registry = await world.start()
    await world.join(world.instance())
    assert await world.names() == ["r1"]
    assert registry.catalog.undecodable == 1
    assert await world.store.get("reviews.odd") == Found(b"\xc1", 1)


async def test_the_services_api_lists_every_instance(world):
    await world.start()
    await world.join(world.instance("r1"))
    await world.join(world.instance("p1", service="ratings"))
    heard = []
    world.bus.subscribe(b"_INBOX.all", lambda _s, _r, data, _h: heard.append(msgspec.json.decode(data)))

    async def ask(subject):
        heard.clear()
        world.bus.publish(subject, b"", b"_INBOX.all")
        await world.bus.flush()
        await world.bus.flush()
        return [one["id"] for one in heard]

    assert await ask(b"$SRV.PING") == ["p1", "r1"]
    assert heard[0]["type"] == "io.nats.micro.v1.ping_response"
    assert heard[0]["version"] == "1.0.0"
    assert await ask(b"$SRV.INFO.reviews") == ["r1"]
    assert heard[0]["endpoints"][0]["subject"] == "plait.default.call.reviews.*.r1.*"
    assert await ask(b"$SRV.STATS.reviews.r1") == ["r1"]
    assert heard[0]["started"] == "1970-01-01T00:00:00Z"
    assert await ask(b"$SRV.PING.reviews.r2") == []
