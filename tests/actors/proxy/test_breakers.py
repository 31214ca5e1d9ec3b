"""Breakers on the way of calls: who fails is left out, one call looks, and a route fails by itself."""

import asyncio
import logging
from typing import ClassVar

import pytest

from plait.actors import Response, Service, get, post
from plait.actors.messages.error import BreakerOpen, NoEndpoints
from plait.actors.messages.hashing import ConsistentHash, HashSource
from plait.actors.messages.resilience import Breaker, Resilience
from plait.actors.messages.rule import (
    Destination,
    DestinationPolicy,
    MatchKind,
    RetryPolicy,
    RouteMatch,
    RouteRule,
    RuleSet,
    StringMatch,
)
from plait.actors.messages.traffic import TrafficPolicy
from plait.actors.proxy.breaker import State
from tests.nodes import Network
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Good(Service, name="shop", version="v1", concurrency=100):
    status: ClassVar[int] = 200
    asked: ClassVar[list] = []

    @get("/")
    def look(self):
        self.asked.append(self.version)
        return Response(self.version, self.status)

    @post("/")
    def buy(self):
        self.asked.append(f"{self.version} POST")
        return Response(self.version, self.status)

    @get("/report")
    def report(self):
        return Response("", 503)


class Bad(Good, name="shop", version="v2"):
    status: ClassVar[int] = 503


def breaker(**more):
    return Resilience("default/shop", "shop", breaker=Breaker(**{"calls": 4, "routes": False, **more}))


def once(**more):
    route = RouteRule("all", (), (Destination("shop"),), retries=RetryPolicy(0), **more)
    return RuleSet("default/shop", ("shop.default.svc.cluster.local",), routes=(route,))


@pytest.fixture
async def node():
    Good.asked.clear()
    Good.status, Bad.status = 200, 503
    network = Network()
    node = network.node()
    await node.host(Good, "good")
    await node.host(Bad, "bad")
    yield node
    await network.close()


async def statuses(node, times, **more):
    return [(await node.send("shop", "/", **more)).status for _ in range(times)]


def tripped(node):
    return {one.id: state for one, state in node.proxy.counts.tripped.items()}


async def test_who_fails_is_left_out_and_is_back_when_a_probe_is_answered(node, caplog):
    node.rules(once(), breaker())
    with caplog.at_level(logging.INFO, "plait.breaker"):
        await statuses(node, 40)
        assert tripped(node) == {"bad": State.OPEN}
        assert await statuses(node, 50) == [200] * 50
        Bad.status = 200
        await asyncio.sleep(10.0)
        assert tripped(node) == {"bad": State.HALF_OPEN}
        Good.asked.clear()
        await statuses(node, 1)
        assert Good.asked == ["v2"]  # the probe
        assert tripped(node) == {}
    assert [record.message for record in caplog.records] == [
        "the breaker of instance bad of shop opens for 10 s: 4 of 4 calls failed",
        "the breaker of instance bad of shop has closed: it answers again",
    ]
    assert dict(node.proxy.counts.opened) == {("shop", "instance"): 1}
    await statuses(node, 40)
    assert "v2" in Good.asked[1:]


async def test_one_call_at_a_time_looks(node):
    node.rules(once(), breaker())
    await statuses(node, 40)
    await asyncio.sleep(10.0)
    Good.asked.clear()
    answers = await asyncio.gather(*(node.send("shop", "/") for _ in range(20)))
    assert sorted(one.status for one in answers) == [200] * 19 + [503]
    assert Good.asked.count("v2") == 1
    await asyncio.sleep(11.0)
    assert tripped(node) == {"bad": State.OPEN}  # twice as long as before
    assert await statuses(node, 20) == [200] * 20


async def test_a_call_that_must_not_run_twice_looks_only_where_no_other_comes(node):
    node.rules(once(), breaker())
    await statuses(node, 40)
    await asyncio.sleep(10.0)
    Good.asked.clear()
    assert await statuses(node, 20, method="POST") == [200] * 20
    await asyncio.sleep(10.0)
    await statuses(node, 5, method="POST")
    assert Good.asked.count("v2 POST") == 1


