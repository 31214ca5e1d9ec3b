"""Where the features of the data path meet: none of them takes a place, an answer or a setting from another."""

import asyncio
from typing import ClassVar

import pytest

from plait.actors import Service, get
from plait.actors.messages.disruption import Disruption
from plait.actors.messages.error import MeshError, MissedDeadline, NotAdmitted, Overloaded
from plait.actors.messages.fallback import Elsewhere, Fallback, LastGood
from plait.actors.messages.rate_limit import Limit, RateLimit
from plait.actors.messages.resilience import Admission, Breaker, Resilience
from plait.actors.messages.rule import Destination, DestinationPolicy, Mirror, RetryPolicy, RouteRule, RuleSet, Subset
from plait.actors.messages.traffic import Pool, TrafficPolicy
from tests.nodes import Network
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Shop(Service, name="shop", version="v1", concurrency=100):
    """Answers in a tenth of a second."""

    @get("/{name}")
    async def look(self, name: str):
        await asyncio.sleep(0.1)
        return name


class Spare(Service, name="spare", version="v1"):
    @get("/{name}")
    async def look(self, name: str):
        return "spare"


class Front(Service, name="front", version="v1", concurrency=100):
    """Calls the shop."""

    asked: ClassVar[list] = []

    @get("/")
    async def page(self):
        self.asked.append(self.version)
        return (await self.call("shop", "/page")).body


class FrontTwo(Front, name="front", version="v2"):
    pass


class Breaks:
    """A judge that fails at what it is there for."""

    def record(self, endpoint, outcome, seconds):
        raise ZeroDivisionError

    def admits(self, endpoint):
        return True

    def follow(self, members):
        pass


@pytest.fixture
async def node():
    Front.asked.clear()
    network = Network()
    node = network.node()
    for kind, name in ((Shop, "shop-1"), (Spare, "spare-1"), (Front, "front-1"), (FrontTwo, "front-2")):
        await node.host(kind, name)
    yield node
    await network.close()


def pool(**limits):
    return DestinationPolicy("default/pool", "shop", TrafficPolicy(pool=Pool(**limits)))


def resilience(**more):
    return Resilience("default/resilience", "shop", **more)


def cluster_of(node, service="shop"):
    (cluster,) = [one for one in node.proxy.directory.clusters() if one.service == service]
    return cluster


async def gathered(node, names, **more):
    async with asyncio.timeout(60):
        return [one.body.decode() for one in await asyncio.gather(*(node.send("shop", f"/{n}", **more) for n in names))]


# Calls that are decided by an older revision


@pytest.mark.parametrize("prepared_only", [False, True])
async def test_a_call_of_an_older_revision_does_not_bring_back_that_ones_settings(node, prepared_only):
    def rules(number, **more):
        return [
            pool(requests=number),
            resilience(breaker=Breaker(calls=number), fallbacks=(Fallback(LastGood(entries=number)),)),
            RateLimit("default/rate", "shop", limits=(Limit("0", number, 1.0, number),)),
        ]

    node.rules(*rules(100), revision=1)
    node.rules(*rules(200), revision=2)
    await node.send("shop", "/a", revision=2)
    cluster, directory = cluster_of(node), node.proxy.directory
    ((_, breaker),) = directory.route_breakers.items()
    for _ in range(2):
        assert (await node.send("shop", "/b", revision=1)).status == 200
        assert cluster.pool.requests == 200
        assert cluster.breakers.policy.calls == 200
        assert breaker.policy.calls == 200
        assert [check.limit.requests for check in directory.limits._checks.values()] == [200]
    assert dict(directory.limits.counts())["default/rate/0", "passed"] == 3


async def test_a_newer_revision_that_others_decide_by_already_is_not_undone_by_the_one_in_force(node):
    node.rules(pool(requests=100), revision=1)
    newer = node.proxy.prepare(2, {})
    for _ in newer:
        pass
    await node.send("shop", "/a", revision=2)
    assert cluster_of(node).pool.requests == 1024
    await node.send("shop", "/b", revision=1)
    assert cluster_of(node).pool.requests == 1024


# Copies


async def test_who_waits_for_a_place_gets_that_of_a_call_on_behalf_of_a_copy(node):
    subsets = tuple(Subset(one, {"version": one}) for one in ("v1", "v2"))
    route = RouteRule("r", (), (Destination("front", "v1"),), mirrors=(Mirror("front", "v2"),))
    node.rules(
        pool(per_instance=1, pending=10),
        DestinationPolicy("default/front", "front", TrafficPolicy(), subsets),
        RuleSet("default/front", ("front.default.svc.cluster.local",), routes=(route,)),
    )
    page = asyncio.create_task(node.send("front", "/"))
    await asyncio.sleep(0.02)
    assert sorted(Front.asked) == ["v1", "v2"]
    last = asyncio.create_task(node.send("shop", "/last"))  # behind the shop's calls of both
    await asyncio.wait_for(page, 1)
    reply = await asyncio.wait_for(last, 0.5)
    assert reply.body == b"last"
    assert cluster_of(node).pool.active == 0


