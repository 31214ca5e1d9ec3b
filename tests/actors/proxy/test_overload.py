"""Overload at a called instance: which calls are refused, in which order, and what callers hear of it."""

import asyncio

import pytest

from plait.actors import Service, get
from plait.actors.messages.error import Overloaded
from plait.actors.messages.resilience import Concurrency, Resilience
from plait.actors.messages.rule import Destination, HeaderChange, RetryPolicy, RouteRule, RuleSet
from plait.actors.routing.upstream import Upstreams
from tests.nodes import Network
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Slow(Service, name="slow", concurrency=2, mailbox=4):
    @get("/{name}")
    async def work(self, name: str):
        await self.sleep(0.02)
        return name


class Front(Service, name="front"):
    @get("/low")
    async def low(self):
        self.baggage["x-plait-priority"] = "sheddable"
        return (await self.call("behind", "/")).body


class Behind(Service, name="behind"):
    @get("/")
    async def say(self):
        return self.baggage.get("x-plait-priority", "none")


@pytest.fixture
async def node():
    network = Network()
    node = network.node()
    for kind in (Slow, Front, Behind):
        await node.host(kind)
    yield node
    await network.close()


def once(**more):
    """A route without retries."""
    route = RouteRule("", (), (Destination("slow", weight=100),), retries=RetryPolicy(0), **more)
    return RuleSet("default/slow", ("slow.default.svc.cluster.local",), routes=(route,))


async def outcomes(node, *calls):
    """What becomes of calls that come at the same moment."""
    found = await asyncio.gather(
        *(node.send("slow", f"/{name}", **more) for name, more in calls), return_exceptions=True
    )
    return ["refused" if isinstance(one, Overloaded) else one.body.decode() for one in found]


def said(priority, place="baggage"):
    if place == "headers":
        return {"headers": [("x-plait-priority", priority)]}
    return {"baggage": {"x-plait-priority": priority}}


@pytest.mark.parametrize("place", ["baggage", "headers"])
async def test_in_a_full_mailbox_the_urgent_take_the_place_of_the_least_urgent(node, place):
    node.rules(once())
    low, high = said("sheddable", place), said("critical", place)
    calls = [("a", {}), ("b", {}), ("c", low), ("d", {}), ("e", low), ("f", {}), ("g", high), ("h", low), ("i", {})]
    assert await outcomes(node, *calls) == ["a", "b", "refused", "d", "refused", "f", "g", "refused", "i"]


async def test_a_word_that_is_no_priority_is_the_default(node):
    node.rules(once())
    calls = [(name, said("x" * 10_000)) for name in "abcdef"]
    assert await outcomes(node, *calls, ("g", {}), ("h", said("critical"))) == [*"abcde", "refused", "refused", "h"]


async def test_a_route_says_the_priority_of_its_calls(node):
    change = HeaderChange((("x-plait-priority", "critical"),))
    route = RouteRule("", (), (Destination("behind", weight=100),), request_headers=change)
    node.rules(RuleSet("default/b", ("behind.default.svc.cluster.local",), routes=(route,)))
    assert (await node.send("behind", "/")).body == b"critical"


async def test_what_a_service_says_travels_to_what_it_calls(node):
    assert (await node.send("front", "/low")).body == b"sheddable"


async def test_a_document_limits_how_many_calls_an_instance_takes(node):
    inbound = node.inbounds["slow-1"]
    document = Resilience("default/s", "slow", concurrency=Concurrency(3, 3, 3))
    node.rules(once(), document)
    inbound.use(Upstreams([], resilience=[document])("slow", "").resilience)
    calls = [("a", {}), ("b", said("sheddable")), ("c", said("critical")), ("d", {}), ("e", said("critical"))]
    assert await outcomes(node, *calls) == ["a", "b", "c", "refused", "refused"]
    inbound.use(Resilience("", ""))
    assert await outcomes(node, *[(name, {}) for name in "abcde"]) == [*"abcde"]


async def test_a_refused_call_goes_to_somebody_else_and_not_to_the_same_again(node):
    calls = [(name, {}) for name in "abcdefgh"]
    assert (await outcomes(node, *calls)).count("refused") == 2
    assert node.inbounds["slow-1"].meter.requests == 8  # nothing was tried again where there is nobody else
    await node.host(Slow, "slow-2")
    assert (await outcomes(node, *calls)).count("refused") == 0
