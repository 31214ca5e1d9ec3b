"""The productpage service: what it asks for, how often, on whose behalf, and what comes of failures."""

import asyncio
from itertools import count

import msgspec
import pytest

from plait.actors import DeadlineExceeded, Response
from plait.actors.messages.error import Denied, FaultInjected, NoEndpoints
from plait.examples.bookinfo.messages import BookDetails, BookReviews, Rating, Review
from plait.examples.bookinfo.productpage import ProductPage

pytestmark = pytest.mark.anyio

DETAILS = BookDetails(0, "William Shakespeare", 1595, "paperback", 200, "PublisherA", "English", "1234567890", "123-1")
REVIEWS = BookReviews("0", "reviews-a1", "", [Review("Reviewer1", "Fun.", Rating(5, "red"))])
JASON = (("cookie", "session=jason"),)


def well(service, path):
    return DETAILS if service == "details" else REVIEWS


async def test_the_page_joins_details_and_reviews_and_waits_three_seconds_for_each(stage):
    shop = await stage(ProductPage, well)
    response = await shop.ask("/productpage")
    assert response.status == 200
    assert ("content-type", "text/html; charset=utf-8") in response.headers
    assert b"William Shakespeare" in response.body
    assert response.body.count("★".encode()) == 5
    assert sorted(shop.calls) == [("details", "/details/0", 3.0, ""), ("reviews", "/reviews/0", 3.0, "")]


async def test_details_and_reviews_are_asked_at_the_same_time(stage):
    both = asyncio.Barrier(2)

    async def meet(service):
        await both.wait()
        return well(service, "")

    shop = await stage(ProductPage, lambda service, path: meet(service))
    response = await asyncio.wait_for(shop.ask("/productpage"), 5)
    assert b"Error fetching" not in response.body


async def test_reviews_are_tried_twice_and_then_the_page_says_so(stage):
    shop = await stage(ProductPage, lambda service, path: DETAILS if service == "details" else DeadlineExceeded())
    response = await shop.ask("/productpage")
    assert response.status == 200
    assert b"Error fetching product reviews!" in response.body
    assert b"Sorry, product reviews are currently unavailable for this book." in response.body
    assert b"William Shakespeare" in response.body
    assert [call[0] for call in shop.calls].count("reviews") == 2
    assert [call[0] for call in shop.calls].count("details") == 1


async def test_the_second_try_is_good_enough(stage):
    answers = iter([Response("busy", status=503), REVIEWS])
    shop = await stage(ProductPage, lambda service, path: DETAILS if service == "details" else next(answers))
    assert b"Error fetching" not in (await shop.ask("/productpage")).body


@pytest.mark.parametrize("answer", [Response("{}", status=555), Response("<html>"), Response({"id": 1}), Denied()])
async def test_details_that_cannot_be_had_or_read_leave_an_error_on_the_page(stage, answer):
    shop = await stage(ProductPage, lambda service, path: answer if service == "details" else REVIEWS)
    response = await shop.ask("/productpage")
    assert response.status == 200
    assert b"Error fetching product details!" in response.body
    assert b"Reviewer1" in response.body


async def test_a_cancelled_page_cancels_the_calls_that_it_made(stage):
    waiting, cancelled = asyncio.Semaphore(0), []

    async def forever(service):
        waiting.release()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(service)
            raise

    shop = await stage(ProductPage, lambda service, path: forever(service))
    page = asyncio.create_task(shop.ask("/productpage"))
    for _ in range(2):
        await asyncio.wait_for(waiting.acquire(), 5)
    page.cancel()
    with pytest.raises(asyncio.CancelledError):
        await page
    await asyncio.sleep(0)
    assert sorted(cancelled) == ["details", "reviews"]


async def test_signing_in_sets_a_cookie_that_scripts_cannot_read_and_leads_back_to_the_page(stage):
    response = await (await stage(ProductPage)).ask("/login", "POST", body=b"username=jason&passwd=x")
    headers = dict(response.headers)
    assert (response.status, headers["location"]) == (302, "/productpage")
    assert headers["set-cookie"].startswith("session=jason;")
    assert "HttpOnly" in headers["set-cookie"]


@pytest.mark.parametrize("body", [b"", b"username=", b"username=%20", b"username=a%0d%0ab", b"username=%00"])
async def test_a_name_that_is_none_starts_no_session(stage, body):
    response = await (await stage(ProductPage)).ask("/login", "POST", body=body)
    assert response.status == 302
    assert "set-cookie" not in dict(response.headers)