async def test_what_becomes_of_copies_is_not_counted_as_attempts_on_the_instance(node):
    subsets = tuple(Subset(one, {"version": one}) for one in ("v1", "v2"))
    route = RouteRule("r", (), (Destination("front", "v1"),), mirrors=(Mirror("front", "v2"),))
    node.rules(
        DestinationPolicy("default/front", "front", TrafficPolicy(), subsets),
        RuleSet("default/front", ("front.default.svc.cluster.local",), routes=(route,)),
    )
    await node.send("front", "/")
    await asyncio.sleep(1)
    endpoints = node.proxy.directory.services()["front"]
    assert {name: one.tally.requests for name, one in endpoints.items()} == {"front-1": 1, "front-2": 0}
    assert {one.active for one in endpoints.values()} == {0}


# Whoever looks on


async def test_a_judge_that_fails_takes_nobodys_answer(node):
    node.rules(pool(per_instance=1, pending=10))
    assert await gathered(node, "a") == ["a"]
    cluster = cluster_of(node)
    cluster.judges = (Breaks(), *cluster.judges)
    assert await gathered(node, "abc") == ["a", "b", "c"]
    assert (cluster.pool.active, len(cluster.pool.queue), node.wire.waiting) == (0, 0, {})
    with pytest.raises(MeshError):
        await node.send("shop", "/d", timeout=0.01)
    assert cluster.pool.active == 0


async def test_an_answer_that_cannot_be_kept_is_given_all_the_same(node, monkeypatch):
    node.rules(resilience(fallbacks=(Fallback(LastGood()),)))
    await gathered(node, "a")
    monkeypatch.setattr("plait.actors.proxy.last_good.keep_for", lambda *_: 1 / 0)
    assert await gathered(node, "ab") == ["a", "b"]


async def test_a_waiting_call_that_cannot_be_sent_takes_nobody_elses_answer(node):
    node.rules(pool(per_instance=1, pending=10))
    first = asyncio.create_task(node.send("shop", "/a"))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(node.send("shop", "/b", headers=[("x", object())]))
    third = asyncio.create_task(node.send("shop", "/c"))
    assert (await asyncio.wait_for(first, 1)).body == b"a"
    with pytest.raises(MeshError, match="the proxy failed"):
        await asyncio.wait_for(second, 1)
    assert (await asyncio.wait_for(third, 1)).body == b"c"


# Waiting, and giving up


async def test_a_call_that_waits_for_a_place_is_admitted_once(node):
    admission = Admission(requests=1)
    node.rules(pool(per_instance=1, pending=10), resilience(admission=admission))
    await node.send("shop", "/a")
    cluster = cluster_of(node)
    asked = []
    cluster.admission.check = lambda: asked.append(1)
    await gathered(node, "abc")
    cluster.refresh()
    assert len(asked) == 3

    def refuse():
        raise NotAdmitted

    cluster.admission.check = refuse
    with pytest.raises(NotAdmitted):
        await node.send("shop", "/d")


async def test_whoever_has_given_up_after_a_missed_deadline_leads_to_nothing_more(node):
    node.rules(resilience(fallbacks=(Fallback(Elsewhere("spare")),)))
    task = asyncio.create_task(node.send("shop", "/a", expires=node.loop.time()))
    await asyncio.sleep(0.01)
    assert node.wire.waiting == {}  # it was refused there: its time was over
    task.cancel()
    await asyncio.sleep(5)
    assert node.inbounds["spare-1"].meter.requests == 0
    assert len(node.deadlines) == 0


async def test_whoever_lives_on_after_a_missed_deadline_learns_of_it_later(node):
    call = node.call("shop", "/a", expires=node.loop.time())
    with pytest.raises(MeshError) as found:
        await node.proxy.send(call)
    assert type(found.value) is not MissedDeadline
    assert cluster_of(node).pool.active == 0


async def test_a_duplicate_that_cannot_be_sent_does_not_undo_the_first(node, monkeypatch):
    await node.network.node("other").host(Shop, "shop-2")
    node.network.remove("shop", "shop-1")
    fault = Disruption("default/f", "shop", "ann", "game day", node.loop.time() + 60.0, duplicate=True)
    hosts, retries = ("shop.default.svc.cluster.local",), RetryPolicy(attempts=0)
    node.rules(
        fault, RuleSet("default/shop", hosts, routes=(RouteRule("r", (), (Destination("shop"),), retries=retries),))
    )
    request, sent = node.bus.request, []

    def once(*what):
        if sent:
            raise Overloaded
        sent.append(what)
        request(*what)

    monkeypatch.setattr(node.bus, "request", once)
    assert (await node.send("shop", "/a")).body == b"a"
    assert {one.active for one in node.proxy.directory.services()["shop"].values()} == {0}


async def test_calls_that_are_refused_or_led_elsewhere_pay_for_retries_where_they_are_made(node):
    node.rules(
        RateLimit("default/rate", "shop", limits=(Limit("0", 1, 60.0, 1),)),
        resilience(fallbacks=(Fallback(Elsewhere("spare")),)),
    )
    await node.send("shop", "/a")
    for _ in range(5):
        with pytest.raises(MeshError):
            await node.send("shop", "/a")
    assert cluster_of(node).budget.fresh == 1
    node.network.remove("shop", "shop-1")
    node.rules(resilience(fallbacks=(Fallback(Elsewhere("spare")),)), revision=2)
    await node.send("shop", "/a")
    assert cluster_of(node, "spare").budget.fresh == 1
