"""The reviews service: two opinions of a book; v1 without stars, v2 with black ones, v3 with red ones."""

import contextlib

import msgspec

from plait.actors import MeshError, Request, Service, get

from .messages import BookRatings, BookReviews, Health, Rating, Review

_OPINIONS = {
    "Reviewer1": "Two pairs of twins, one town and no end of mix-ups: I laughed from the first scene to the last.",
    "Reviewer2": "Quick, noisy and full of good jokes, though there is less beneath them than in the later plays.",
}
_UNAVAILABLE = Rating(error="Ratings service is currently unavailable")


class Reviews(Service):
    """What all versions have in common."""

    def _reviews(self, product_id: int, reviews: list[Review]) -> BookReviews:
        return BookReviews(str(product_id), self.instance, self.locality, reviews)

    @get("/health")
    def health(self, request: Request) -> Health:
        """Always healthy: without ratings it still has the opinions."""
        return Health("Reviews is healthy")


class ReviewsV1(Reviews, name="reviews", version="v1"):
    """Opinions alone; ratings is never called."""

    @get("/reviews/{product_id}")
    def reviews(self, product_id: int, request: Request) -> BookReviews:
        """The opinions of a book."""
        return self._reviews(product_id, [Review(reviewer, text) for reviewer, text in _OPINIONS.items()])


class ReviewsV2(Reviews, name="reviews", version="v2"):
    """Opinions with black stars. It waits for ratings longer than productpage waits for it, as in Bookinfo."""

    color = "black"
    ratings_timeout = 10.0
    """Seconds to wait for ratings."""

    @get("/reviews/{product_id}")
    async def reviews(self, product_id: int, request: Request) -> BookReviews:
        """The opinions of a book with their stars, or with a sentence in their place when ratings fails."""
        path = f"/ratings/{product_id}"
        stars: dict[str, int] = {}
        stale = False
        # Whatever goes wrong there, the opinions are worth more without stars than not at all.
        with contextlib.suppress(MeshError, msgspec.DecodeError):
            reply = await self.call("ratings", path, timeout=self.ratings_timeout)
            stars, stale = reply.read(BookRatings).ratings, reply.fallback == "last-good"
        return self._reviews(
            product_id,
            [
                Review(
                    reviewer,
                    text,
                    Rating(stars[reviewer], self.color, stale=stale) if reviewer in stars else _UNAVAILABLE,
                )
                for reviewer, text in _OPINIONS.items()
            ],
        )


class ReviewsV3(ReviewsV2, name="reviews", version="v3"):
    """Opinions with red stars, and patience shorter than productpage's."""

    color = "red"
    ratings_timeout = 2.5
