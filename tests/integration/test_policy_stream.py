"""A stream of random valid revisions under load: no request fails, and a rollback brings the old behaviour back.

`--revisions 1000` plays the long form (`make revisions`). Subsets have other names in each revision: a node that routed
by one revision and looked for instances by another would fail.
"""

import asyncio
import random

import pytest

from tests.integration.documents import stars
from tests.integration.load import ask, load

pytestmark = pytest.mark.anyio

VERSIONS = ("v1", "v2", "v3")
ONLY_V3 = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec: {host: reviews, subsets: [{name: v3, labels: {version: v3}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec: {hosts: [reviews], http: [{route: [{destination: {host: reviews, subset: v3}}]}]}
"""


def bundle(rng: random.Random, number: int) -> str:
    """Rules for reviews whose subsets have names of their own in each revision: rules of two revisions never mix."""
    names = {version: f"r{number}-{version}" for version in rng.sample(VERSIONS, rng.randint(1, 3))}
    subsets = "".join(f"    - {{name: {name}, labels: {{version: {version}}}}}\n" for version, name in names.items())
    routes = "".join(_route(rng, names) for _ in range(rng.randint(0, 3)))
    balancer = rng.choice(("ROUND_ROBIN", "RANDOM", "LEAST_REQUEST"))
    return (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: reviews}\nspec:\n  host: reviews\n"
        f"  trafficPolicy: {{loadBalancer: {{simple: {balancer}}}}}\n  subsets:\n{subsets}---\n"
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: reviews}\nspec:\n"
        f"  hosts: [reviews]\n  http:\n{routes}{_destinations(rng, names, '  - ')}"
    )


def _route(rng: random.Random, names: dict[str, str]) -> str:
    condition = rng.choice(
        (
            "headers: {end-user: {exact: jason}}",
            "uri: {prefix: /reviews/9}",
            "queryParams: {a: {exact: b}}",
            "port: 9080",
        )
    )
    return f"  - match: [{{{condition}}}]\n    timeout: 10s\n{_destinations(rng, names, '    ')}"


def _destinations(rng: random.Random, names: dict[str, str], indent: str) -> str:
    chosen = rng.sample(sorted(names.values()), rng.randint(1, len(names)))
    share = [100 // len(chosen)] * len(chosen)
    share[0] += 100 - sum(share)
    goals = ", ".join(
        f"{{destination: {{host: reviews, subset: {name}}}, weight: {weight}}}"
        for name, weight in zip(chosen, share, strict=True)
    )
    return f"{indent}route: [{goals}]\n"


async def test_a_stream_of_random_revisions_under_load_fails_no_request(mesh, bus, pytestconfig, eventually):
    count = pytestconfig.getoption("--revisions")
    rng = random.Random(5)
    old = first = (await bus.apply(ONLY_V3))["revision"]
    took: list[float] = []
    late = 0
    async with load(mesh.http, "/productpage", pause=0.01) as pages:
        for number in range(1, count + 1):
            if number == count - 50:
                answer = await bus.apply(ONLY_V3)
                old = answer["revision"]
            elif rng.random() < 0.1:
                last = await bus.revision()
                answer = await bus.ask("policy.rollback", {"revision": rng.randint(max(first, last - 400), last)})
            else:
                answer = await bus.apply(bundle(rng, number))
            assert "errors" not in answer, answer
            late += answer["nodes"]["synced"] < answer["nodes"]["of"]
            took += [answer["convergence"]["all"]] if "convergence" in answer else []
            await asyncio.sleep(0.01)
        await pages.more(20)
    assert pages.failed == []
    assert len(pages.answers) > count

    async def synced():
        status = await bus.ask("policy.status")
        return status["revision"] == await bus.revision() and {one["state"] for one in status["items"]} == {"synced"}

    await eventually(synced, 2.0)
    answer = await bus.ask("policy.rollback", {"revision": old})
    assert "errors" not in answer
    await eventually(synced, 2.0)
    assert {stars((await ask(mesh.http, "/productpage")).body) for _ in range(10)} == {"red"}
    took.sort()
    half, most, worst = (1000 * took[min(len(took) - 1, int(len(took) * share))] for share in (0.5, 0.99, 1.0))
    print(f"\n{count} revisions under {len(pages.answers)} pages; every node decides by each after")
    print(
        f"{half:.1f} ms (median), {most:.1f} ms (p99), {worst:.1f} ms (most); {late} took longer than the engine waits"
    )
