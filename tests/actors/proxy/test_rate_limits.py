"""Rate limits on the way of a call: what is counted, by which key, what a refused call is told and what it costs."""

import asyncio

import pytest

from plait.actors import Service, get
from plait.actors.messages.error import RateLimited
from plait.actors.messages.rate_limit import Limit, RateLimit, Scope
from plait.actors.messages.rule import Destination, MatchKind, RouteMatch, RouteRule, RuleSet, StringMatch
from plait.actors.proxy.call import Caller
from plait.actors.proxy.limit_check import ACCOUNTS, Accounts
from plait.gateway.translate import translate
from tests.nodes import Network
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Shop(Service, name="shop"):
    count = 0

    @get("/{rest}")
    def any(self, rest: str):
        type(self).count += 1
        return rest


@pytest.fixture
async def node():
    network = Network()
    node = network.node()
    Shop.count = 0
    await node.host(Shop)
    yield node
    await network.close()


async def statuses(node, *calls):
    found = []
    for more in calls:
        try:
            found.append((await node.send("shop", **{"path": "/a", **more})).status)
        except RateLimited:
            found.append(429)
    return found


def limited(*limits, **more):
    return RateLimit("default/l", "shop", limits=limits, **more)


async def test_a_burst_passes_then_calls_are_refused_and_do_not_reach_the_service(node):
    node.rules(limited(Limit("0", 10, 1.0, 3)))
    assert await statuses(node, *[{}] * 5) == [200, 200, 200, 429, 429]
    assert Shop.count == 3
    await asyncio.sleep(0.1)
    assert await statuses(node, {}, {}) == [200, 429]
    assert dict(node.proxy.limits.counts()) == {("default/l/0", "passed"): 4, ("default/l/0", "refused"): 3}


async def test_a_refused_call_is_told_when_to_come_back(node):
    node.rules(limited(Limit("0", 2, 60.0, 1)))
    await node.send("shop", "/a")
    with pytest.raises(RateLimited, match="default/l/0: more than 2 requests in 60 s") as caught:
        await node.send("shop", "/a")
    status, fields, body = translate(caught.value)
    assert status == 429
    assert dict(fields) == {
        "content-type": "application/json",
        "retry-after": "30",
        "x-ratelimit-limit": "2, 2;w=60",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "30",
        "x-envoy-ratelimited": "true",
    }
    assert b'"rate_limited"' in body


async def test_counts_outlive_revisions_that_leave_the_limit_as_it_is(node):
    node.rules(limited(Limit("0", 1, 60.0, 1)))
    assert await statuses(node, {}, {}) == [200, 429]
    node.rules(limited(Limit("0", 1, 60.0, 1)), RateLimit("default/m", "other"), revision=2)
    assert await statuses(node, {}) == [429]
    node.rules(limited(Limit("0", 2, 60.0, 2)), revision=3)
    assert await statuses(node, {}, {}, {}) == [200, 200, 429]
    node.rules(revision=4)
    assert await statuses(node, {}) == [200]
    assert node.proxy.limits.counts() == []


async def test_keys_are_counted_apart_and_calls_without_one_are_not_counted(node):
    node.rules(limited(Limit("0", 1, 60.0, 1, header="end-user")))
    jason, anne = {"baggage": {"end-user": "jason"}}, {"headers": [("end-user", "anne")]}
    assert await statuses(node, jason, jason, anne, anne, {}, {}) == [200, 429, 200, 429, 200, 200]


async def test_absurdly_long_keys_are_counted_by_their_beginning(node):
    node.rules(limited(Limit("0", 1, 60.0, 1, header="x")))
    calls = [{"headers": [("x", "v" * 300 + str(number))]} for number in range(3)]
    assert await statuses(node, *calls) == [200, 429, 429]


async def test_by_caller_and_for_some_callers_alone(node):
    node.rules(limited(Limit("0", 1, 60.0, 1, by_caller=True, callers=("a", "b"))))
    callers = [Caller(f"{name}-1", name) for name in "aabc"]
    for one in callers:
        node.wire.open(one)
    assert await statuses(node, *[{"caller": one} for one in callers], {"caller": callers[3]}) == [
        200, 429, 200, 200, 200
    ]  # fmt: skip


async def test_by_route_and_for_some_routes_alone(node):
    def route(name, prefix):
        match = RouteMatch(uri=StringMatch(MatchKind.PREFIX, prefix))
        return RouteRule(name, (match,), (Destination("shop", weight=100),))

    hosts = RuleSet(
        "default/s", ("shop.default.svc.cluster.local",), routes=(route("x", "/x"), route("y", "/y"), route("", "/"))
    )
    node.rules(hosts, limited(Limit("0", 1, 60.0, 1, routes=("x", "y"), by_route=True)))
    paths = ["/x", "/x", "/y", "/y", "/z", "/z"]
    assert await statuses(node, *[{"path": path} for path in paths]) == [200, 429, 200, 429, 200, 200]


async def test_a_call_that_one_limit_refuses_uses_up_none_of_the_others(node):
    node.rules(limited(Limit("all", 3, 60.0, 3), Limit("user", 1, 60.0, 1, header="u")))
    a, b, c = ({"headers": [("u", name)]} for name in "abc")
    assert await statuses(node, a, a, a, a, b, c, {}) == [200, 429, 429, 429, 200, 200, 429]


async def test_answers_tell_what_is_left_where_that_is_asked_for(node):
    node.rules(limited(Limit("0", 10, 1.0, 3), tell=True))
    reply = await node.send("shop", "/a")
    assert ("x-ratelimit-remaining", "2") in reply.headers
    assert ("x-ratelimit-limit", "10, 10;w=1") in reply.headers
    node.rules(limited(Limit("0", 10, 1.0, 3)), revision=2)
    assert not any(name.startswith("x-ratelimit") for name, _ in (await node.send("shop", "/a")).headers)


async def test_a_document_of_another_namespace_does_not_hold(node):
    node.rules(RateLimit("front/l", "shop", limits=(Limit("0", 1, 60.0, 1),)))
    assert await statuses(node, {}, {}) == [200, 200]
    node.rules(RateLimit("istio-system/l", "*", limits=(Limit("0", 1, 60.0, 1),)), revision=2)
    assert await statuses(node, {}, {}) == [200, 429]


async def test_without_a_quota_actor_a_mesh_wide_limit_is_the_nodes_own_share(node):
    node.rules(limited(Limit("0", 100, 1.0, 20, Scope.MESH, local_share=10.0)))
    assert (await statuses(node, *[{}] * 4)).count(200) == 2  # a tenth of the burst
    await asyncio.sleep(0.1)
    assert (await statuses(node, *[{}] * 4)).count(200) == 1


async def test_counts_of_a_mesh_wide_limit_are_bounded():
    woken = []
    accounts = Accounts(Limit("0", 100, 1.0, 4, Scope.MESH), lambda: woken.append(1))
    for number in range(5 * ACCOUNTS):
        accounts.take(f"k{number}", 0.0)
    assert len(accounts.by_key) == ACCOUNTS + 1
    assert woken


async def test_the_chain_says_that_there_is_a_limit(node):
    node.rules(limited(Limit("0", 1, 60.0, 1)))
    *_, steps = node.proxy.explain(node.call("shop", "/a"))
    assert steps[0] == "ratelimit"
