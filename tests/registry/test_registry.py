"""Instances come, are found and go, and nobody who died comes back by a late word."""

import asyncio

import msgspec
import pytest

from plait.actors.messages.error import NoResponders
from plait.actors.messages.instance import Connection
from plait.actors.messages.subject import Subjects

pytestmark = pytest.mark.anyio
SUBJECTS = Subjects()
DATA = Connection("SERVER", 7)


async def test_who_joins_is_found_by_users_replicas_and_listeners(world, until):
    await world.start()
    joined = await world.join(world.instance())
    assert (joined.revision, joined.error) == (2, "")  # the epoch is the first
    assert await world.resolve("reviews") == {
        "revision": 2,
        "instances": [
            {
                "id": "r1",
                "service": "reviews",
                "version": "v1",
                "labels": {"version": "v1"},
                "locality": "r/z/s",
                "node": "n1",
                "health": "healthy",
                "reason": "",
                "weight": 1.0,
                "address": "",
                "port": 0,
                "stale": False,
            }
        ],
    }
    revision, entries, _ = await world.snapshot()
    assert (revision, list(entries)) == (2, ["reviews.r1"])
    assert [(one.previous, one.revision) for one in world.pushed] == [(1, 2)]


async def test_a_service_is_found_by_all_its_names_and_an_unknown_one_is_empty(world):
    await world.start()
    await world.join(world.instance("r1"))
    await world.join(world.instance("p1", service="reviews_prod"))
    assert await world.names("reviews.default.svc.cluster.local") == ["r1"]
    assert await world.names("reviews.prod") == ["p1"]
    assert await world.names("nobody") == []
    assert await world.names() == ["r1", "p1"]


async def test_users_may_ask_in_yaml_and_learn_what_is_wrong(world):
    await world.start()
    await world.join(world.instance())
    subject = SUBJECTS.user("registry", "resolve")
    assert len((await world.user(subject, b"service: reviews\n"))["instances"]) == 1
    assert len((await world.user(subject))["instances"]) == 1
    for bad in (b"[1", b"[]", b"service: 7", b"service: '*'", b"\xff\xfe", b"a: &x 1\nb: *x", b"[" * 10_000):
        assert (await world.user(subject, bad))["errors"][0]["code"] in ("invalid_argument", "failed_precondition")


async def test_who_leaves_is_gone_and_the_mesh_is_told(world):
    await world.start()
    await world.join(world.instance())
    assert (await world.leave()).revision == 3
    assert await world.names() == []
    await world.bus.flush()
    assert world.pushed[-1].changes == (("reviews.r1", None),)


async def test_an_earlier_life_neither_joins_over_a_later_one_nor_takes_it_out(world):
    await world.start()
    await world.join(world.instance(incarnation=5))
    assert (await world.join(world.instance(incarnation=4))).code == "failed_precondition"
    await world.leave(incarnation=4)
    assert await world.names() == ["r1"]
    assert (await world.join(world.instance(incarnation=6))).error == ""


async def test_a_late_word_of_a_dead_life_revives_nobody(world):
    await world.start()
    dead = world.instance(incarnation=5)
    await world.join(dead)
    await world.leave(incarnation=5)
    for step in ("join", "renew"):
        assert (await world.join(dead, step)).code == "failed_precondition"
    await world.beat(dead)
    assert (await world.beat(dead)).unknown == (("reviews", "r1"),)
    assert await world.names() == []
    assert (await world.join(world.instance(incarnation=6))).error == ""


async def test_a_join_that_arrives_twice_is_one_join(world):
    await world.start()
    first = await world.join(world.instance())
    assert await world.join(world.instance()) == first
    assert world.store.writes == 2


async def test_a_draining_instance_says_so_and_stays_listed(world):
    await world.start()
    await world.join(world.instance())
    assert (await world.join(world.instance(health="draining"), "renew")).revision == 3
    assert (await world.resolve())["instances"][0]["health"] == "draining"
    assert (await world.join(world.instance())).error == ""  # a copy of the first join that comes late
    assert (await world.resolve())["instances"][0]["health"] == "draining"


