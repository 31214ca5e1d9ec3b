"""The limits of a destination on one node: what waits, in which order it goes on, and what is refused."""

import asyncio
from typing import ClassVar

import pytest

from plait.actors import Service, get
from plait.actors.messages.error import (
    DeadlineExceeded,
    InstanceGone,
    MissedDeadline,
    NoEndpoints,
    PoolOverflow,
)
from plait.actors.messages.hashing import ConsistentHash, HashSource
from plait.actors.messages.rule import Destination, DestinationPolicy, Mirror, RetryPolicy, RouteRule, RuleSet, Subset
from plait.actors.messages.traffic import Pool, TrafficPolicy
from tests.nodes import Network
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Slow(Service, name="slow", version="v1", concurrency=2000, mailbox=2000):
    """Answers when it is let go; keeps the most that it had in hand."""

    began: ClassVar[list] = []
    gates: ClassVar[dict] = {}
    hand: ClassVar[list] = [0, 0]

    @get("/{name}")
    async def slow(self, name: str):
        self.began.append(name)
        self.hand[0] += 1
        self.hand[1] = max(self.hand)
        gate = self.gates[name] = asyncio.get_running_loop().create_future()
        try:
            await gate
        finally:
            self.hand[0] -= 1
        return name


class SlowTwo(Slow, name="slow", version="v2"):
    began: ClassVar[list] = []
    hand: ClassVar[list] = [0, 0]


def policy(pool, hashed=None, **more):
    subsets = tuple(Subset(one, {"version": one}) for one in ("v1", "v2"))
    return DestinationPolicy("default/slow", "slow", TrafficPolicy(hash=hashed, pool=pool), subsets, **more)


def route(**more):
    return RuleSet("default/slow", ("slow.default.svc.cluster.local",), routes=(RouteRule("r", (), **more),))


@pytest.fixture
async def node():
    for kind in (Slow, SlowTwo):
        kind.began.clear()
        kind.hand[:] = [0, 0]
    Slow.gates.clear()
    network = Network()
    node = network.node()
    await node.host(Slow)
    yield node
    await network.close()


async def send(node, name, **more):
    """Send a call; it is on its way when this returns."""
    task = asyncio.create_task(node.send("slow", f"/{name}", **more))
    await asyncio.sleep(0.01)
    return task


async def let_go(name):
    Slow.gates.pop(name).set_result(None)
    await asyncio.sleep(0.01)


async def test_an_instance_gets_no_more_than_it_may_and_the_others_follow_in_order(node):
    node.rules(policy(Pool(per_instance=1, pending=3)))
    tasks = {name: await send(node, name) for name in "abcd"}
    assert Slow.began == ["a"]
    assert node.proxy.counts.queued == {"slow": 3}
    for name in "abcd":
        await let_go(name)
        assert (await tasks[name]).status == 200
    assert Slow.began == ["a", "b", "c", "d"]
    assert Slow.hand[1] == 1
    assert node.proxy.counts.queued == {}
    assert node.notes.answers == [200] * 4


async def test_more_than_may_wait_is_refused_at_once_and_not_tried_again(node):
    node.rules(policy(Pool(per_instance=1, pending=1)))
    first, second = await send(node, "a"), await send(node, "b")
    with pytest.raises(PoolOverflow, match="1 calls wait already"):
        await node.send("slow", "/c")
    assert dict(node.proxy.counts.overflowed) == {("slow", "pending"): 1}
    await let_go("a")
    await let_go("b")
    assert [(await one).status for one in (first, second)] == [200, 200]
    assert Slow.began == ["a", "b"]


async def test_the_limit_of_the_destination_refuses_at_once(node):
    node.rules(policy(Pool(requests=2)))
    tasks = [await send(node, name) for name in "ab"]
    with pytest.raises(PoolOverflow, match="2 calls are under way"):
        await node.send("slow", "/c")
    await let_go("a")
    tasks.append(await send(node, "d"))
    await let_go("b")
    await let_go("d")
    assert [(await one).status for one in tasks] == [200] * 3
    assert dict(node.proxy.counts.overflowed) == {("slow", "requests"): 1}


