"""Istio's own conformance list, consistent hashing: routing.go 3123 to 3249, and cookies, which it leaves out there."""

import json
from http.cookies import SimpleCookie

import pytest

from tests.conformance.way import Way

pytestmark = pytest.mark.anyio

CALLS = 10


@pytest.fixture(params=["gateway", "service to service"])
async def way(world, request):
    way = Way(world, request.param, "sharded")
    await way.apply("[{ route: [{ destination: { host: sharded } }] }]")
    return way


def rule(key):
    return f"""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{ name: sharded }}
spec:
  host: sharded
  trafficPolicy: {{ loadBalancer: {key} }}
"""


async def instances(way, path="/", headers=None, times=CALLS):
    """Who answers; each answer is one of the service."""
    found = set()
    for _ in range(times):
        answer = await way.ask(path, headers=headers)
        assert answer.status == 200, answer
        found.add(json.loads(answer.body)["instance"])
    return found


async def test_3123_without_a_hash_several_instances_answer(way):
    assert len(await instances(way)) > 1


@pytest.mark.parametrize(
    ("key", "path", "headers"),
    [
        ("useSourceIp: true", "/", {}),
        ("httpQueryParameterName: some-query-param", "/?some-query-param=hello", {}),
        ("httpHeaderName: X-Some-Header", "/", {"x-some-header": "baz"}),
        ("httpCookie: { name: session }", "/", {"cookie": "other=1; session=abc"}),
        ("httpHeaderName: x-some-header, ringHash: { minimumRingSize: 2048 }", "/", {"x-some-header": "baz"}),
        ("httpHeaderName: x-some-header, maglev: { tableSize: 1009 }", "/", {"x-some-header": "baz"}),
    ],
)
async def test_3150_to_3249_requests_of_one_key_reach_one_instance(world, way, key, path, headers):
    await world.apply(rule(f"{{ consistentHash: {{ {key} }} }}"))
    assert len(await instances(way, path, headers)) == 1


@pytest.mark.parametrize(
    ("key", "where"),
    [
        ("httpQueryParameterName: some-query-param", lambda value: (f"/?some-query-param={value}", {})),
        ("httpHeaderName: X-Some-Header", lambda value: ("/", {"x-some-header": value})),
    ],
)
async def test_keys_are_spread_over_the_instances_and_without_one_any_is_called(world, way, key, where):
    await world.apply(rule(f"{{ consistentHash: {{ {key} }} }}"))
    spread = set()
    for number in range(24):
        spread |= await instances(way, *where(f"key-{number}"), times=1)
    assert len(spread) == 4
    assert len(await instances(way, times=20)) > 1


async def test_a_cookie_with_a_ttl_is_made_by_the_gateway_and_keeps_the_client_with_its_instance(world, way):
    stick = "{ name: stick, path: /, ttl: 1h, attributes: [{ name: SameSite, value: Lax }] }"
    await world.apply(rule(f"{{ consistentHash: {{ httpCookie: {stick} }} }}"))
    seen = set()
    for _ in range(8):
        first = await way.ask("/")
        if way.kind != "gateway":
            assert "set-cookie" not in first.headers
            continue
        made = first.headers["set-cookie"]
        (cookie,) = SimpleCookie(made).values()
        assert (cookie["path"], cookie["max-age"], cookie["samesite"], cookie["httponly"]) == ("/", "3600", "Lax", True)
        instance = json.loads(first.body)["instance"]
        again = await way.ask("/", headers={"cookie": f"stick={cookie.value}"})
        assert "set-cookie" not in again.headers
        assert json.loads(again.body)["instance"] == instance
        seen.add(instance)
    assert len(seen) > 1 or way.kind != "gateway"
