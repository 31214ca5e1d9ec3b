"""Comparing answers with those to copies: what counts as what, within which bounds, and that no caller notices."""

import asyncio
from typing import ClassVar

import pytest

from plait.actors import Response, Service, get
from plait.actors.messages.mirroring import MirrorDiff
from plait.actors.messages.resilience import Resilience
from plait.actors.messages.rule import Destination, DestinationPolicy, Mirror, RouteRule, RuleSet, Subset
from plait.actors.proxy.comparison import OTHER, PLACES, Comparison, Said, Subject
from plait.actors.proxy.effective import config
from plait.actors.proxy.pair import SHARE, Comparisons
from tests.nodes import Network
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


def said(body=b"{}", status=200, seconds=0.1):
    return Said(status, body, seconds)


@pytest.mark.parametrize(
    ("ours", "theirs", "outcome"),
    [
        (said(), said(), "same"),
        (said(b'{"a":1,"b":2}'), said(b'{"b": 2, "a": 1}'), "same"),
        (said(b'{"id":1}'), said(b'{"id":2}'), "same"),
        (said(b'{"a":1}'), said(b'{"a":2}'), "body"),
        (said(b"plain"), said(b"text"), "body"),
        (said(b"\xff"), said(b"{}"), "body"),
        (said(), said(status=503), "status"),
        (said(status=0), said(), "failed"),
        (said(), said(None, 0), "failed"),
        (said(None), said(), "skipped"),
        (said(None), said(status=404), "status"),
    ],
)
def test_a_pair_is_counted_as_what_it_is(ours, theirs, outcome):
    comparison = Comparison(MirrorDiff(ignore=("$.id",)))
    assert comparison.add(ours, theirs) == outcome
    assert comparison.outcomes == {outcome: 1}


def test_places_and_statuses_are_counted_up_to_a_bound():
    comparison = Comparison(MirrorDiff())
    for number in range(3 * PLACES):
        comparison.add(said(f'{{"f{number}": 1}}'.encode()), said(b"{}"))
        comparison.add(said(status=200 + number), said(status=500))
    assert len(comparison.places) == len(comparison.statuses) == PLACES + 1
    assert comparison.places[OTHER] == comparison.statuses[OTHER] == 2 * PLACES


def test_a_place_counts_once_for_a_pair():
    comparison = Comparison(MirrorDiff())
    comparison.add(said(b"[1,2,3]"), said(b"[4,5,6]"))
    assert comparison.places == {"$[*]": 1}


def test_both_sides_times_are_kept():
    comparison = Comparison(MirrorDiff())
    comparison.add(said(seconds=0.02), said(seconds=2.0))
    assert comparison.ours.quantile(1.0) == 0.025
    assert comparison.theirs.quantile(1.0) == 2.5


def test_comparing_takes_a_small_share_of_the_loops_time():
    times = iter([0.0, 0.01, 0.01 + SHARE * 0.01 - 0.001, 0.01 + SHARE * 0.01 + 0.001, 1.0])
    comparisons = Comparisons(lambda: next(times))
    comparison = comparisons.of(Subject("r", "a", "", "b", ""), MirrorDiff())
    for _ in range(3):
        comparisons.compare(comparison, said(), said())
    assert comparison.outcomes == {"same": 2, "skipped": 1}
    assert comparisons.totals() == {("a", "b", "r", "same"): 2, ("a", "b", "r", "skipped"): 1}


class Shop(Service, name="shop", version="v1", concurrency=100):
    seconds: ClassVar[float] = 0.0
    status: ClassVar[int] = 200

    @get("/price")
    async def price(self):
        if type(self).seconds:
            await asyncio.sleep(type(self).seconds)
        return Response({"price": 1, "by": self.version}, type(self).status)


class ShopTwo(Shop, name="shop", version="v2"):
    pass


@pytest.fixture
async def node():
    Shop.seconds = ShopTwo.seconds = 0.0
    Shop.status = ShopTwo.status = 200
    network = Network()
    node = network.node()
    for kind in (Shop, ShopTwo):
        await node.host(kind, f"shop-{kind.version}")
    yield node
    await network.close()


