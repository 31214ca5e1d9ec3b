"""What strangers, and a damaged store, can say to the registry; and what it says to the tools of NATS."""

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
    refused = await world.join(world.instance("r1"), subject=SUBJECTS.registration("join", "ratings", "r1"))
    assert refused.code == "invalid_argument"
    assert "'reviews.r1' cannot be registered at 'plait.default.reg.join.ratings.r1'" in refused.error
    assert registry.counts["mismatched"] == 1
    assert await world.names() == []


@pytest.mark.parametrize(
    "change",
    [
        {"service": "Reviews"},
        {"service": "a__c"},
        {"service": "www_example_C"},
        {"service": "a_"},
        {"name": "r_1"},
        {"node": "n_1"},
        {"health": "great"},
        {"health": "suspected"},
        {"health": "warning"},
        {"reason": "only because"},
        {"health": "critical", "reason": "x" * 256},
        {"incarnation": 0},
        {"weight": -1.0},
        {"weight": 1.1e9},
        {"weight": float("nan")},
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


async def test_what_is_no_registration_is_answered_with_a_reason(world):
    await world.start()
    subject = SUBJECTS.registration("join", "reviews", "r1")
    answer = await world.asker.ask("registry", subject, b"\x91\x01", 2.0)
    assert "this is no registration" in answer.decode(errors="replace")


HOSTILE = ("a.b", "a b", "*", ">", "a*", "", "-", "a\n", "\x00", "ü", "a" * 10_240, "A")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("field", ["id", "service", "node"])
async def test_a_hostile_name_is_refused_with_a_short_reason(world, field, name):
    await world.start()
    good = world.instance()
    subject = SUBJECTS.registration("join", good.service, good.id)
    refused = await world.join(msgspec.structs.replace(good, **{field: name}), subject=subject)
    assert refused.code == "invalid_argument"
    assert 0 < len(refused.error) < 600
    assert world.store.writes == 1


@pytest.mark.parametrize(
    "change",
    [
        {"version": "v" * 256},
        {"version": "v1\n"},
        {"locality": "a\x00"},
        {"labels": {"a": "\x1b[31m"}},
        {"labels": {f"l{at}": "" for at in range(65)}},
        {"labels": {"k" * 256: ""}},
    ],
)
async def test_texts_have_limits(world, change):
    await world.start()
    refused = await world.join(msgspec.structs.replace(world.instance(), **change))
    assert (refused.code, world.store.writes) == ("failed_precondition", 1)
    assert "at most 64 labels" in refused.error or "printable" in refused.error


@pytest.mark.parametrize(
    ("service", "name", "taken"),
    [
        ("plait-gateway", "plait-gateway-n1", True),
        ("plait-gateway", "plait-gateway-v1-abcdef", False),
        ("plait-gateway", "plait-gateway-n2", False),
        ("plait-shop", "plait-shop-n1", False),
        ("plait-gateway_prod", "plait-gateway-n1", False),
        ("plaiting", "plaiting-v1-abcdef", True),
    ],
)
async def test_the_names_of_the_meshs_own_roles_are_for_them_alone(world, service, name, taken):
    await world.start()
    joined = await world.join(world.instance(name, service=service))
    assert (not joined.error) == taken, joined.error
    assert taken or "the mesh's own" in joined.error


async def test_an_id_that_a_living_node_has_is_refused_to_another_and_given_once_that_is_silent(world, until):
    await world.start()
    first = world.instance("r1", node="n1", data=Connection("S", 1))
    await world.join(first)
    second = world.instance("r1", node="n2", data=Connection("S", 2), incarnation=9)
    refused = await world.join(second)
    assert refused.code == "failed_precondition"
    assert "on the node n1, and that lives" in refused.error
    world.disconnect(Connection("S", 1))
    await until(lambda: not world.registries["registry"].catalog.instances)
    assert not (await world.join(second)).error