async def test_a_cookie_set_at_sign_in_is_understood_when_it_comes_back(stage):
    shop = await stage(ProductPage, well)
    response = await shop.ask("/login", "POST", body="username=Zoë; <i>=1".encode())
    cookie = dict(response.headers)["set-cookie"].partition(";")[0]
    page = (await shop.ask("/productpage", headers=(("cookie", cookie),))).body.decode()
    assert "<b>Zoë; &lt;i&gt;=1</b>" in page


async def test_signing_out_ends_the_session(stage):
    headers = dict((await (await stage(ProductPage)).ask("/logout", headers=JASON)).headers)
    assert headers["location"] == "/productpage"
    assert headers["set-cookie"].startswith("session=;")
    assert "Max-Age=0" in headers["set-cookie"]


async def test_every_call_for_a_signed_in_user_is_made_on_his_behalf(stage):
    shop = await stage(ProductPage, well)
    page = await shop.ask("/productpage", headers=JASON)
    assert b"<b>jason</b>" in page.body
    await shop.ask("/api/v1/products/0/ratings", headers=JASON)
    assert [call[3] for call in shop.calls] == ["jason"] * 3
    await shop.ask("/productpage")
    assert [call[3] for call in shop.calls[3:]] == ["", ""]


@pytest.mark.parametrize("cookie", ["session=" + "x" * 65, "session=a%0Ab", "session=", "other=jason"])
async def test_a_cookie_that_names_nobody_counts_as_none(stage, cookie):
    shop = await stage(ProductPage, well)
    assert b"Sign in" in (await shop.ask("/productpage", headers=(("cookie", cookie),))).body
    assert {call[3] for call in shop.calls} == {""}


async def test_the_api_lists_the_products(stage):
    response = await (await stage(ProductPage)).ask("/api/v1/products")
    (product,) = msgspec.json.decode(response.body)
    assert (product["id"], product["title"]) == (0, "The Comedy of Errors")
    assert product["descriptionHtml"]


@pytest.mark.parametrize(("part", "path"), [("details", ""), ("reviews", "/reviews"), ("ratings", "/ratings")])
async def test_the_api_passes_on_what_each_service_says_or_its_status_with_a_sentence(stage, part, path):
    good = await stage(ProductPage, lambda service, asked: {"from": service, "path": asked})
    response = await good.ask(f"/api/v1/products/3{path}")
    assert response.status == 200
    assert msgspec.json.decode(response.body) == {"from": part, "path": f"/{part}/3"}
    assert ("content-type", "application/json") in response.headers

    sorry = {"error": f"Sorry, product {part} are currently unavailable for this book."}
    for failure, status in (
        (Response({"error": "no"}, status=400), 400),
        (FaultInjected(555), 555),
        (Denied(), 403),
        (NoEndpoints(), 503),
        (DeadlineExceeded(), 500),
    ):
        bad = await stage(ProductPage, lambda service, asked, failure=failure: failure)
        response = await bad.ask(f"/api/v1/products/3{path}")
        assert (response.status, msgspec.json.decode(response.body)) == (status, sorry)


async def test_an_id_stays_one_segment_of_the_path(stage):
    shop = await stage(ProductPage, well)
    await shop.ask("/api/v1/products/..%2Fhealth%3F")
    assert shop.calls[0][1] == "/details/..%2Fhealth%3F"


async def test_flooding_adds_calls_of_reviews_that_nobody_waits_for(stage):
    cancelled = []

    async def slow():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    turn = count()  # the page's own call is the first
    shop = await stage(
        ProductPage,
        lambda service, path: DETAILS if service == "details" else slow() if next(turn) else REVIEWS,
        FLOOD_FACTOR="5",
    )
    response = await asyncio.wait_for(shop.ask("/productpage"), 5)
    assert b"Error fetching" not in response.body
    assert [call[0] for call in shop.calls].count("reviews") == 6
    await shop.service.post_stop()
    await asyncio.sleep(0)
    assert len(cancelled) == 5


@pytest.mark.parametrize("path", ["/", "/index.html", "/health"])
async def test_paths_without_calls_always_answer(stage, path):
    shop = await stage(ProductPage)
    assert (await shop.ask(path)).status == 200
    assert shop.calls == []


async def test_the_stylesheet_is_served_and_nothing_else(stage):
    shop = await stage(ProductPage)
    style = await shop.ask("/static/bookinfo.css")
    assert ("content-type", "text/css; charset=utf-8") in style.headers
    assert b".stars.red" in style.body
    assert (await shop.ask("/static/productpage.py")).status == 404
    assert b"/static/bookinfo.css" in (await shop.ask("/")).body