def rules(diff, **more):
    names = ("v1", "v2", "gone")
    policy = DestinationPolicy("default/shop", "shop", subsets=tuple(Subset(one, {"version": one}) for one in names))
    route = RouteRule(
        "prices", (), (Destination("shop", "v1"),), mirrors=(Mirror("shop", more.pop("to", "v2")),), **more
    )
    found = [policy, RuleSet("default/shop", ("shop.default.svc.cluster.local",), routes=(route,))]
    return [*found, Resilience("default/diff", "shop", mirror_diff=diff)] if diff else found


async def told(node, count=1, **more):
    answers = [await node.send("shop", "/price", **more) for _ in range(count)]
    await asyncio.sleep(0.1)
    assert {answer.status for answer in answers} == {Shop.status}
    return [(item["outcomes"], item["places"]) for item in config(node.proxy, "n", {"what": "mirrors"})["items"]]


async def test_without_the_block_nothing_is_compared(node):
    node.rules(*rules(None))
    assert await told(node) == []


async def test_answers_are_compared_by_route_and_mirror(node):
    node.rules(*rules(MirrorDiff()))
    assert await told(node, 3) == [({"body": 3}, {"$.by": 3})]
    assert list(node.proxy.chains.mirrors.comparisons.found) == [
        Subject("default/shop#prices", "shop", "v1", "shop", "v2")
    ]


async def test_what_may_differ_does_not_count(node):
    node.rules(*rules(MirrorDiff(ignore=("$.by",))))
    assert await told(node, 3) == [({"same": 3}, {})]


async def test_the_sum_outlives_a_revision_that_changes_how_is_compared(node):
    node.rules(*rules(MirrorDiff()))
    await told(node)
    node.rules(*rules(MirrorDiff(ignore=("$.by",))), revision=2)
    assert await told(node) == [({"body": 1, "same": 1}, {"$.by": 1})]


async def test_a_share_of_the_copies_is_compared(node):
    node.rules(*rules(MirrorDiff(percent=50.0)))
    ((outcomes, _),) = await told(node, 100)
    assert 35 <= outcomes["body"] <= 65
    assert node.proxy.mirrored["shop", "sent"] == 100


async def test_nobody_waits_for_the_copy_whichever_comes_last(node):
    node.rules(*rules(MirrorDiff()))
    ShopTwo.seconds = 5.0
    began = node.loop.time()
    assert await told(node) == [({}, {})]
    assert node.loop.time() - began < 1.0
    await asyncio.sleep(6.0)
    (summary,) = node.proxy.chains.mirrors.comparisons.found.values()
    assert summary.outcomes == {"body": 1}
    assert (summary.ours.quantile(1.0) <= 0.0005, summary.theirs.quantile(1.0)) == (True, 5.0)
    Shop.seconds, ShopTwo.seconds = 5.0, 0.0
    await told(node)
    assert summary.outcomes == {"body": 2}


async def test_a_copy_that_is_not_answered_is_told(node):
    node.rules(*rules(MirrorDiff(), timeout=1.0))
    ShopTwo.seconds = 60.0
    await told(node)
    await asyncio.sleep(2.0)
    (summary,) = node.proxy.chains.mirrors.comparisons.found.values()
    assert summary.outcomes == {"failed": 1}


async def test_statuses_that_differ_are_told(node):
    node.rules(*rules(MirrorDiff()))
    ShopTwo.status = 500
    assert (await told(node))[0][0] == {"status": 1}
    (summary,) = node.proxy.chains.mirrors.comparisons.found.values()
    assert summary.statuses == {"200 500": 1}


async def test_large_bodies_are_neither_kept_nor_compared(node):
    node.rules(*rules(MirrorDiff(size=10)))
    assert await told(node) == [({"skipped": 1}, {})]


async def test_a_caller_that_gives_up_leaves_nothing_to_compare(node):
    node.rules(*rules(MirrorDiff()))
    Shop.seconds = 60.0
    running = node.proxy.start(node.call("shop", "/price"), lambda outcome: None)
    await asyncio.sleep(0.1)
    running.cancel()
    await asyncio.sleep(1.0)
    (summary,) = node.proxy.chains.mirrors.comparisons.found.values()
    assert summary.outcomes == {}
    assert node.wire.waiting == {}