async def test_another_instance_with_room_takes_the_call(node):
    await node.host(SlowTwo, "slow-2")
    node.rules(policy(Pool(per_instance=2, pending=0)))
    tasks = [await send(node, f"{number}") for number in range(4)]
    assert (len(Slow.began), len(SlowTwo.began)) == (2, 2)
    with pytest.raises(PoolOverflow):
        await node.send("slow", "/more")
    for number in range(4):
        await let_go(f"{number}")
    assert [(await one).status for one in tasks] == [200] * 4


async def test_a_call_led_by_a_key_goes_on_to_an_instance_with_room(node):
    await node.host(SlowTwo, "slow-2")
    node.rules(policy(Pool(per_instance=1, pending=0), ConsistentHash(HashSource.HEADER, "user")))
    tasks = [await send(node, name, headers=[("user", "one")]) for name in "ab"]
    assert sorted((len(Slow.began), len(SlowTwo.began))) == [1, 1]
    with pytest.raises(PoolOverflow):
        await node.send("slow", "/c", headers=[("user", "one")])
    for name in "ab":
        await let_go(name)
    assert [(await one).status for one in tasks] == [200] * 2


async def test_who_waits_hears_of_places_that_calls_of_another_subset_free(node):
    both = RuleSet(
        "default/slow",
        ("slow.default.svc.cluster.local",),
        routes=(RouteRule("r", (), (Destination("slow", "v1", 50), Destination("slow", "", 50))),),
    )
    node.rules(policy(Pool(per_instance=1, pending=50)), both)
    tasks = [await send(node, f"{number}") for number in range(20)]
    done = 0
    while done < 20:  # each place is freed by some cluster and must reach whoever waits, in either
        assert Slow.hand[0] == 1, f"nobody was woken after {done} calls"
        await let_go(Slow.began[-1])
        done += 1
    assert [(await one).status for one in tasks] == [200] * 20
    assert Slow.hand[1] == 1


async def test_a_time_limit_ends_the_wait_and_nobody_has_worked_on_it(node):
    node.rules(policy(Pool(per_instance=1)))
    first = await send(node, "a")
    with pytest.raises(MissedDeadline):
        await node.send("slow", "/b", timeout=0.5)
    assert node.proxy.counts.queued == {}
    await let_go("a")
    assert (await first).status == 200
    assert Slow.began == ["a"]


async def test_who_gives_up_leaves_the_queue_and_the_next_one_goes_on(node):
    node.rules(policy(Pool(per_instance=1)))
    tasks = {name: await send(node, name) for name in "abc"}
    tasks["b"].cancel()
    await asyncio.sleep(0.01)
    assert node.proxy.counts.queued == {"slow": 1}
    await let_go("a")
    assert Slow.began == ["a", "c"]
    tasks["c"].cancel()  # under way: the instance has to hear of it
    await asyncio.sleep(0.01)
    assert node.wire.waiting == {}
    last = await send(node, "d")
    await let_go("d")
    assert (await last).status == 200


async def test_an_inherited_deadline_raises_nothing_while_the_caller_can_be_cancelled(node):
    node.rules(policy(Pool(per_instance=1)))
    first = await send(node, "a")
    waiting = await send(node, "b", expires=node.loop.time() + 0.5)
    await asyncio.sleep(1.0)
    assert not waiting.done()
    await asyncio.sleep(1.0)  # nobody came: only a task that its caller left behind lives to see this
    with pytest.raises(MissedDeadline):
        await waiting
    first.cancel()


async def test_an_instance_that_comes_takes_who_waits(node):
    node.rules(policy(Pool(per_instance=1)))
    tasks = [await send(node, name) for name in "abc"]
    await node.host(SlowTwo, "slow-2")
    await asyncio.sleep(0.01)
    assert (Slow.began, SlowTwo.began) == (["a"], ["b"])
    await let_go("b")
    assert SlowTwo.began == ["b", "c"]
    for name in "ac":
        await let_go(name)
    assert [(await one).status for one in tasks] == [200] * 3


