"""Everything on at once, by chance: whatever meets, each call ends once, and nothing is left behind."""

import asyncio
import random
from collections import Counter

import pytest

from plait.actors import Response, Service, get, post
from plait.actors.messages.disruption import Disruption
from plait.actors.messages.fallback import Elsewhere, Fallback, Fixed, LastGood
from plait.actors.messages.hashing import ConsistentHash, HashSource
from plait.actors.messages.mirroring import MirrorDiff
from plait.actors.messages.rate_limit import Limit, RateLimit
from plait.actors.messages.resilience import Admission, Balancing, Breaker, Concurrency, Hedge, Resilience
from plait.actors.messages.rule import (
    Destination,
    DestinationPolicy,
    Fault,
    Mirror,
    RetryPolicy,
    RouteRule,
    RuleSet,
    Subset,
)
from plait.actors.messages.traffic import Balancer, Outlier, Pool, RetryBudget, TrafficPolicy
from plait.actors.proxy.proxy import Instances
from tests.nodes import Network
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio
CHANCE = random.Random()


class Shop(Service, name="shop", version="v1", concurrency=8, mailbox=20):
    """Is quick, slow, wrong, hung or breaks, as chance has it; sometimes it asks the spare."""

    @post("/{name}")
    @get("/{name}")
    async def look(self, name: str):
        draw = CHANCE.random()
        if draw < 0.1:
            await asyncio.sleep(CHANCE.choice((0.2, 1.0, 40.0)))
        elif draw < 0.5:
            await asyncio.sleep(CHANCE.random() * 0.03)
        if draw > 0.97:
            raise ValueError(name)
        if draw > 0.92:
            return Response("no", 503)
        if 0.5 < draw < 0.6:
            return (await self.call("spare", f"/{name}")).body
        return name


class ShopTwo(Shop, name="shop", version="v2"):
    pass


class Spare(Shop, name="spare", version="v1"):
    @post("/{name}")
    @get("/{name}")
    async def look(self, name: str):
        await asyncio.sleep(0.001)
        return Response("spare", 200 if CHANCE.random() < 0.8 else 500)


def maybe(rng, *values):
    return rng.choice((None, *values))


def rules(rng, now):
    """One policy with as much in it as chance puts there."""
    hashed = ConsistentHash(HashSource.HEADER, "who")
    traffic = TrafficPolicy(
        hash=maybe(rng, hashed),
        pool=maybe(rng, Pool(2, 4, 12, 2), Pool(1, 1, 3, 1), Pool(5, 50, 100, 10)),
        outlier=maybe(rng, Outlier(consecutive_5xx=2, interval=0.5, base_ejection=1.0), Outlier(enabled=False)),
        budget=maybe(rng, RetryBudget(50.0, 1, 2.0)),
    )
    more = Resilience(
        "default/shop-more",
        "shop",
        balancing=maybe(rng, Balancing(Balancer.PEAK_EWMA), Balancing(rendezvous=True), Balancing(bound=1.5)),
        fallbacks=maybe(
            rng,
            (Fallback(LastGood()), Fallback(Elsewhere("spare", timeout=0.2)), Fallback(Fixed(200, (), b"fixed"))),
            (Fallback(Elsewhere("shop", "v2")),),
        ),
        hedge=maybe(rng, Hedge(0.01, max_extra_percent=50.0), Hedge()),
        breaker=maybe(rng, Breaker(calls=4, window=2.0, open=0.5, slow=0.5), Breaker(calls=3, open=0.2, routes=False)),
        concurrency=maybe(rng, Concurrency(2, 2, 4)),
        admission=maybe(rng, Admission(requests=3)),
        mirror_diff=maybe(rng, MirrorDiff()),
    )
    rule = RouteRule(
        "r",
        (),
        (Destination("shop", rng.choice(("", "v1", "v2")), weight=60), Destination("shop", weight=40)),
        timeout=maybe(rng, 0.3, 2.0),
        retries=maybe(
            rng,
            RetryPolicy(attempts=3, on=("5xx",), backoff=0.01),
            RetryPolicy(attempts=2, per_try_timeout=0.05, on=("5xx", "reset")),
            RetryPolicy(attempts=0),
        ),
        fault=maybe(rng, Fault(delay=0.05, delay_percent=20.0, abort_status=503, abort_percent=10.0)),
        mirrors=rng.choice(((), (Mirror("shop", "v2", percent=50.0),), (Mirror("spare"),))),
    )
    found = [
        DestinationPolicy(
            "default/shop", "shop", traffic, tuple(Subset(one, {"version": one}) for one in ("v1", "v2"))
        ),
        DestinationPolicy("default/spare", "spare", TrafficPolicy(pool=maybe(rng, Pool(1, 20, 50, 5)))),
        more,
        RuleSet("default/shop", ("shop.default.svc.cluster.local",), routes=(rule,)),
    ]
    if rng.random() < 0.3:
        found.append(RateLimit("default/rate", "shop", limits=(Limit("0", 50, 1.0, 10),), tell=rng.random() < 0.5))
    kind = rng.choice(("", "", "drop", "duplicate", "delay", "status"))
    if kind:
        value = {"drop": True, "duplicate": True, "delay": 0.1, "status": 503}[kind]
        found.append(Disruption("default/f", "shop", "ann", "see", now + 2.0, percent=30.0, **{kind: value}))
    return found


