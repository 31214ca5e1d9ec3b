"""Second attempts over nodes on one bus: when they begin, who wins, and what becomes of the loser."""

import asyncio
import contextlib

import pytest

from plait.actors.messages.codec import decode_call, encode
from plait.actors.messages.envelope import Flag, ReplyFrame
from plait.actors.messages.error import DeadlineExceeded, InstanceGone
from plait.actors.messages.instance import Instance
from plait.actors.messages.rule import Destination, DestinationPolicy, RetryPolicy, RouteRule, RuleSet
from plait.actors.messages.traffic import RetryBudget, TrafficPolicy
from tests.nodes import SUBJECTS
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

NEVER = 1e6


class Far:
    """An instance by hand that answers each call after `after` seconds, with `answer`."""

    def __init__(self, network, name):
        self.name, self.after, self.answer = name, 0.01, ReplyFrame(1, 200, [], name.encode())
        self.frames, self.replies, self.cancelled = [], [], []
        self.node = network.node(f"far-{name}")
        self.node.bus.subscribe(SUBJECTS.calls_to("echo", name), self._take)
        self.node.bus.subscribe(
            SUBJECTS.cancels_to("echo", name), lambda s, r, payload, h: self.cancelled.append(payload)
        )
        network.announce(Instance(name, "echo", "v1", {}, "", f"node-{name}", 1))

    def _take(self, subject, reply, payload, headers):
        self.frames.append(decode_call(payload))
        self.replies.append(reply)
        if self.after < NEVER:
            asyncio.get_running_loop().call_later(self.after, self.node.bus.publish, reply, encode(self.answer))


class World:
    def __init__(self, network, names="ab"):
        self.network = network
        self.near = network.node("near")
        self.far = {name: Far(network, name) for name in names}

    async def learn(self, calls=120):
        """Make so many calls that it is known how long they take."""
        for far in self.far.values():
            await far.node.bus.flush()
        await asyncio.gather(*(self.near.send("echo") for _ in range(calls)))
        for far in self.far.values():
            far.frames.clear()
            far.replies.clear()

    def hang(self, name, after=NEVER):
        """Let one answer late, or never, and have the next call go to it."""
        self.far[name].after = after
        for other, far in self.far.items():
            self.endpoint(other).active = 0 if other == name else 50
            far.frames.clear()

    def endpoint(self, name):
        return self.near.proxy.directory.services()["echo"][name]

    @property
    def cluster(self):
        (cluster,) = {cluster for cluster, _ in self.near.proxy.snapshot._ways.values()}
        return cluster

    async def timed(self, **more):
        begin = asyncio.get_running_loop().time()
        reply = await self.near.send("echo", **more)
        return reply.body.decode(), asyncio.get_running_loop().time() - begin


@pytest.fixture
async def world(network):
    world = World(network)
    await world.learn()
    return world


async def test_a_call_that_outlasts_its_time_is_made_on_another_instance_too_and_the_first_answer_counts(world):
    world.hang("a")
    body, took = await world.timed()
    assert body == "b"
    assert 0.05 <= took < 0.075
    first, second = world.far["a"].frames[0], world.far["b"].frames[0]
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.call == second.call
    assert not first.flags & Flag.HEDGE
    assert second.flags & Flag.HEDGE


async def test_the_loser_is_told_to_stop_and_no_longer_counts(world):
    world.hang("a")
    await world.timed()
    await asyncio.sleep(0.01)
    assert world.far["a"].cancelled == world.far["a"].replies
    assert world.far["b"].cancelled == []
    assert (world.endpoint("a").active, world.endpoint("b").active) == (0, 50)
    assert world.near.wire.waiting == {}
    assert world.near.bus.waiting == {}
    assert world.cluster.budget.outstanding == 0


async def test_a_late_answer_of_the_first_still_counts(world):
    world.hang("a", after=0.06)
    world.far["b"].after = 5.0
    body, took = await world.timed()
    assert body == "a"
    assert took == pytest.approx(0.06, abs=0.005)
    await asyncio.sleep(0.01)
    assert world.far["b"].cancelled == world.far["b"].replies


async def test_where_one_fails_the_other_may_still_answer(world):
    world.hang("a")
    world.far["b"].after = 0.3
    call = asyncio.ensure_future(world.timed())
    await asyncio.sleep(0.1)
    world.network.remove("echo", "a")
    assert (await call)[0] == "b"
    world.far["b"].after = NEVER


