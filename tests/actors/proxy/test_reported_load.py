"""How busy an instance is reaches its callers: in one reply each tenth of a second, and only what can be."""

import asyncio
import math

import pytest

from plait.actors import Response, Service, get
from plait.actors.messages.codec import encode
from plait.actors.messages.envelope import ReplyFrame
from plait.actors.messages.load import LoadReport
from plait.actors.proxy.meter import WINDOW
from tests.nodes import Asker, Network
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Echo(Service, name="echo", concurrency=4):
    @get("/")
    def plain(self):
        return "hello"

    @get("/says")
    def says(self):
        self.report(utilization=0.8, gpu=0.25)
        return "said"

    @get("/odd")
    def odd(self):
        self.report(utilization=1.5)

    @get("/fails")
    def fails(self):
        return Response(b"", 500)


@pytest.fixture
async def network():
    made = Network()
    yield made
    await made.close()


@pytest.fixture
async def far(network):
    """An instance on a node of its own, and another node that knows it."""
    await network.node("far").host(Echo)
    return network.node("near")


def endpoint(node):
    return node.proxy.directory.services()["echo"]["echo-1"]


async def test_the_caller_knows_how_busy_an_instance_is_and_since_when(far):
    await far.send("echo", "/says")
    await asyncio.sleep(WINDOW * 2)
    await far.send("echo")
    known = endpoint(far)
    assert (known.load.application, known.load.metrics, known.load.capacity) == (0.8, {"gpu": 0.25}, 4)
    assert known.loaded_at == pytest.approx(far.loop.time(), abs=0.05)


async def test_one_reply_to_each_caller_within_a_tenth_of_a_second_carries_the_report(network):
    await network.node("far").host(Echo)
    asker = Asker(network)

    async def reports(count, caller):
        asked = [asker.ask(caller=caller) for _ in range(count)]
        await asyncio.sleep(0.01)
        return [asker.got(reply).load is not None for reply in asked]

    assert await reports(3, "a") == [True, False, False]
    assert await reports(3, "b") == [True, False, False]
    assert await reports(2, "a") == [False, False]
    await asyncio.sleep(WINDOW * 1.2)
    assert await reports(2, "a") == [True, False]


async def test_an_instance_of_this_very_node_is_heard_of_too(network):
    node = network.node("both")
    await node.host(Echo)
    await node.send("echo", "/says")
    assert endpoint(node).load is not None


async def test_requests_and_failures_are_counted_where_they_are_answered(network):
    far = network.node("far")
    await far.host(Echo)
    near = network.node("near")
    for path in ("/", "/fails", "/nowhere", "/"):
        await near.send("echo", path)
    meter = far.inbounds["echo-1"].meter
    assert (meter.requests, meter.failures) == (4, 1)
    tally = endpoint(near).tally
    assert (tally.requests, tally.failures) == (4, 1)


async def test_a_figure_that_is_none_fails_the_call_that_says_it(far):
    assert (await far.send("echo", "/odd")).status == 500
    await far.send("echo")
    assert endpoint(far).load.application == 0.0


@pytest.mark.parametrize(
    "hostile",
    [
        LoadReport(utilization=math.nan),
        LoadReport(utilization=1.5),
        LoadReport(rate=math.inf),
        LoadReport(queued=-1),
    ],
)
async def test_figures_that_cannot_be_are_no_news_and_harm_no_answer(far, hostile):
    await far.send("echo", "/says")
    before = endpoint(far).load
    call = far.call("echo")
    running = far.proxy.start(call, lambda outcome: None)
    (reply,) = far.wire.waiting
    frame = ReplyFrame(1, 200, [], b"fine", load=hostile)
    heard = []
    running.done = heard.append
    far.wire.waiting[reply].arrived(encode(frame))
    assert heard[0].body == b"fine"
    assert endpoint(far).load is before
