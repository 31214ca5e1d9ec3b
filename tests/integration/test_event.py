"""Events between processes: groups of two members each, of which one is killed or stopped."""

import asyncio
import contextlib
import os
import signal

import msgspec
import pytest

import plait
from tests.integration.targets.events import Handled, Ordered

pytestmark = pytest.mark.anyio

SERVICES = ("billing", "shipping")


@contextlib.asynccontextmanager
async def watched(bus):
    """What the members told that they handled, as any NATS client sees it."""
    handled = []

    async def note(message):
        handled.append(msgspec.json.decode(message.data, type=Handled))

    subscription = await bus.client.subscribe("plait.default.event.orders.handled", cb=note)
    await bus.client.flush()
    yield handled
    await subscription.unsubscribe()


def numbers(handled, service, since=0):
    return sorted(one.number for one in handled if one.service == service and one.number >= since)


@pytest.fixture
async def members(mesh):
    """Two nodes, each with one member of both groups."""
    return [mesh.node("events:Billing", "events:Shipping") for _ in range(2)]


@pytest.fixture
async def outside(mesh, members):
    """A caller that knows all members."""
    async with plait.connect(mesh.nats, name="tests") as there:
        yield there


async def test_each_of_two_services_gets_each_event_once_and_its_members_share_them(outside, members, bus, until):
    async with watched(bus) as handled:
        for number in range(100):
            assert await outside.emit("orders.created", Ordered(number)) == 2
        await until(lambda: len(handled) >= 200)
        await asyncio.sleep(0.1)  # whatever came twice would come now
        assert [numbers(handled, service) for service in SERVICES] == [list(range(100))] * 2
        for service in SERVICES:
            assert {one.pid for one in handled if one.service == service} == {member.pid for member in members}


async def test_events_go_to_the_other_members_once_one_is_killed(outside, members, bus, until):
    async with watched(bus) as handled:
        os.kill(members[0].pid, signal.SIGKILL)
        members[0].process.wait(5)
        await until(lambda: all(len(outside.instances(service)) == 1 for service in SERVICES))
        for number in range(50):
            assert await outside.emit("orders.created", Ordered(number)) == 2
        await until(lambda: len(handled) >= 100)
        assert [numbers(handled, service) for service in SERVICES] == [list(range(50))] * 2
        assert {one.pid for one in handled} == {members[1].pid}


async def test_an_event_whose_member_dies_over_it_is_not_handled_by_another(outside, members, bus, until):
    async with watched(bus) as handled:
        assert await outside.emit("orders.cursed", Ordered(1)) == 1
        await until(lambda: len(outside.instances("shipping")) == 1)
        assert await outside.emit("orders.created", Ordered(2)) == 2
        await until(lambda: len(handled) >= 3)
        await asyncio.sleep(0.3)
        assert numbers(handled, "shipping") == [1, 2], "at most once"
        assert len([member for member in members if member.process.poll() is None]) == 1


async def test_a_stopped_member_loses_what_it_was_sent_before_it_was_taken_out_and_handles_none_of_it_late(
    outside, members, bus, until
):
    """It stays a member until the registry misses its heartbeats; the balancer gives it little, for it answers none."""
    async with watched(bus) as handled:
        os.kill(members[0].pid, signal.SIGSTOP)
        try:
            for number in range(100):
                assert await outside.emit("orders.created", Ordered(number)) == 2
                await asyncio.sleep(0.005)
            await until(lambda: all(len(outside.instances(service)) == 1 for service in SERVICES), 10.0)
            for number in range(100, 150):
                assert await outside.emit("orders.created", Ordered(number)) == 2
            await until(lambda: all(len(numbers(handled, service, 100)) == 50 for service in SERVICES))
        finally:
            os.kill(members[0].pid, signal.SIGCONT)
        await until(lambda: all(len(outside.instances(service)) == 2 for service in SERVICES), 10.0)
        for service in SERVICES:
            early = [one for one in handled if one.service == service and one.number < 100]
            assert {one.pid for one in early} == {members[1].pid}, "stopped, it handled nothing; woken, nothing old"
            assert len(early) == len(set(numbers(handled, service))) - 50
            assert len(early) >= 80
