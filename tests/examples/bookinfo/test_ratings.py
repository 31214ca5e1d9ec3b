"""The ratings service: its stars, what may be posted, and how each variant fails."""

import msgspec
import pytest

from plait.examples.bookinfo.ratings import Ratings, RatingsV2

pytestmark = pytest.mark.anyio


def said(response):
    return response.status, msgspec.json.decode(response.body)


REFUSED = (503, {"error": "Service unavailable"})
STARS = (200, {"id": 0, "ratings": {"Reviewer1": 5, "Reviewer2": 4}})


async def test_a_book_has_two_ratings(stage):
    assert said(await (await stage(Ratings)).ask("/ratings/0")) == STARS


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_id_that_is_no_number_is_refused_with_a_sentence(stage, method):
    response = await (await stage(Ratings)).ask("/ratings/abc", method, body=b"{}")
    assert said(response) == (400, {"error": "please provide numeric product ID"})


async def test_a_post_replaces_the_ratings_of_its_book_alone(stage):
    ratings = await stage(Ratings)
    posted = said(await ratings.ask("/ratings/3", "POST", body=b'{"Reviewer1": 1}'))
    assert posted == (200, {"id": 3, "ratings": {"Reviewer1": 1}})
    assert said(await ratings.ask("/ratings/3")) == posted
    assert said(await ratings.ask("/ratings/0")) == STARS


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"Reviewer1": "many"}', b"\xff", b"[" * 5000])
async def test_a_post_of_anything_else_is_refused_with_a_sentence(stage, body):
    response = await (await stage(Ratings)).ask("/ratings/0", "POST", body=body)
    assert said(response) == (400, {"error": "please provide valid ratings JSON"})


async def test_version_2_takes_no_post(stage):
    expected = (501, {"error": "Post not implemented for database backed ratings"})
    assert said(await (await stage(RatingsV2)).ask("/ratings/0", "POST", body=b"{}")) == expected
    assert said(await (await stage(Ratings, SERVICE_VERSION="v2")).ask("/ratings/0", "POST", body=b"{}")) == expected
    assert said(await (await stage(RatingsV2)).ask("/ratings/0")) == STARS


async def test_v_faulty_refuses_half_of_the_requests(stage):
    ratings = await stage(Ratings, SERVICE_VERSION="v-faulty")
    answers = [said(await ratings.ask("/ratings/0")) for _ in range(400)]
    assert answers.count(REFUSED) + answers.count(STARS) == 400
    assert 160 < answers.count(REFUSED) < 240


async def test_v_delayed_holds_half_of_the_requests_back_for_seven_seconds(stage):
    ratings = await stage(Ratings, SERVICE_VERSION="v-delayed")
    answers = [said(await ratings.ask("/ratings/0")) for _ in range(400)]
    assert answers.count(STARS) == 400
    assert 160 < len(ratings.slept) < 240
    assert set(ratings.slept) == {7.0}


async def test_v_unavailable_refuses_all_in_every_second_minute_and_still_calls_itself_healthy(stage):
    ratings = await stage(Ratings, SERVICE_VERSION="v-unavailable")
    for now, expected in ((0, STARS), (59.9, STARS), (60, REFUSED), (119.9, REFUSED), (120, STARS)):
        ratings.now = now
        assert said(await ratings.ask("/ratings/0")) == expected
        assert said(await ratings.ask("/health")) == (200, {"status": "Ratings is healthy"})


async def test_v_unhealthy_turns_every_fifteen_minutes_and_says_so(stage):
    ratings = await stage(Ratings, SERVICE_VERSION="v-unhealthy")
    assert said(await ratings.ask("/health")) == (200, {"status": "Ratings is healthy"})
    ratings.now = 900
    assert said(await ratings.ask("/health")) == (500, {"status": "Ratings is not healthy"})
    assert said(await ratings.ask("/ratings/0")) == REFUSED
    ratings.now = 1800
    assert said(await ratings.ask("/ratings/0")) == STARS
