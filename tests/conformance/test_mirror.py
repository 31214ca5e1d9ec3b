"""Istio's mirroring task: the client sees the first version alone, the second one sees copies for a shadow host."""

import asyncio
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


async def test_what_the_copies_got_is_compared_with_what_callers_got(world):
    await world.apply(
        SUBSETS,
        mirroring(""),
        "apiVersion: plait.dev/v1\nkind: Resilience\nmetadata: { name: echo }\n"
        "spec: { host: echo, mirrorDiff: { ignore: [$.instance, $.headers, $.authority] } }\n",
    )
    for number in range(20):
        assert json.loads((await world.ask(f"/call/echo/mirrored/{number}")).body)["version"] == "v1"

    def told():
        return world.mesh.read("ls", "mirrors")["items"]

    found = await asyncio.to_thread(told)
    assert [(one["route"], one["service"], one["subset"], one["mirror_subset"]) for one in found] == [
        ("default/mirroring#0", "echo", "v1", "v2")
    ]
    outcomes = found[0]["outcomes"]
    skipped = outcomes.pop(
        "skipped", 0
    )  # comparing takes a small share of a node's time; a busy machine makes it longer
    assert outcomes == {"body": 20 - skipped}
    assert found[0]["places"]["$.version"] == 20 - skipped > 0
