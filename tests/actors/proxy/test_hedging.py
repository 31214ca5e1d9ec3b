"""Hedging by a Resilience: sooner than by default, within a bound of its own, and explicit about it."""

import asyncio

import pytest

from plait.actors.messages.resilience import Hedge, Resilience
from plait.actors.messages.rule import Destination, RetryPolicy, RouteRule, RuleSet
from tests.actors.proxy.test_race import World
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(network):
    world = World(network)
    await world.learn()
    return world


def hedged(**how):
    return Resilience("default/echo", "echo", hedge=Hedge(**how))


async def test_a_hedge_begins_after_the_quantile_that_the_rule_names(world):
    world.near.rules(hedged(max_extra_percent=50.0))
    await asyncio.gather(*(world.near.send("echo") for _ in range(20)))
    world.hang("a")
    body, took = await world.timed()
    assert body == "b"
    assert took < 0.035, "ten milliseconds are the p95, ten more the answer of the other one"


async def test_a_hedge_begins_after_a_fixed_time_before_anything_is_known(network):
    world = World(network)
    world.near.rules(hedged(delay=0.02, max_extra_percent=100.0))
    await world.learn(10)
    world.hang("a")
    body, took = await world.timed()
    assert (body, took < 0.045) == ("b", True)


async def test_no_more_of_the_calls_are_made_twice_than_the_rule_allows(world):
    world.near.rules(hedged(delay=0.02, max_extra_percent=4.0))
    for far in world.far.values():
        far.after = 0.1
        far.frames.clear()
    for _ in range(5):
        await asyncio.gather(*(world.near.send("echo") for _ in range(100)))
    assert 480 < sum(len(far.frames) for far in world.far.values()) <= 520
    assert 0 < world.cluster.pace.begun <= 20


async def test_a_route_without_retries_is_hedged_where_a_rule_says_so(world):
    route = RouteRule(destinations=(Destination("echo"),), retries=RetryPolicy(0))
    routes = RuleSet("default/echo", ("echo.default.svc.cluster.local",), routes=(route,))
    world.near.rules(routes, hedged(delay=0.02, max_extra_percent=100.0))
    await asyncio.gather(*(world.near.send("echo") for _ in range(20)))
    world.hang("a")
    assert (await world.timed())[0] == "b"


async def test_an_observer_that_fails_leaves_no_caller_waiting(world, caplog):
    def fail(*_):
        raise RuntimeError("broken")

    world.near.notes.answered = fail
    assert (await world.timed())[0] in "ab"
    assert "what observes calls failed" in caplog.text