async def test_those_who_wait_fail_when_the_last_instance_goes(node):
    node.rules(policy(Pool(per_instance=1)), route(destinations=(Destination("slow"),), retries=RetryPolicy(0)))
    tasks = [await send(node, name) for name in "abc"]
    node.network.remove("slow", "slow-1")
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(one) for one in outcomes} == {InstanceGone, NoEndpoints}
    assert node.proxy.counts.queued == {}


async def test_a_wider_limit_lets_those_go_who_wait(node):
    node.rules(policy(Pool(per_instance=1)))
    tasks = [await send(node, name) for name in "abc"]
    node.rules(policy(Pool(per_instance=2)), revision=2)
    tasks.append(await send(node, "d"))
    assert Slow.began == ["a", "b"]
    for name in "abcd":
        await let_go(name)
    assert [(await one).status for one in tasks] == [200] * 4


async def test_a_retry_waits_like_any_attempt(node):
    """The first attempt times out by its own limit; the retry waits for a place with what is left."""
    node.rules(
        policy(Pool(per_instance=1)),
        route(destinations=(Destination("slow"),), retries=RetryPolicy(1, per_try_timeout=0.5)),
    )
    task = await send(node, "a")
    other = await send(node, "b", method="GET")
    with pytest.raises((DeadlineExceeded, MissedDeadline)):
        await task
    with pytest.raises((DeadlineExceeded, MissedDeadline)):
        await other
    assert node.proxy.counts.queued == {}
    assert node.wire.waiting == {}


async def test_only_so_many_retries_are_under_way(node):
    node.rules(
        policy(Pool(retries=1)),
        route(destinations=(Destination("slow"),), retries=RetryPolicy(1, per_try_timeout=0.5)),
    )
    tasks = [await send(node, name) for name in "abc"]
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in outcomes] == [DeadlineExceeded] * 3
    assert len(Slow.began) == 4
    assert dict(node.proxy.counts.overflowed) == {("slow", "retries"): 2}
    (cluster,) = node.proxy.directory.clusters()
    assert (cluster.pool.active, cluster.pool.retrying) == (0, 0)


async def test_copies_hold_no_place(node):
    await node.host(SlowTwo, "slow-2")
    node.rules(
        policy(Pool(per_instance=1)),
        route(destinations=(Destination("slow", "v1"),), mirrors=(Mirror("slow", "v1"),)),
    )
    tasks = [await send(node, name) for name in "ab"]
    assert Slow.began == ["a", "a", "b"]  # the copy of each, and the first call
    await let_go("b")  # a copy ends: it frees no place
    assert Slow.began == ["a", "a", "b"]
    assert node.proxy.counts.queued == {"slow": 1}
    await let_go("a")
    assert Slow.began == ["a", "a", "b", "b"]
    await let_go("b")
    assert [(await one).status for one in tasks] == [200] * 2


async def test_a_default_limit_holds_without_any_rule(node):
    tasks = [await send(node, f"{number}") for number in range(101)]
    assert len(Slow.began) == 100
    assert node.proxy.counts.queued == {"slow": 1}
    await let_go("0")
    assert Slow.began[-1] == "100"
    for one in tasks:
        one.cancel()


async def test_nothing_is_left_behind_by_calls_that_end_in_any_way(node):
    node.rules(policy(Pool(per_instance=2, pending=30)))
    await node.host(SlowTwo, "slow-2")
    tasks = [await send(node, f"{number}", timeout=1.0 + number % 3) for number in range(20)]
    for number, task in enumerate(tasks):
        if number % 5 == 0:
            task.cancel()
    node.network.remove("slow", "slow-2")
    await asyncio.gather(*tasks, return_exceptions=True)
    (cluster,) = node.proxy.directory.clusters()
    assert (cluster.pool.active, len(cluster.pool.queue), node.wire.waiting) == (0, 0, {})
    assert all(one.active == 0 and one.awaited == () for one in cluster.members)
