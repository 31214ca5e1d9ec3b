"""What the simulated lines, the server and the store do to messages."""

import asyncio

import pytest

from plait.actors.messages.error import BusUnavailable, Conflict, DeadlineExceeded, UnknownOutcome
from plait.testing import Lines, simulate
from plait.testing.bucket import SimBucket
from tests.testing.shop import Counter


def play(scenario, **more):
    return simulate(scenario, services=(Counter,), gateways=0, **more).result


class Outsiders:
    """Two connections of machines that take no part in the mesh, and what has arrived at the second."""

    def __init__(self, sim):
        self.sim = sim
        self.here = sim.server.join(sim.hosts[0], "here")
        self.there = sim.server.join(sim.hosts[1], "there")
        self.arrived = []
        self.there.subscribe(b"line", lambda subject, reply, payload, headers: self.arrived.append(int(payload)))

    async def send(self, count, pause=0.0):
        """Send numbers, and wait until nothing can be under way any more."""
        await asyncio.sleep(0.1)
        for number in range(count):
            self.here.publish(b"line", b"%d" % number)
            if pause:
                await asyncio.sleep(pause)
        await asyncio.sleep(3.0)
        return self.arrived


def sent(**lines):
    async def scenario(sim):
        for name, value in lines.items():
            setattr(sim.lines, name, value)
        arrived = await Outsiders(sim).send(400)
        for name in lines:
            setattr(sim.lines, name, getattr(Lines(), name))
        return arrived

    return play(scenario)


def test_a_calm_line_loses_nothing_and_keeps_the_order():
    assert sent() == list(range(400))


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_loss_takes_its_share_of_each_hop(share):
    arrived = sent(loss=share)
    assert arrived == sorted(set(arrived))
    assert abs(len(arrived) / 400 - (1 - share) ** 2) < 0.1


def test_repetition_brings_each_message_of_its_share_twice():
    arrived = sent(duplicate=0.25)
    assert sorted(set(arrived)) == list(range(400))
    assert 60 < len(arrived) - 400 < 140


def test_reordering_lets_messages_pass_others_and_loses_none():
    arrived = sent(reorder=0.3)
    assert sorted(arrived) == list(range(400)) != arrived


def test_a_slow_message_holds_up_those_behind_it():
    assert sent(slow=0.2) == list(range(400))


def test_a_partition_keeps_its_sets_from_each_other_and_no_longer_than_it_lasts():
    async def scenario(sim):
        both = Outsiders(sim)
        sim.partition([sim.hosts[1].name])
        lost = list(await both.send(5))
        sim.heal()
        return lost, await both.send(3)

    assert play(scenario) == ([], [0, 1, 2])


@pytest.mark.parametrize(("seconds", "arrives"), [(1.0, True), (4.0, False)])
def test_a_cable_that_is_out_holds_messages_until_an_end_gives_up(seconds, arrives):
    async def scenario(sim):
        both = Outsiders(sim)
        sim.isolate(sim.hosts[1].name)
        sim.world.at(sim.now + seconds, sim.join_again, sim.hosts[1].name)
        both.here.publish(b"line", b"7")
        await asyncio.sleep(0.9)
        early = list(both.arrived)
        await asyncio.sleep(seconds + 1.0)
        return early, both.arrived

    assert play(scenario) == ([], [7] if arrives else [])


def test_a_client_that_does_not_read_is_cut_off_and_comes_back(monkeypatch):
    monkeypatch.setattr("plait.testing.network.MOST_PENDING", 1000)

    async def scenario(sim):
        both = Outsiders(sim)
        sim.pause(sim.hosts[1].name, 1.0)
        for _ in range(5):
            both.here.publish(b"line", b"1" * 300)
        await asyncio.sleep(3.0)
        found = sim.server.counts["slow consumers"] > 0, len(both.arrived)
        both.here.publish(b"line", b"5")
        await asyncio.sleep(0.1)
        return *found, both.arrived[-1]

    assert play(scenario) == (True, 3, 5)


def test_an_outage_ends_every_connection_and_all_come_back():
    async def scenario(sim):
        both = Outsiders(sim)
        sim.outage(1.0)
        await asyncio.sleep(0.1)
        with pytest.raises(BusUnavailable):
            both.here.publish(b"line", b"1")
        with pytest.raises(BusUnavailable, match="refused"):
            sim.server.join(sim.hosts[0], "late")
        await asyncio.sleep(2.0)
        return await both.send(2)

    assert play(scenario) == [0, 1]


# The store


async def store_of(sim, number=0):
    """A bucket as a node sees it; made on that node's loop, asked from the scenario's."""
    bucket = SimBucket(sim.stores, "test", sim.hosts[number])
    bucket._loop = sim.loop
    return bucket


def test_the_store_compares_and_sets_as_jetstream_does():
    async def scenario(sim):
        one, two = await store_of(sim), await store_of(sim, 1)
        first = await one.create("a", b"1")
        with pytest.raises(Conflict):
            await two.create("a", b"2")
        second = await two.update("a", b"2", first)
        with pytest.raises(Conflict):
            await one.update("a", b"3", first)
        assert (await one.get("a")).value == b"2"
        assert await one.delete("a", second) == second + 1 == await two.revision()
        return await two.entries()

    assert play(scenario) == ([], 3)


def test_a_write_without_an_answer_may_or_may_not_have_taken_place():
    async def scenario(sim):
        store, outcomes = await store_of(sim), set()
        sim.trouble(1000.0)
        for number in range(60):
            key = f"k.{number}"
            try:
                await store.create(key, b"")
                known = "answered"
            except UnknownOutcome:
                known = "unknown"
            outcomes.add((known, sim.stores.peek("test", key) is not None))
        sim.trouble(0.0)
        return outcomes

    assert play(scenario) == {("answered", True), ("unknown", True), ("unknown", False)}


def test_the_smaller_set_of_a_partition_has_no_store():
    async def scenario(sim):
        store = await store_of(sim)
        sim.partition([sim.hosts[0].name])
        with pytest.raises(DeadlineExceeded):
            await store.get("a")
        sim.heal()
        return await store.get("a")

    assert play(scenario) is None
