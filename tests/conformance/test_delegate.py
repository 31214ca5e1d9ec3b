"""A root that hands a part of its paths to a delegate of another namespace."""

import json

import pytest

pytestmark = pytest.mark.anyio

ROOT = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: root }
spec:
  hosts: [root.test]
  gateways: [entrance]
  http:
    - match: [{ uri: { prefix: /part } }]
      delegate: { name: part, namespace: shop }
    - route: [{ destination: { host: echo } }]
"""
PART = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: part, namespace: shop }
spec:
  http:
    - match: [{ uri: { exact: /part/closed } }]
      directResponse: { status: 410 }
    - rewrite: { uri: /found }
      route: [{ destination: { host: echo.default } }]
"""


async def test_the_delegate_decides_what_it_is_handed_and_may_not_go(world):
    assert any("no VirtualService 'shop/part'" in message for message in await world.refused(ROOT))
    await world.apply(ROOT, PART)
    assert (await world.ask("/part/closed", host="root.test")).status == 410
    assert json.loads((await world.ask("/part/open", host="root.test")).body)["path"] == "/found/open"
    assert json.loads((await world.ask("/else", host="root.test")).body)["path"] == "/else"
    answer = await world.bus.ask("policy.delete", {"kind": "VirtualService", "name": "part", "namespace": "shop"})
    assert [one["code"] for one in answer["errors"]] == ["unknown_delegate"]
