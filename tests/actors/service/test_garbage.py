"""A call frees what it used by itself: a collector that has nothing to do never stands in a request's way."""

import asyncio
import gc

import pytest

from plait.actors import Service, get
from plait.actors.messages.error import DeadlineExceeded
from plait.actors.messages.fallback import Fallback, Fixed
from plait.actors.messages.resilience import Resilience
from plait.actors.messages.rule import Destination, RetryPolicy, RouteRule, RuleSet
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Ratings(Service, name="ratings"):
    @get("/")
    def rate(self):
        return {"stars": 5}


class Reviews(Service, name="reviews"):
    @get("/")
    async def review(self):
        return (await self.call("ratings", "/", timeout=1.0)).json()


@pytest.fixture
async def front(network):
    front = network.node("front")
    await network.node("a").host(Ratings)
    await network.node("b").host(Reviews)
    return front


async def test_calls_over_two_hops_leave_no_cycles_behind(front):
    await front.send("reviews", timeout=5.0)
    await asyncio.sleep(1)
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            reply = await front.send("reviews", timeout=5.0)
            assert reply.status == 200
        await asyncio.sleep(0.001)
        assert gc.collect() < 20  # not one object for each call
    finally:
        gc.enable()


async def test_calls_that_fall_back_leave_no_cycles_behind(front):
    stars = Fallback(Fixed(200, (), b"{}"), ("no-endpoints",))
    front.rules(Resilience("default/f", "nobody", fallbacks=(stars,)))
    gc.collect()
    gc.disable()
    try:
        for _ in range(30):
            assert (await front.send("nobody")).status == 200
        await asyncio.sleep(0.001)
        assert gc.collect() < 20
    finally:
        gc.enable()


class Slow(Service, name="slow"):
    @get("/")
    async def hang(self):
        await asyncio.sleep(3600)


async def test_attempts_that_come_to_nothing_leave_no_cycles_behind(network):
    front = network.node("front")
    await network.node("a").host(Slow)
    retries = RetryPolicy(attempts=2, backoff=0.001, per_try_timeout=0.05, on=("5xx",))
    route = RouteRule(destinations=(Destination("slow"),), retries=retries)
    front.rules(RuleSet("default/slow", ("slow.default.svc.cluster.local",), routes=(route,)))
    failures = []

    async def fail():
        ended = asyncio.get_running_loop().create_future()
        front.proxy.start(front.call("slow"), lambda outcome: ended.set_result(type(outcome)))
        failures.append(await asyncio.wait_for(ended, 5.0))

    await fail()
    await asyncio.sleep(1)
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            await fail()
        await asyncio.sleep(1)
        assert gc.collect() < 20
    finally:
        gc.enable()
    assert failures == [DeadlineExceeded] * 21