async def test_a_lost_data_connection_takes_its_instances_out_at_once(world, until):
    registry = await world.start()
    await world.join(world.instance("r1", data=DATA))
    await world.join(world.instance("r2", data=DATA, service="ratings"))
    await world.join(world.instance("r3", data=Connection("SERVER", 8)))
    world.disconnect(Connection("OTHER", 7))
    world.disconnect(DATA)
    await until(lambda: len(registry.catalog.instances) == 1)
    assert await world.names() == ["r3"]
    await world.bus.flush()
    assert [one.revision for one in world.pushed] == [2, 3, 4, 5, 6]


async def test_a_lost_control_connection_takes_nobody_out(world):
    await world.start()
    await world.join(world.instance(data=DATA, control=Connection("SERVER", 9)))
    world.disconnect(Connection("SERVER", 9))
    await world.system.flush()
    await asyncio.sleep(0)
    assert await world.names() == ["r1"]


async def test_a_join_over_a_connection_that_is_already_gone_is_refused(world):
    await world.start()
    world.disconnect(DATA)
    await world.system.flush()
    assert (await world.join(world.instance(data=DATA))).code == "failed_precondition"
    assert await world.names() == []


async def test_an_instance_that_renewed_over_its_new_connection_outlives_the_old_one(world):
    await world.start()
    await world.join(world.instance(data=DATA))
    await world.join(world.instance(data=Connection("SERVER", 8)), "renew")
    world.disconnect(DATA)
    await world.system.flush()
    assert await world.names() == ["r1"]


async def test_a_restarted_registry_still_knows_everybody_and_evicts_nobody_at_once(world):
    await world.start()
    for n in range(5):
        await world.join(world.instance(f"r{n}"))
    before = await world.snapshot()
    await world.stop()
    with pytest.raises(NoResponders):
        await world.resolve()
    await world.start()
    assert await world.snapshot() == before
    await asyncio.sleep(0.6)
    assert len(await world.names()) == 5


async def test_two_registries_agree(world, until):
    one, two = await world.start("one"), await world.start("two")
    joined = await asyncio.gather(*(world.join(world.instance(f"r{n}", data=Connection("S", n))) for n in range(40)))
    assert sorted(each.revision for each in joined) == list(range(2, 42))
    await until(lambda: one.catalog.revision == two.catalog.revision == 41)
    for n in range(40):
        world.disconnect(Connection("S", n))
    await until(lambda: not one.catalog.instances and not two.catalog.instances)
    await until(lambda: one.catalog.revision == two.catalog.revision == 81)
    assert world.store.writes == 81
    await world.bus.flush()
    assert sorted(each.revision for each in world.pushed) == list(range(2, 82))


async def test_a_registry_that_missed_a_change_of_another_reads_the_store_again(world, until):
    one = await world.start("one")
    await world.join(world.instance("r1"))
    await world.store.create("reviews.r2", msgspec.msgpack.encode(world.instance("r2")))  # told by nobody
    await world.join(world.instance("r3"))
    await until(lambda: len(one.catalog.instances) == 3)


async def test_a_store_that_does_not_answer_refuses_changes_and_keeps_reads(world):
    await world.start()
    await world.join(world.instance("r1"))
    world.store.fail = 10
    assert (await world.join(world.instance("r2"))).code == "unavailable"
    assert await world.names() == ["r1"]
    world.store.fail = 0
    world.store.lose = 1
    assert (await world.join(world.instance("r2"))).error == ""


async def test_a_death_that_the_store_could_not_take_is_tried_again(world, until):
    registry = await world.start()
    await world.join(world.instance(data=DATA))
    world.store.fail = 3
    world.disconnect(DATA)
    await until(lambda: not registry.catalog.instances)
    assert world.store.fail == 0


async def test_of_two_processes_of_one_name_the_one_that_is_in_stays(world):
    await world.start()
    await world.join(world.instance(incarnation=7, data=DATA))
    again = await world.join(world.instance(incarnation=7, data=DATA))
    other = await world.join(world.instance(incarnation=7, data=Connection("SERVER", 99)))
    assert again.error == ""
    assert (other.taken, other.incarnation, "another process" in other.error) == (True, 7, True)
    earlier = await world.join(world.instance(incarnation=6, data=DATA))
    assert (earlier.taken, earlier.incarnation) == (True, 7)
    await world.leave(incarnation=7)
    late = await world.join(world.instance(incarnation=7, data=DATA))
    assert (late.taken, late.incarnation) == (False, 7)
