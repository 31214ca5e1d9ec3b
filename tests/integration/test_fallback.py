"""Bookinfo with ratings killed or hung: a fallback keeps the stars and calls them old; without it a sentence stands."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

import plait.examples.bookinfo.policies as policies
import plait.examples.bookinfo.scenarios as scenarios
from tests.integration.conftest import connected
from tests.integration.documents import reviews, stars
from tests.integration.load import ask

pytestmark = pytest.mark.anyio

BOOKINFO = "plait.examples.bookinfo"
FALLBACK = (Path(scenarios.__file__).parent / "ratings-fallback.yaml").read_text()
SENTENCE = "Ratings service is currently unavailable"
STALE = "Stars as last known"


def started(mesh):
    """Bookinfo with the second version of reviews; the rest, and ratings, each a process."""
    rest = mesh.node(
        *(f"{BOOKINFO}.{one}" for one in ("productpage:ProductPage", "details:Details", "reviews:ReviewsV2"))
    )
    return rest, mesh.node(f"{BOOKINFO}.ratings:Ratings")


async def test_the_page_keeps_its_stars_when_ratings_is_killed(own_mesh):
    mesh = own_mesh("--app", "none")
    rest, ratings = started(mesh)
    async with connected(mesh) as bus:
        await bus.apply(policies.first_policy() + "---\n" + reviews(v2=100) + "---\n" + FALLBACK)
        page = await ask(mesh.http, "/productpage")
        assert (stars(page.body), STALE in page.body) == ("black", False)
        assert "x-plait-degraded" not in page.headers

        await asyncio.to_thread(ratings.end, signal.SIGKILL)
        for _ in range(10):
            page = await ask(mesh.http, "/productpage")
            assert (page.status, stars(page.body), STALE in page.body) == (200, "black", True)
            assert page.took < 1.0
            assert page.headers["x-plait-degraded"] == "true"
            assert SENTENCE not in page.body
        seen = await ask(mesh.http, "/productpage", headers={"x-plait-debug": "1"})
        assert seen.headers["x-plait-degraded"] == "ratings/last-good"
        assert "fallback: last-good" in rest.err

        await bus.ask("policy.delete", {"kind": "Resilience", "name": "ratings"})
        page = await ask(mesh.http, "/productpage")
        assert (page.status, SENTENCE in page.body, STALE in page.body) == (200, True, False)
        assert "x-plait-degraded" not in page.headers


async def test_the_page_keeps_its_stars_within_its_deadline_while_ratings_hangs(own_mesh, eventually):
    mesh = own_mesh("--app", "none")
    _, ratings = started(mesh)
    async with connected(mesh) as bus:
        await bus.apply(policies.first_policy() + "---\n" + reviews(v2=100) + "---\n" + FALLBACK)
        page = await ask(mesh.http, "/productpage")
        assert (stars(page.body), STALE in page.body) == ("black", False)

        os.kill(ratings.pid, signal.SIGSTOP)
        try:
            page = await ask(mesh.http, "/productpage")
            assert (page.status, stars(page.body), STALE in page.body) == (200, "black", True)
            assert page.took < 3.5, "productpage waits for 3 s, in which reviews answers; alone it would wait for 10 s"
            assert page.headers["x-plait-degraded"] == "true"
        finally:
            os.kill(ratings.pid, signal.SIGCONT)

        async def fresh():
            body = (await ask(mesh.http, "/productpage")).body
            return stars(body) == "black" and STALE not in body

        await eventually(fresh, 10.0)
