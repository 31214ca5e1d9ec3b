"""The reviews service: which version calls ratings, how long it waits, and what it says when that fails."""

import msgspec
import pytest

from plait.actors import BadStatus, DeadlineExceeded, Response
from plait.examples.bookinfo.messages import BookRatings
from plait.examples.bookinfo.reviews import ReviewsV1, ReviewsV2, ReviewsV3

pytestmark = pytest.mark.anyio


def stars(service, path):
    return BookRatings(0, {"Reviewer1": 5, "Reviewer2": 4})


async def test_version_1_has_no_ratings_and_asks_for_none(stage):
    reviews = await stage(ReviewsV1, stars)
    answer = msgspec.json.decode((await reviews.ask("/reviews/0")).body)
    assert [review["reviewer"] for review in answer["reviews"]] == ["Reviewer1", "Reviewer2"]
    assert all(set(review) == {"reviewer", "text"} and review["text"] for review in answer["reviews"])
    assert (answer["id"], answer["podname"], answer["clustername"]) == ("0", "reviews-v1-a1", "eu/a/1")
    assert reviews.calls == []


@pytest.mark.parametrize(("kind", "color", "timeout"), [(ReviewsV2, "black", 10.0), (ReviewsV3, "red", 2.5)])
async def test_later_versions_show_stars_and_wait_their_own_time_for_them(stage, kind, color, timeout):
    reviews = await stage(kind, stars)
    answer = msgspec.json.decode((await reviews.ask("/reviews/8")).body)
    ratings = [review["rating"] for review in answer["reviews"]]
    assert ratings == [{"stars": 5, "color": color}, {"stars": 4, "color": color}]
    assert reviews.calls == [("ratings", "/ratings/8", timeout, "")]


@pytest.mark.parametrize("failure", [BadStatus(500), DeadlineExceeded(), msgspec.ValidationError("not ratings")])
async def test_without_ratings_the_opinions_stay_and_a_sentence_says_why(stage, failure):
    response = await (await stage(ReviewsV2, lambda service, path: failure)).ask("/reviews/0")
    assert response.status == 200
    for review in msgspec.json.decode(response.body)["reviews"]:
        assert review["rating"] == {"error": "Ratings service is currently unavailable"}


async def test_stars_that_are_the_last_known_ones_say_so(stage):
    old = Response(BookRatings(0, {"Reviewer1": 5}), headers={"x-plait-fallback": "last-good"})
    old.degraded = ("ratings/last-good",)
    first, second = msgspec.json.decode(
        (await (await stage(ReviewsV2, lambda service, path: old)).ask("/reviews/0")).body
    )["reviews"]
    assert first["rating"] == {"stars": 5, "color": "black", "stale": True}
    assert "error" in second["rating"]


async def test_a_reviewer_without_stars_gets_the_sentence_alone(stage):
    reviews = await stage(ReviewsV3, lambda service, path: BookRatings(0, {"Reviewer2": 1}))
    first, second = msgspec.json.decode((await reviews.ask("/reviews/0")).body)["reviews"]
    assert "error" in first["rating"]
    assert second["rating"] == {"stars": 1, "color": "red"}


async def test_an_id_that_is_no_number_is_refused(stage):
    assert (await (await stage(ReviewsV1)).ask("/reviews/x")).status == 400


@pytest.mark.parametrize("kind", [ReviewsV1, ReviewsV2, ReviewsV3])
async def test_every_version_is_healthy(stage, kind):
    response = await (await stage(kind)).ask("/health")
    assert msgspec.json.decode(response.body) == {"status": "Reviews is healthy"}
