"""The instances of a service in a mesh of real processes, as those who call it see them."""

import asyncio
import json

import pytest

from tests.integration.documents import reviews
from tests.integration.load import ask

pytestmark = pytest.mark.anyio


async def seen(mesh, bus, enough, limit=10.0):
    """Ask for pages until what callers see of reviews is `enough`."""
    end = asyncio.get_running_loop().time() + limit
    while True:
        for _ in range(5):
            assert (await ask(mesh.http, "/productpage")).status == 200
        done = mesh.plait("ls", "instances", "reviews", "-o", "json")
        assert done.returncode == 0, done.stderr
        found = {one["version"]: one for one in json.loads(done.stdout)["items"]}
        if enough(found):
            return found
        assert asyncio.get_running_loop().time() < end, done.stdout


async def test_shares_latencies_and_reports_come_from_the_nodes_that_call(mesh, bus):
    found = await seen(mesh, bus, lambda found: all(one["share"] and one["load"] for one in found.values()))
    assert sum(one["share"] for one in found.values()) == pytest.approx(1.0, abs=0.01)
    for one in found.values():
        assert one["latency"] > 0
        assert 0.0 < one["score"] <= 1.0
        assert one["load"]["capacity"] == 256
        (caller,) = one["callers"]
        assert caller["node"].startswith("productpage")
        assert caller["load"]["age"] >= 0.0


async def test_describe_names_the_document_that_says_how_an_instance_is_picked(mesh, bus):
    await bus.apply(reviews(v1=100))
    await seen(mesh, bus, lambda found: found["v1"]["callers"])
    done = mesh.plait("describe", "service/reviews", "-o", "json")
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)["items"]
    assert told["balancing"][-1]["for"] == "everybody"
    assert told["balancing"][-1]["from"].startswith("DestinationRule/default/reviews") or (
        told["balancing"][-1]["from"] == "default"
    )
    picks = [one for one in told["picks"] if one["subset"] == "v1"]
    assert [one["instance"].startswith("reviews-v1") for one in picks] == [True]