async def test_when_everybody_fails_calls_fail_at_once_and_anybody_looks(node):
    Good.status = 503
    node.rules(once(), breaker())
    for _ in range(40):
        try:
            await node.send("shop", "/")
        except BreakerOpen:
            break
    assert tripped(node) == {"good": State.OPEN, "bad": State.OPEN}
    asked = len(Good.asked)
    with pytest.raises(BreakerOpen):
        await node.send("shop", "/")
    assert len(Good.asked) == asked
    Good.status = Bad.status = 200
    await asyncio.sleep(10.0)
    assert await statuses(node, 10, method="POST") == [200] * 10
    assert list(tripped(node).values()) == [State.HALF_OPEN]  # the other: it waits for a call that does no harm
    assert await statuses(node, 1) == [200]
    assert tripped(node) == {}


async def test_calls_led_by_a_key_go_on_to_the_next(node):
    hashed = TrafficPolicy(hash=ConsistentHash(HashSource.HEADER, "user"))
    node.rules(DestinationPolicy("default/shop", "shop", hashed), once(), breaker())
    for number in range(60):
        await node.send("shop", "/", headers=[("user", f"u{number}")])
    assert tripped(node) == {"bad": State.OPEN}
    found = {(await node.send("shop", "/", headers=[("user", f"u{n}")])).status for n in range(60)}
    assert found == {200}
    node.network.remove("shop", "good")
    with pytest.raises(BreakerOpen):
        await node.send("shop", "/", headers=[("user", "u1")])
    node.network.remove("shop", "bad")
    with pytest.raises(NoEndpoints, match="no healthy upstream"):
        await node.send("shop", "/", headers=[("user", "u1")])


async def test_what_is_gone_is_forgotten(node):
    node.rules(once(), breaker())
    await statuses(node, 40)
    node.network.remove("shop", "bad")
    assert tripped(node) == {}
    await asyncio.sleep(20.0)
    assert await statuses(node, 10) == [200] * 10


async def test_without_the_block_nothing_is_judged(node):
    node.rules(once(), breaker())
    await statuses(node, 40)
    node.rules(once(), revision=2)
    assert 503 in await statuses(node, 40)
    assert tripped(node) == {}
    (cluster,) = node.proxy.directory.clusters()
    assert (cluster.breakers, cluster.tripped) == (None, None)


def two_routes():
    at = StringMatch(MatchKind.EXACT, "/report")
    report = RouteRule("report", (RouteMatch(uri=at),), (Destination("shop"),), retries=RetryPolicy(0))
    return RuleSet(
        "default/shop",
        ("shop.default.svc.cluster.local",),
        routes=(report, RouteRule("all", (), (Destination("shop", ""),))),
    )


async def test_a_route_fails_by_itself_and_leaves_the_others_alone(node, caplog):
    Bad.status = 200
    node.rules(two_routes(), breaker(instances=False, routes=True))
    for _ in range(4):
        assert (await node.send("shop", "/report")).status == 503
    with pytest.raises(BreakerOpen, match="route default/shop report to shop, 4 of 4 calls failed"):
        await node.send("shop", "/report")
    assert await statuses(node, 20) == [200] * 20
    assert dict(node.proxy.counts.opened) == {("shop", "route"): 1}
    await asyncio.sleep(10.0)
    assert (await node.send("shop", "/report")).status == 503  # the probe
    with pytest.raises(BreakerOpen):
        await node.send("shop", "/report")
    assert [record.message for record in caplog.records if record.name == "plait.breaker"] == [
        "the breaker of route default/shop report to shop opens for 10 s: 4 of 4 calls failed",
        "the breaker of route default/shop report to shop opens for 20 s: the probe failed",
    ]


async def test_a_routes_breaker_outlives_revisions_and_closes_when_it_is_answered(node):
    node.rules(once(), breaker(instances=False, routes=True))
    node.network.remove("shop", "good")
    await statuses(node, 4)
    node.rules(once(timeout=5.0), breaker(instances=False, routes=True), revision=2)
    with pytest.raises(BreakerOpen):
        await node.send("shop", "/")
    Bad.status = 200
    await asyncio.sleep(10.0)
    assert await statuses(node, 10) == [200] * 10


async def test_a_call_given_up_leaves_the_route_to_another_probe(node):
    node.rules(once(), breaker(instances=False, routes=True))
    node.network.remove("shop", "good")
    await statuses(node, 4)
    await asyncio.sleep(10.0)
    task = asyncio.create_task(node.send("shop", "/"))
    await asyncio.sleep(0)
    task.cancel()
    Bad.status = 200
    await asyncio.sleep(0.1)
    assert await statuses(node, 3) == [200] * 3