class Everybody:
    """Callers of one node, and what each of them was told."""

    def __init__(self, node, rng):
        self.node, self.rng = node, rng
        self.told = Counter()
        self.cancelled, self.sent, self.running = set(), 0, {}

    def send(self):
        rng, node = self.rng, self.node
        number, self.sent = self.sent, self.sent + 1
        call = node.call(
            "shop",
            f"/{rng.randrange(5)}",
            rng.choice(("GET", "GET", "POST")),
            [("who", str(rng.randrange(4)))] if rng.random() < 0.5 else [],
            timeout=maybe(rng, 0.02, 0.5, 3.0),
            expires=maybe(rng, node.loop.time() + rng.random()),
            allowance=15.0,
            revision=rng.choice((0, 0, max(0, node.proxy.table.revision - 1))),
        )

        def done(outcome):
            self.told[number] += 1

        running = node.proxy.start(call, done)
        if running.over:
            return
        self.running[number] = running
        if call.expires is not None:  # who inherits a deadline is cancelled then
            node.loop.call_at(call.expires, self.cancel, number)
        elif rng.random() < 0.2:
            node.loop.call_later(rng.random() * 0.2, self.cancel, number)

    def cancel(self, number):
        running = self.running[number]
        if not running.over:
            self.cancelled.add(number)
            running.cancel()


async def trouble(network, nodes, rng, kinds):
    """What befalls a mesh."""
    victim, draw = rng.choice(nodes), rng.random()
    if draw < 0.3:
        now = victim.loop.time()
        for node in nodes:
            node.rules(*rules(rng, now), revision=node.proxy.table.revision + 1)
    elif draw < 0.4:
        network.server.disconnect(victim.bus)
        await asyncio.sleep(rng.random() * 0.2)
        network.server.reconnect(victim.bus)
    elif draw < 0.6:
        name = rng.choice(sorted(kinds))
        known = dict(network.known)
        network.remove(kinds[name].token(), name)
        await asyncio.sleep(rng.random() * 0.3)
        for node in nodes:
            node.proxy.receive(Instances(known, whole=True))


@pytest.mark.parametrize("seed", range(8))
async def test_each_call_ends_once_and_nothing_is_left(seed):
    rng = random.Random(seed)
    CHANCE.seed(seed)
    network = Network()
    nodes = [network.node(f"node-{number}", seed=seed * 10 + number) for number in range(3)]
    kinds = {"shop-1": Shop, "shop-2": Shop, "shop-3": ShopTwo, "shop-4": ShopTwo, "spare-1": Spare}
    for number, (name, kind) in enumerate(kinds.items()):
        await nodes[number % 3].host(kind, name)
    everybody = [Everybody(node, rng) for node in nodes]
    for step in range(150):
        for one in everybody:
            for _ in range(rng.randrange(6)):
                one.send()
        await asyncio.sleep(rng.random() * 0.03)
        if step % 10 == 0:
            await trouble(network, nodes, rng, kinds)
    for node in nodes:
        node.rules(revision=node.proxy.table.revision + 1)
    await asyncio.sleep(120)
    for one in everybody:
        late = {number for number, times in one.told.items() if times != 1}
        assert late == set()
        hung = set(range(one.sent)) - set(one.told) - one.cancelled
        assert hung == set()
        assert not one.cancelled & set(one.told)
    for node in nodes:
        nothing_is_left(node)
    await network.close()


def nothing_is_left(node):
    proxy = node.proxy
    assert node.wire.waiting == {}
    assert node.bus.waiting == {}
    for cluster in proxy.directory.clusters():
        pool, budget = cluster.pool, cluster.budget
        assert (pool.active, pool.retrying, len(pool.queue)) == (0, 0, 0)
        assert (budget.outstanding, (cluster.pace._extra and cluster.pace._extra.outstanding) or 0) == (0, 0)
        assert not cluster.outlier or not cluster.outlier.ejected
    for those in proxy.directory.services().values():
        for endpoint in those.values():
            assert (endpoint.active, endpoint.awaited) == (0, ())
    mirrors = proxy.chains.mirrors
    assert (mirrors.waiting, mirrors.held) == (0, 0)
    assert [inbound.calls for inbound in node.inbounds.values() if inbound.calls] == []
    assert len(node.deadlines) <= 1  # that of the health scores, which fade
