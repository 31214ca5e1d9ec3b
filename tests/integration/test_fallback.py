"""Bookinfo with ratings killed: a fallback keeps the stars and says that they are old; without it a sentence stands."""

import asyncio
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


async def test_the_page_keeps_its_stars_when_ratings_is_killed(own_mesh):
    mesh = own_mesh("--app", "none")
    rest = mesh.node(
        *(f"{BOOKINFO}.{one}" for one in ("productpage:ProductPage", "details:Details", "reviews:ReviewsV2"))
    )
    ratings = mesh.node(f"{BOOKINFO}.ratings:Ratings")
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
