"""A call is drawn to one destination, and all of its attempts stay there."""

from collections import Counter
from typing import ClassVar

import pytest

from plait.actors import Response, Service, get
from plait.actors.messages.rule import Destination, DestinationPolicy, RetryPolicy, RouteRule, RuleSet, Subset
from plait.actors.messages.traffic import RetryBudget, TrafficPolicy
from plait.actors.runtime.context import current
from tests.nodes import Network
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Fails(Service, name="shop", version="v1"):
    calls: ClassVar[Counter] = Counter()
    status = 503

    @get("/")
    def answer(self):
        self.calls[current.get().frame.call] += 1
        return Response(b"", self.status)


class Works(Fails, name="shop", version="v2"):
    calls: ClassVar[Counter] = Counter()
    status = 200


async def test_a_retry_stays_in_the_subset_that_its_call_was_drawn_to():
    network = Network()
    node = network.node()
    for kind in (Fails, Works):
        kind.calls.clear()
        await node.host(kind, f"shop-{kind.version}")
    ample = TrafficPolicy(budget=RetryBudget(200.0))  # every call is to fail three times
    policy = DestinationPolicy(
        "default/shop", "shop", ample, subsets=tuple(Subset(v, {"version": v}) for v in ("v1", "v2"))
    )
    route = RouteRule(
        destinations=(Destination("shop", "v1", 50), Destination("shop", "v2", 50)),
        retries=RetryPolicy(2, on=("5xx",)),
    )
    node.rules(policy, RuleSet("default/shop", ("shop.default.svc.cluster.local",), routes=(route,)))
    statuses = Counter([(await node.send("shop")).status for _ in range(100)])
    assert 35 <= statuses[200] <= 65
    assert set(Fails.calls.values()) == {3}
    assert set(Works.calls.values()) == {1}
    assert len(Fails.calls) == statuses[503]
    assert len(Works.calls) == statuses[200]
    await network.close()
