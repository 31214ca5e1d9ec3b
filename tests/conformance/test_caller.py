"""Rules by caller: two instances of one service in two namespaces call the same service and are led apart."""

import json

import pytest

import plait
from tests.integration.documents import entrance

pytestmark = pytest.mark.anyio

FRONT_OF_SHOP = entrance("front.shop").partition("---\n")[2].replace("name: entrance }", "name: front-shop }")


def rules(first, name="echo", more="", namespace="default"):
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{ name: {name}, namespace: {namespace} }}
spec:
  hosts: [echo.default.svc.cluster.local]
  {more}
  http:
    - match: [{first}]
      directResponse: {{ status: 299 }}
    - route: [{{ destination: {{ host: echo.default.svc.cluster.local }} }}]
"""


async def statuses(world):
    """What callers of `default` and of `shop` get."""
    return [(await world.ask("/call/echo.default/x", host=host)).status for host in ("front.test", "front.shop.test")]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("{ sourceNamespace: shop }", [200, 299]),
        ("{ sourceNamespace: default }", [299, 200]),
        ("{ sourceLabels: { tier: web } }", [200, 299]),
        ("{ sourceLabels: { app: front } }", [299, 299]),
        ("{ sourceLabels: { app: front, tier: db } }", [200, 200]),
    ],
)
async def test_callers_are_known_by_what_the_registry_says_of_them(world, match, expected):
    await world.apply(FRONT_OF_SHOP, rules(match))
    assert await statuses(world) == expected


async def test_who_only_takes_a_services_name_gets_none_of_its_routes(world):
    await world.apply(rules("{ sourceLabels: { app: front } }, { sourceNamespace: default }"))
    async with plait.connect(world.mesh.nats, name="front") as client:
        assert (await client.call("echo", "/x")).status == 200


async def test_a_virtual_service_holds_where_it_is_exported_to(world):
    await world.apply(FRONT_OF_SHOP, rules("{}", more='exportTo: ["shop"]'))
    assert await statuses(world) == [200, 299]
    await world.apply(rules("{}", more='exportTo: ["."]'))
    assert await statuses(world) == [299, 200]
    await world.apply(rules("{}", more='exportTo: ["*"]'))
    assert await statuses(world) == [299, 299]


async def test_the_destination_rule_of_the_callers_namespace_comes_first(world):
    def subset(namespace, version):
        return f"""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{ name: echo, namespace: {namespace} }}
spec:
  host: echo.default.svc.cluster.local
  subsets: [{{ name: mine, labels: {{ version: {version} }} }}]
"""

    routes = rules("{ uri: { exact: /never } }").replace("local }", "local, subset: mine }")
    await world.apply(FRONT_OF_SHOP, subset("default", "v1"), subset("shop", "v2"), routes)
    for host, version in (("front.test", "v1"), ("front.shop.test", "v2")):
        for _ in range(5):
            answer = await world.ask("/call/echo.default/x", host=host)
            assert json.loads(answer.body)["version"] == version