async def test_where_both_fail_the_call_fails(world, network):
    network.announce()
    world.near.rules(
        RuleSet(
            "default/echo",
            ("echo.default.svc.cluster.local",),
            routes=(RouteRule(destinations=(Destination("echo"),), retries=RetryPolicy(1)),),
        )
    )
    world.hang("a")
    world.far["b"].after = NEVER
    call = asyncio.ensure_future(world.timed())
    await asyncio.sleep(0.1)
    network.remove("echo", "a")
    network.remove("echo", "b")
    with pytest.raises(InstanceGone):
        await call
    assert world.cluster.budget.outstanding == 0


async def test_both_are_stopped_where_the_time_ends_and_where_the_caller_gives_up(world):
    for timeout in (1.0, None):
        world.hang("a")
        world.far["b"].after = NEVER
        call = asyncio.ensure_future(world.timed(timeout=timeout))
        await asyncio.sleep(0.5)
        assert len(world.near.wire.waiting) == 2
        if timeout is None:
            call.cancel()
            await asyncio.wait([call])
        else:
            with pytest.raises(DeadlineExceeded):
                await call
        await asyncio.sleep(0.01)
        assert world.near.wire.waiting == {}
        for far in world.far.values():
            assert far.cancelled == far.replies
        assert world.cluster.budget.outstanding == 0


async def test_what_must_not_run_twice_is_not_made_twice(world):
    world.hang("a", after=1.0)
    assert await world.timed(method="POST") == ("a", pytest.approx(1.0, abs=0.01))
    world.hang("a", after=1.0)
    assert (await world.timed(method="POST", headers=[("idempotency-key", "k")]))[0] == "b"
    world.hang("a", after=1.0)
    assert (await world.timed(method="POST", headers=[("idempotency-key", "k")], body=b"x" * 65_537))[0] == "a"


async def test_without_another_instance_nothing_happens(network):
    world = World(network, "a")
    await world.learn()
    world.far["a"].after = 1.0
    assert (await world.timed())[0] == "a"
    assert len(world.far["a"].frames) == 1


async def test_before_enough_is_known_nothing_happens(network):
    world = World(network)
    await world.learn(99)
    world.hang("a", after=1.0)
    assert (await world.timed())[0] == "a"


@pytest.mark.parametrize("retries", [RetryPolicy(0), RetryPolicy(2, per_try_timeout=5.0)])
async def test_a_route_without_retries_and_one_with_a_time_for_each_have_none(world, retries):
    route = RouteRule(destinations=(Destination("echo"),), retries=retries)
    world.near.rules(RuleSet("default/echo", ("echo.default.svc.cluster.local",), routes=(route,)))
    world.hang("a", after=1.0)
    assert (await world.timed())[0] == "a"


async def test_a_service_that_is_slow_everywhere_gets_a_longer_time(world):
    for far in world.far.values():
        far.after = 0.06
    for _ in range(10):
        await asyncio.gather(*(world.near.send("echo") for _ in range(100)))
    assert world.cluster.pace.delay >= 0.18
    begun = world.cluster.pace.begun
    await asyncio.gather(*(world.near.send("echo") for _ in range(100)))
    assert world.cluster.pace.begun == begun


async def test_the_budget_bounds_second_attempts(world):
    world.near.rules(DestinationPolicy("default/echo", "echo", TrafficPolicy(budget=RetryBudget(5.0, 0))))
    for far in world.far.values():
        far.after = 0.2
    await asyncio.gather(*(world.near.send("echo") for _ in range(100)))
    pace = world.cluster.pace
    assert 0 < pace.begun <= 0.05 * 220
    assert pace.begun + pace.refused == 100


async def test_second_attempts_are_counted_with_those_that_no_budget_allowed(world):
    world.near.rules(DestinationPolicy("default/echo", "echo", TrafficPolicy(budget=RetryBudget(5.0, 0))))
    for _ in range(12):
        world.hang("a")
        with contextlib.suppress(DeadlineExceeded):
            await world.timed(timeout=0.5)
    counts = world.near.proxy.counts
    begun, refused = (counts.second_attempts["echo", outcome] for outcome in ("begun", "refused"))
    assert begun > 0
    assert refused > 0
    assert counts.unbudgeted == {"echo": refused}
