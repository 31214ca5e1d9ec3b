"""All hops of a request decide by the revision that its origin decided by."""

import pytest

from plait.actors import Service, get
from plait.actors.messages.rule import Destination, DestinationPolicy, RouteRule, RuleSet, Subset
from tests.nodes import Network

pytestmark = pytest.mark.anyio

POLICY = DestinationPolicy(
    "default/goal", "goal", subsets=(Subset("v1", {"version": "v1"}), Subset("v2", {"version": "v2"}))
)


class Front(Service, name="front"):
    @get("/")
    async def page(self) -> bytes:
        return (await self.call("goal", "/")).body


class One(Service, name="goal", version="v1"):
    @get("/")
    async def page(self) -> bytes:
        return b"v1"


class Two(Service, name="goal", version="v2"):
    @get("/")
    async def page(self) -> bytes:
        return b"v2"


def rules(subset):
    route = RouteRule("r", (), (Destination("goal", subset),))
    return RuleSet("default/goal", ("goal.default.svc.cluster.local",), routes=(route,))


@pytest.fixture
async def network():
    network = Network()
    yield network
    await network.close()


async def test_a_hop_that_has_gone_on_decides_a_request_by_the_revision_of_its_origin(network):
    origin, middle = network.node("origin"), network.node("middle")
    await middle.host(Front)
    await middle.host(One, "goal-1")
    await middle.host(Two, "goal-2")
    for node in (origin, middle):
        node.rules(rules("v1"), POLICY, revision=1)
    middle.rules(rules("v2"), POLICY, revision=2)  # the origin has not heard of it yet
    assert (await origin.send("front")).body == b"v1"
    assert (await middle.send("front")).body == b"v2"
    origin.rules(rules("v2"), POLICY, revision=2)
    assert (await origin.send("front")).body == b"v2"


async def test_a_hop_that_lacks_the_revision_of_the_origin_decides_by_its_newest(network):
    origin, middle = network.node("origin"), network.node("middle")
    await middle.host(Front)
    await middle.host(One, "goal-1")
    await middle.host(Two, "goal-2")
    middle.rules(rules("v1"), POLICY, revision=1)
    origin.rules(rules("v2"), POLICY, revision=7)
    assert (await origin.send("front")).body == b"v1"
