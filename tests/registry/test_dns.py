"""The DNS actor: limits those who ask, survives its own mistakes, and binds again when its address is lost."""

import asyncio
import logging
import random

import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from plait.actors.loop.backoff import Backoff
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.error import StartFailed
from plait.actors.runtime.spec import ChildSpec, Limits
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings
from plait.registry.dns import Dns
from plait.registry.dns_door import DnsOptions, Verdict
from plait.registry.dns_server import DnsServer
from plait.testing.ground import SimGround
from tests.registry.dns_world import MEMBERS, World, table

pytestmark = pytest.mark.anyio

QUERY = dns.message.make_query("reviews.service.plait.", "A").to_wire()


class FakeDoor:
    """Counts how often it is opened and closed; `fails` are errors for the next starts."""

    address = "127.0.0.1", 8600

    def __init__(self):
        self.opened, self.closed, self.fails = 0, 0, []

    async def start(self, serve, lost):
        self.opened += 1
        if self.fails:
            raise self.fails.pop()
        self.serve, self.lost = serve, lost

    async def close(self):
        self.closed += 1


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Running:
    """A supervised DNS actor."""

    def __init__(self, door):
        loop = asyncio.get_running_loop()
        self.door = door
        self.clock = Clock()
        self.zone = World().zone
        self.failed = []
        self.surroundings = Surroundings(loop, Deadlines(loop), random.Random(1))
        limits = Limits(3, 10.0, Backoff(0.01, 0.01, 0.0))
        self.supervisor = Supervisor("n1", self.surroundings, limits, failed=self.failed.append)

    def make(self):
        options = DnsOptions(rate=10, burst=20)
        return Dns(self.door, self.zone, lambda: 1, "n1", random.Random(1), self.clock, options)

    async def start(self):
        self.cell = await self.supervisor.start_child(ChildSpec("dns", self.make))
        return self


@pytest.fixture
async def running():
    running = await Running(FakeDoor()).start()
    yield running
    await running.supervisor.stop()
    running.surroundings.deadlines.close()


async def test_it_answers_while_it_runs_and_closes_its_door(running):
    answer = dns.message.from_wire(running.door.serve(QUERY, "192.0.2.1", False))
    assert {str(data) for data in answer.answer[0]} == {"10.0.0.1", "10.0.0.2"}
    await running.supervisor.stop()
    assert (running.door.opened, running.door.closed) == (1, 1)


async def test_one_address_may_ask_so_much_and_others_are_not_harmed(running, caplog):
    serve = running.door.serve
    said = [serve(QUERY, "192.0.2.1", stream) for stream in (False, True) * 50]
    assert sum(isinstance(one, bytes) for one in said) == 20
    assert set(said[20:]) == {Verdict.DROP}
    assert isinstance(serve(QUERY, "192.0.2.2", False), bytes)
    running.clock.now += 1.0
    assert isinstance(serve(QUERY, "192.0.2.1", False), bytes)
    assert running.cell.actor.counts == {"asked": 102, "limited": 80}
    assert len([one for one in caplog.records if one.name == "plait.dns"]) == 1


async def test_noise_is_counted_and_told_once_a_minute(running, caplog):
    caplog.set_level(logging.INFO, "plait.dns")
    for number in range(1000):
        junk = b"\xff" * (number % 40) if number % 2 else QUERY + b"and more"
        running.door.serve(junk, f"192.0.2.{number % 250}", False)
    assert running.cell.actor.counts["malformed"] == 1000
    assert len([one for one in caplog.records if one.name == "plait.dns"]) == 1


async def test_a_mistake_of_its_own_is_a_servfail_and_no_end(running, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("a mistake")

    with monkeypatch.context() as patch:
        patch.setattr(running.zone, "find", broken)
        for _ in range(5):
            answer = dns.message.from_wire(running.door.serve(QUERY, "192.0.2.1", False))
            assert answer.rcode() == dns.rcode.SERVFAIL
            assert str(answer.question[0].name) == "reviews.service.plait."
    assert isinstance(running.door.serve(QUERY, "192.0.2.1", False), bytes)
    assert running.cell.actor.counts["failed"] == 5
    assert [one.levelname for one in caplog.records if one.name == "plait.dns"] == ["ERROR"]


async def test_a_lost_address_is_bound_again_by_a_new_life_that_knows_the_same_names(running, until):
    running.zone.apply(table(MEMBERS[0]), whole=True)
    first = running.cell.actor
    running.door.lost("cable cut")
    await until(lambda: running.door.opened == 2 and running.cell.actor is not first)
    assert running.door.closed == 1
    answer = dns.message.from_wire(running.door.serve(QUERY, "192.0.2.1", False))
    assert [str(data) for data in answer.answer[0]] == ["10.0.0.1"]
    assert running.failed == []


async def test_a_port_that_somebody_else_took_meanwhile_is_tried_again(running, until):
    running.door.fails = [StartFailed("taken")] * 2
    running.door.lost("cable cut")
    await until(lambda: running.door.opened == 4)
    assert running.failed == []


async def test_an_address_that_cannot_be_had_fails_the_start_with_its_words():
    running = Running(FakeDoor())
    running.door.fails = [StartFailed("the address is in use")]
    with pytest.raises(StartFailed, match="the address is in use"):
        await running.start()
    await running.supervisor.stop()
    running.surroundings.deadlines.close()


async def test_it_comes_back_on_real_sockets_after_a_crash(until):
    running = await Running(DnsServer("127.0.0.1", 0, None, asyncio.get_running_loop().time)).start()
    host, port = running.door.address
    query = dns.message.make_query("n1.node.plait.", "A")
    try:
        for _ in range(2):
            life = running.cell.actor
            message = await dns.asyncquery.udp(query, host, port=port, timeout=5)
            assert str(message.answer[0][0]) == "10.0.0.1"
            running.cell.end(RuntimeError("crash"))
            await until(lambda life=life: running.cell.actor not in (None, life) and running.supervisor.running())
        message = await dns.asyncquery.tcp(query, host, port=port, timeout=5)
        assert str(message.answer[0][0]) == "10.0.0.1"
    finally:
        await running.supervisor.stop()
        running.surroundings.deadlines.close()


def test_a_simulated_node_says_that_it_has_no_sockets():
    with pytest.raises(StartFailed, match="no DNS sockets"):
        SimGround.name_door(None, "127.0.0.1", 0, None)  # it needs nothing of the ground
