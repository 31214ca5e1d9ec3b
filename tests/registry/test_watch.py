"""Silent processes are suspected, then dead, as two registries see it; those that are heard again are trusted."""

import asyncio

import msgspec
import pytest

from plait.actors.messages.instance import Connection
from plait.registry.ballot import Ballot
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Beating:
    """Nodes that send heartbeats until they are told to stop."""

    def __init__(self, world):
        self.world = world
        self.tasks = {}

    async def join(self, node, *, connection=1, service="reviews"):
        instance = self.world.instance(f"{service}-{node}", service, node=node, data=Connection("S", connection))
        assert (await self.world.join(instance)).error == ""
        self.go_on(instance)
        return instance

    def go_on(self, instance):
        async def beats():
            while True:
                await self.world.beat(instance, node=instance.node, data=instance.data)
                await asyncio.sleep(0.25)

        self.tasks[instance.node] = asyncio.ensure_future(beats())

    def silence(self, *nodes):
        for node in nodes:
            self.tasks.pop(node).cancel()

    def close(self):
        self.silence(*list(self.tasks))


@pytest.fixture
async def nodes(world):
    nodes = Beating(world)
    yield nodes
    nodes.close()


def health(registry):
    return {one.node: one.health for one in registry.catalog.instances.values()}


async def changes(registry, node, limit=10.0):
    """Wait until what the registry says of a node changes; return the seconds and what it says then."""
    before, start = health(registry).get(node), asyncio.get_running_loop().time()
    while health(registry).get(node) == before:
        assert asyncio.get_running_loop().time() - start < limit, f"{node} stays {before}"
        await asyncio.sleep(0.01)
    return asyncio.get_running_loop().time() - start, health(registry).get(node)


async def test_a_silent_node_is_suspected_within_a_second_dead_within_five_and_trusted_when_it_is_heard(world, nodes):
    registry = await world.start()
    hung, _ = await nodes.join("n2"), await nodes.join("n3", connection=2)
    await asyncio.sleep(5.0)
    nodes.silence("n2")
    seconds, state = await changes(registry, "n2")
    assert (state, 0.5 < seconds <= 1.0) == ("suspected", True)
    nodes.go_on(hung)
    seconds, state = await changes(registry, "n2")
    assert (state, seconds <= 0.3) == ("healthy", True)
    nodes.silence("n2")
    assert (await changes(registry, "n2"))[1] == "suspected"
    seconds, state = await changes(registry, "n2")
    assert (state, seconds <= 4.0) == (None, True)
    assert health(registry) == {"n3": "healthy"}


async def test_a_registry_that_starts_trusts_nobody_whom_it_has_not_heard(world, nodes):
    one = await world.start("one")
    await nodes.join("one", connection=11, service="plait-registry")
    await nodes.join("n2")
    nodes.silence("n2")
    assert (await changes(one, "n2"))[1] == "suspected"
    two, writes = await world.start("two"), world.store.writes
    await asyncio.sleep(0.6)
    assert health(one)["n2"] == health(two)["n2"] == "suspected"
    assert world.store.writes == writes


async def test_one_that_leaves_stays_leaving_however_silent(world, nodes):
    registry = await world.start()
    leaving, _ = await nodes.join("n2"), await nodes.join("n3", connection=2)
    await world.join(world.instance("reviews-n2", node="n2", data=leaving.data, health="draining"), "renew")
    nodes.silence("n2")
    await asyncio.sleep(2.0)
    assert health(registry)["n2"] == "draining"


async def test_a_suspicion_that_ends_gives_back_the_warning_that_stood_before(world, nodes):
    registry = await world.start()
    warned, _ = await nodes.join("n2"), await nodes.join("n3", connection=2)
    word = msgspec.structs.replace(warned, health="warning", reason="disk: 91 % full", renewal=1)
    await world.join(word, "renew")
    nodes.silence("n2")
    assert (await changes(registry, "n2"))[1] == "suspected"
    nodes.go_on(word)
    assert (await changes(registry, "n2"))[1] == "warning"


