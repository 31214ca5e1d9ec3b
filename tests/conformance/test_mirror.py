"""Istio's mirroring task: the client sees the first version alone, the second one sees copies for a shadow host."""

import json

import pytest

pytestmark = pytest.mark.anyio

SUBSETS = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo }
spec:
  host: echo
  subsets:
    - { name: v1, labels: { version: v1 } }
    - { name: v2, labels: { version: v2 } }
"""


def mirroring(share):
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{ name: mirroring }}
spec:
  hosts: [echo]
  http:
    - route: [{{ destination: {{ host: echo, subset: v1 }}, weight: 100 }}]
      mirror: {{ host: echo, subset: v2 }}
      {share}
"""


async def seen(world, version):
    told = json.loads((await world.ask(f"/{version}", host="memory.test")).body)
    return [one for one in told if one["path"].startswith("/mirrored/")]


@pytest.mark.parametrize(
    ("share", "calls", "least", "most"),
    [
        ("", 50, 100, 100),
        ("mirrorPercentage: { value: 100 }", 50, 100, 100),
        ("mirrorPercentage: { value: 50 }", 600, 40, 60),
        ("mirrorPercentage: { value: 10 }", 600, 5, 15),
        ("mirrorPercentage: { value: 0 }", 50, 0, 0),
    ],
)
async def test_the_share_of_copies(world, share, calls, least, most):
    await world.apply(SUBSETS, mirroring(share))
    for number in range(calls):
        answer = await world.ask(f"/call/echo/mirrored/{number}")
        assert json.loads(answer.body)["version"] == "v1"
    assert len(await seen(world, "v1")) == calls
    copies = await seen(world, "v2")
    assert least <= 100 * len(copies) / calls <= most
    assert {one["authority"] for one in copies} <= {"echo-shadow"}
    assert {one["authority"] for one in await seen(world, "v1")} == {"echo"}
