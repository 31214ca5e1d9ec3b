"""Faults of attempts and messages: retries and breakers meet them as if they were real, and they end by themselves."""

import asyncio
from typing import ClassVar

import pytest

from plait.actors import Service, get
from plait.actors.messages.codec import encode
from plait.actors.messages.disruption import LONGEST, Disruption
from plait.actors.messages.error import DeadlineExceeded
from plait.actors.messages.resilience import Breaker, Resilience
from plait.actors.messages.rule import Destination, RetryPolicy, RouteRule, RuleSet
from plait.actors.proxy.breaker import State
from plait.actors.proxy.call import Caller
from tests.nodes import Network
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Shop(Service, name="shop", version="v1", concurrency=100):
    asked: ClassVar[list] = []

    @get("/")
    def look(self):
        self.asked.append(self.hosting.instance.id)
        return "fine"


@pytest.fixture
async def node():
    Shop.asked.clear()
    network = Network()
    node = network.node()
    await node.host(Shop, "one")
    await node.host(Shop, "two")
    yield node
    await network.close()


def fault(node, lasts=60.0, name="default/f", service="shop", **more):
    return Disruption(name, service, "ann", "game day", node.loop.time() + lasts, **more)


def retrying(**more):
    route = RouteRule("all", (), (Destination("shop"),), retries=RetryPolicy(**more))
    return RuleSet("default/shop", ("shop.default.svc.cluster.local",), routes=(route,))


async def statuses(node, times, **more):
    return [(await node.send("shop", "/", **more)).status for _ in range(times)]


async def test_a_retry_leaves_an_instance_whose_attempts_are_answered_by_a_fault(node):
    node.rules(retrying(attempts=1, on=("5xx",)), fault(node, status=503, instance="one"))
    assert await statuses(node, 30) == [200] * 30
    assert set(Shop.asked) == {"two"}
    # Each of them failed, and after five in a row outlier detection has taken the instance out.
    assert node.proxy.disruptions.struck["default/f", "shop"] == 5


async def test_a_breaker_opens_on_a_fault(node):
    breaker = Resilience("default/b", "shop", breaker=Breaker(calls=4, routes=False))
    node.rules(retrying(attempts=0), breaker, fault(node, status=503, instance="one"))
    await statuses(node, 40)
    assert {one.id: state for one, state in node.proxy.counts.tripped.items()} == {"one": State.OPEN}
    assert await statuses(node, 20) == [200] * 20


async def test_what_it_answers_says_by_which_fault(node):
    node.rules(retrying(attempts=0), fault(node, status=418))
    reply = await node.send("shop", "/")
    assert (reply.status, reply.body) == (418, b"fault filter abort")
    assert ("x-plait-fault", "default/f") in reply.headers
    assert Shop.asked == []


async def test_a_share_is_struck(node):
    node.rules(retrying(attempts=0), fault(node, status=503, percent=30.0))
    assert 60 < (await statuses(node, 300)).count(503) < 120


async def test_a_delay_holds_each_attempt_up_and_honours_the_time_limit(node):
    node.rules(retrying(attempts=0), fault(node, delay=2.0))
    began = node.loop.time()
    assert await statuses(node, 1) == [200]
    assert 2.0 <= node.loop.time() - began < 2.1
    with pytest.raises(DeadlineExceeded):
        await node.send("shop", "/", timeout=0.5)
    await asyncio.sleep(5.0)
    assert len(Shop.asked) == 1  # nobody waited for the second any more
    assert node.wire.waiting == {}


async def test_a_lost_message_is_tried_again_where_a_try_has_its_time(node):
    node.rules(retrying(attempts=1, per_try_timeout=0.5), fault(node, drop=True, instance="one"))
    began = node.loop.time()
    assert await statuses(node, 10) == [200] * 10
    assert set(Shop.asked) == {"two"}
    assert node.loop.time() - began > 0.4
    node.rules(retrying(attempts=0), fault(node, drop=True), revision=2)
    with pytest.raises(DeadlineExceeded):
        await node.send("shop", "/", timeout=1.0)
    assert node.wire.waiting == {}


async def test_a_doubled_message_is_worked_on_twice_and_answered_once(node):
    node.rules(retrying(attempts=0), fault(node, duplicate=True))
    assert await statuses(node, 5) == [200] * 5
    await asyncio.sleep(1.0)
    assert len(Shop.asked) == 10
    assert node.wire.waiting == {}
    assert [one.active for one in node.proxy.directory.services()["shop"].values()] == [0, 0]


async def test_it_strikes_the_calls_of_its_source_and_a_partition_both_ways(node):
    page = Caller("page-1", "page", "default", {})
    node.wire.open(page)
    node.rules(retrying(attempts=0), fault(node, status=503, source="page"))
    assert await statuses(node, 5) == [200] * 5
    assert await statuses(node, 5, caller=page) == [503] * 5
    for service, source in (("shop", "page"), ("page", "shop")):
        node.rules(retrying(attempts=0), fault(node, service=service, source=source, partition=True), revision=2)
        with pytest.raises(DeadlineExceeded):
            await node.send("shop", "/", caller=page, timeout=0.5)
        assert await statuses(node, 1) == [200]


async def test_it_ends_by_itself_and_costs_nothing_afterwards(node):
    node.rules(retrying(attempts=0), fault(node, lasts=10.0, status=503))
    await asyncio.sleep(9.9)
    assert await statuses(node, 1) == [503]
    await asyncio.sleep(0.2)
    assert await statuses(node, 1) == [200]
    assert node.wire.disruptions is None


async def test_it_goes_on_over_revisions_and_is_taken_out_by_one(node):
    one = fault(node, lasts=10.0, status=503)
    node.rules(retrying(attempts=0), one)
    await asyncio.sleep(6.0)
    node.rules(retrying(attempts=1), one, revision=2)
    assert await statuses(node, 1) == [503]
    await asyncio.sleep(4.1)
    assert await statuses(node, 1) == [200]
    node.rules(retrying(attempts=0), fault(node, status=503), revision=3)
    assert await statuses(node, 1) == [503]
    node.rules(retrying(attempts=0), revision=4)
    assert await statuses(node, 1) == [200]


async def test_one_that_is_over_never_begins_and_none_lasts_longer_than_a_day(node):
    node.rules(retrying(attempts=0), fault(node, lasts=-1.0, status=503))
    assert node.wire.disruptions is None
    node.rules(retrying(attempts=0), fault(node, lasts=1e9, status=503), revision=2)
    await asyncio.sleep(LONGEST + 1.0)
    assert node.wire.disruptions is None


def test_it_travels_as_a_rule():
    from plait.actors.messages.codec import Codec
    from plait.actors.messages.rule import Rule

    one = Disruption("default/a", "shop", "ann", "x", 5.0, drop=True)
    assert Codec[Rule](Rule).decode(encode(one)) == one