async def test_one_that_fails_its_checks_is_not_suspected_but_is_taken_out_when_it_dies(world, nodes):
    registry = await world.start()
    ill, _ = await nodes.join("n2"), await nodes.join("n3", connection=2)
    await world.join(msgspec.structs.replace(ill, health="critical", reason="db: refused", renewal=1), "renew")
    assert health(registry)["n2"] == "critical"
    nodes.silence("n2")
    assert (await changes(registry, "n2"))[1] is None


async def test_where_two_registries_watch_one_that_is_deaf_for_a_node_accuses_nobody(world, nodes):
    one, two = await world.start("one"), await world.start("two")
    for name, connection in (("one", 11), ("two", 12)):
        await nodes.join(name, connection=connection, service="plait-registry")
    await nodes.join("n2")
    await asyncio.sleep(2.0)
    heard = one._watch.heard
    one._watch.heard = lambda process: None if process[0] == "n2" else heard(process)
    await asyncio.sleep(20.0)
    assert health(one)["n2"] == health(two)["n2"] == "healthy"
    nodes.silence("n2")
    seconds, state = await changes(two, "n2")
    assert (state, seconds <= 1.0) == ("suspected", True)
    assert (await changes(two, "n2"))[1] is None


async def test_a_registry_that_went_leaves_the_verdict_to_the_other(world, nodes):
    one = await world.start("one")
    for name, connection in (("one", 11), ("two", 12)):  # the second one has just died
        await nodes.join(name, connection=connection, service="plait-registry")
    await nodes.join("n2")
    nodes.silence("two", "n2")
    await asyncio.sleep(6.0)
    assert health(one) == {"one": "healthy"}


async def test_a_registry_that_hears_nobody_takes_itself_for_the_one_that_is_cut_off(world, nodes):
    registry = await world.start("own")
    for node, connection in (("n2", 1), ("n3", 2), ("n4", 3)):
        await nodes.join(node, connection=connection)
    await asyncio.sleep(1.0)
    nodes.silence("n2", "n3", "n4")
    await asyncio.sleep(25.0)
    assert len(health(registry)) == 3  # some may be suspected, nobody is dead
    await asyncio.sleep(15.0)
    assert health(registry) == {}


async def test_what_other_processes_of_the_nodes_name_do_keeps_a_dead_one_from_nothing(world, nodes):
    registry = await world.start()
    await nodes.join("n2")
    nodes.silence("n2")
    await world.join(world.instance("other", "reviews", node="n2", data=Connection("S", 9)))
    nodes.go_on(world.instance("other", "reviews", node="n2", data=Connection("S", 9)))
    await asyncio.sleep(6.0)
    assert list(registry.catalog.instances) == ["reviews.other"]


def test_a_verdict_takes_two_registries_where_there_are_two_and_their_word_expires():
    ballot, process = Ballot(), ("n2", Connection("S", 1))
    assert ballot.agreed(process, True, [], 100.0)
    assert not ballot.agreed(process, False, ["two"], 100.0)
    ballot.note("two", {process: False}, 100.0)
    assert ballot.agreed(process, False, ["two", "three"], 100.5)
    assert not ballot.agreed(process, True, ["two", "three"], 100.5)
    ballot.note("three", {process: True}, 100.5)
    assert ballot.agreed(process, True, ["two", "three"], 100.6)
    assert not ballot.agreed(process, False, ["two", "three"], 102.0)
    assert not ballot.agreed(("n2", Connection("S", 2)), False, ["two", "three"], 100.6)


async def test_a_death_waits_for_no_look_though_the_other_connections_end_was_told_first(world):
    registry = await world.start()
    control, data = Connection("S", 2), Connection("S", 1)
    for _ in range(10):  # whatever the phase of the looks
        await world.join(world.instance("r1", node="n1", data=data, control=control))
        begin = asyncio.get_running_loop().time()
        world.disconnect(control)
        world.disconnect(data)
        while registry.catalog.instances:  # noqa: ASYNC110 - in virtual time
            await asyncio.sleep(0.001)
        assert asyncio.get_running_loop().time() - begin < 0.01
        control = Connection("S", control.client + 2)
        data = Connection("S", data.client + 2)
        await asyncio.sleep(0.037)
