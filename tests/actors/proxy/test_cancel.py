"""Whatever ends the wait of the first caller ends the work of all below it, over nodes of their own and inside one."""

import asyncio

import pytest

from plait.actors import DeadlineExceeded, Request, Service, get
from plait.actors.messages.codec import encode
from plait.actors.messages.envelope import ReplyFrame
from plait.actors.runtime.context import current
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

LOG = []


class Hop(Service, name="one"):
    further = "two"

    @get("/")
    async def pass_on(self):
        return await note(self, self.call(self.further, "/"))


class Two(Hop, name="two"):
    further = "three"


class Three(Service, name="three", concurrency=2):
    hanging = True

    @get("/")
    async def work(self):
        return await note(self, self.sleep(60.0 if Three.hanging else 0.01))


async def note(service, work):
    LOG.append(f"{service.name} began")
    try:
        await work
    except asyncio.CancelledError:
        LOG.append(f"{service.name} cancelled")
        raise
    LOG.append(f"{service.name} ended")
    return service.hosting.instance.id


@pytest.fixture(params=["over the bus", "inside one node"])
async def front(network, request):
    LOG.clear()
    Three.hanging = True
    front = network.node("front")
    for number, kind in enumerate((Hop, Two, Three)):
        node = front if request.param == "inside one node" else network.node(f"node-{number}")
        await node.host(kind)
    return front


ALL = ["one began", "one cancelled", "three began", "three cancelled", "two began", "two cancelled"]


async def test_a_client_that_goes_stops_all_three(front):
    task = asyncio.ensure_future(front.send("one"))
    await asyncio.sleep(1.0)
    assert LOG == ["one began", "two began", "three began"]
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0.1)
    assert sorted(LOG) == ALL
    assert front.wire.waiting == {}


async def test_a_time_limit_that_ends_stops_all_three(front):
    with pytest.raises(DeadlineExceeded):
        await front.send("one", timeout=1.0)
    await asyncio.sleep(0.1)
    assert sorted(LOG) == ALL


async def test_what_waits_in_a_mailbox_is_dropped_before_it_is_done(front):
    outcomes = await asyncio.gather(*(front.send("three", timeout=1.0) for _ in range(10)), return_exceptions=True)
    assert {type(one) for one in outcomes} == {DeadlineExceeded}
    await asyncio.sleep(10.0)
    assert LOG.count("three began") == 2
    assert LOG.count("three cancelled") == 2


async def test_what_waits_in_a_mailbox_is_dropped_where_its_caller_goes(front):
    tasks = [asyncio.ensure_future(front.send("three")) for _ in range(10)]
    await asyncio.sleep(1.0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await asyncio.sleep(10.0)
    assert LOG.count("three began") == LOG.count("three cancelled") == 2


async def test_a_lost_race_stops_the_loser_and_all_below_it(network):
    LOG.clear()
    Three.hanging = False
    front = network.node("front")
    for number, (kind, name) in enumerate(((Hop, "one-a"), (Hop, "one-b"), (Two, "two-1"), (Three, "three-1"))):
        await network.node(f"node-{number}").host(kind, name)
    for _ in range(110):
        await front.send("one")
    LOG.clear()
    Three.hanging = True
    task = asyncio.ensure_future(front.send("one"))
    await asyncio.sleep(0.2)
    assert LOG == ["one began", "two began", "three began"] * 2, "the first hop has an instance beside, the others not"
    first, second = sorted(front.wire.waiting.values(), key=lambda waiting: waiting.began)
    second.arrived(encode(ReplyFrame(1, 200, [], b"won")))
    assert (await task).body == b"won"
    await asyncio.sleep(0.1)
    assert LOG.count("one cancelled") == LOG.count("two cancelled") == LOG.count("three cancelled") == 1
    assert first.over


# Tokens on their way


class Asks(Service, name="asks"):
    @get("/")
    async def ask(self, request: Request):
        return {"tokens": current.get().frame.retry_tokens, "attempt": request.headers["x-envoy-attempt-count"]}


class Passes(Service, name="passes"):
    @get("/")
    async def ask(self):
        replies = [await self.call("asks", "/") for _ in range(2)]
        beside = await asyncio.gather(*(self.call("asks", "/") for _ in range(3)))
        mine = current.get().frame.retry_tokens
        return [mine, *(reply.json()["tokens"] for reply in (*replies, *beside))]


async def test_tokens_are_halved_at_each_hop_given_back_and_split_among_calls_beside_each_other(network):
    front = network.node("front")
    await network.node("a").host(Passes)
    await network.node("b").host(Asks)
    reply = await front.send("passes")
    assert reply.body == b"[8,4,4,4,2,1]"
    assert reply.spent == 0


async def test_the_number_of_the_attempt_reaches_the_handler(network):
    front = network.node("front")
    await network.node("b").host(Asks)
    assert b'"attempt":"1"' in (await front.send("asks")).body


async def test_a_cancel_inside_one_node_needs_no_bus(network):
    LOG.clear()
    Three.hanging, said = True, []
    front, ear = network.node("front"), network.node("ear")
    await front.host(Three)
    ear.bus.subscribe(b"plait.m.cancel.>", lambda subject, *_: said.append(subject))
    task = asyncio.ensure_future(front.send("three"))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0.1)
    assert LOG == ["three began", "three cancelled"]
    assert said == []
