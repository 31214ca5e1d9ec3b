"""Bookinfo's tasks as its readers do them: apply a file of the examples, sign in, look at the page."""

import asyncio
import time
from pathlib import Path

import pytest

import plait.examples.bookinfo.scenarios as scenarios
from tests.integration.documents import reviews, stars
from tests.integration.load import ask

pytestmark = pytest.mark.anyio

FOLDER = Path(scenarios.__file__).parent
UNAVAILABLE = "Ratings service is currently unavailable"


def example(*names: str) -> str:
    return "---\n".join((FOLDER / f"{name}.yaml").read_text() for name in names)


async def signed_in(url: str, user: str) -> dict[str, str]:
    """Sign in as a browser does; the headers of later requests."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = await ask(url, "/login", "POST", form, f"username={user}&passwd=any".encode())
    assert answer.status == 302
    assert answer.headers["location"] == "/productpage"
    return {"cookie": answer.headers["set-cookie"].partition(";")[0]}


async def test_one_user_sees_another_version_without_a_service_copying_headers(mesh, bus):
    await bus.apply(example("all-v1"))
    await bus.apply(example("reviews-jason-v2"))
    jason = await signed_in(mesh.http, "jason")
    other = await signed_in(mesh.http, "someone")
    for _ in range(4):
        assert stars((await ask(mesh.http, "/productpage", headers=jason)).body) == "black"
        assert stars((await ask(mesh.http, "/productpage", headers=other)).body) == "none"
        assert stars((await ask(mesh.http, "/productpage")).body) == "none"
    assert "jason" in (await ask(mesh.http, "/productpage", headers=jason)).body


async def test_a_delay_of_ratings_for_one_user_finds_the_bug_of_the_timeouts(mesh, bus):
    await bus.apply(example("all-v1"))
    await bus.apply(example("reviews-jason-v2"))
    await bus.apply(example("ratings-delay-jason"))
    jason = await signed_in(mesh.http, "jason")
    slow = asyncio.create_task(ask(mesh.http, "/productpage", headers=jason))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    others = [await ask(mesh.http, "/productpage") for _ in range(5)]
    assert time.monotonic() - began < 2.0
    assert all("Error fetching" not in page.body for page in others)
    page = await slow
    assert page.status == 200
    assert 5.8 < page.took < 7.0
    assert "Error fetching product reviews" in page.body
    assert "Sorry, product reviews are currently unavailable for this book." in page.body
    assert "Error fetching product details" not in page.body


async def test_a_delay_that_every_service_has_the_patience_for_costs_the_user_time_alone(mesh, bus):
    await bus.apply(example("all-v1"))
    await bus.apply(reviews(v3=100))
    await bus.apply(example("ratings-delay-jason").replace("7s", "1.5s"))
    page = await ask(mesh.http, "/productpage", headers=await signed_in(mesh.http, "jason"))
    assert 1.4 < page.took < 2.9, "the last step of the task: reviews in its third version waits for 2.5 s"
    assert stars(page.body) == "red"
    assert "Error fetching" not in page.body
    assert UNAVAILABLE not in page.body


async def test_an_abort_of_ratings_for_one_user_leaves_the_opinions(mesh, bus):
    await bus.apply(example("all-v1"))
    await bus.apply(example("reviews-jason-v2"))
    await bus.apply(example("ratings-abort-jason"))
    jason = await signed_in(mesh.http, "jason")
    page = await ask(mesh.http, "/productpage", headers=jason)
    assert page.took < 2.0
    assert UNAVAILABLE in page.body
    assert "Reviewer1" in page.body
    assert UNAVAILABLE not in (await ask(mesh.http, "/productpage")).body
    await bus.apply(reviews(v2=100))
    anyone = (await ask(mesh.http, "/productpage")).body
    assert stars(anyone) == "black"
    assert UNAVAILABLE not in anyone


async def test_an_abort_of_details_shows_its_sentence_in_the_place_of_details(mesh, bus):
    await bus.apply("""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: details }
spec:
  hosts: [details]
  http:
    - fault: { abort: { percentage: { value: 100 }, httpStatus: 555 } }
      route: [{ destination: { host: details } }]
""")
    page = await ask(mesh.http, "/productpage")
    assert page.status == 200
    assert "Error fetching product details" in page.body
    assert "Reviewer1" in page.body


async def test_half_a_second_for_reviews_is_tried_twice_and_ends_after_one(mesh, bus):
    await bus.apply(example("all-v1"))
    await bus.apply(reviews(v2=100))
    await bus.apply("""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ratings }
spec:
  hosts: [ratings]
  http:
    - fault: { delay: { percent: 100, fixedDelay: 2s } }
      route: [{ destination: { host: ratings, subset: v1 } }]
""")
    page = await ask(mesh.http, "/productpage")
    assert 1.9 < page.took < 3.0
    assert stars(page.body) == "black"
    await bus.apply(reviews(v2=100) + "      timeout: 0.5s\n")
    page = await ask(mesh.http, "/productpage")
    assert 0.9 < page.took < 1.9
    assert "Sorry, product reviews are currently unavailable for this book." in page.body
