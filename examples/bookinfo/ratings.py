"""The ratings service: stars by reviewer, with variants that fail in known ways."""

import os
from collections.abc import Coroutine
from typing import Any

import msgspec

from plait.actors import HttpCheck, Request, Response, Service, get, post

from .messages import BookRatings, Health, Trouble, product_number

FAULT_SHARE = 0.5
"""Share of the requests that v-faulty refuses and v-delayed holds back."""
DELAY = 7.0
"""Seconds that v-delayed holds a request back: more than productpage waits, less than reviews v2 does."""
PERIODS = {"v-unavailable": 60.0, "v-unhealthy": 900.0}
"""Seconds after which these variants turn from well to ill, and back."""

_STARS = {"Reviewer1": 5, "Reviewer2": 4}
_decode_stars = msgspec.json.Decoder(dict[str, int]).decode


class Ratings(Service, name="ratings", version="v1", checks=[HttpCheck("/health")]):
    """Stars for every book. The environment's SERVICE_VERSION makes an instance one of the variants that fail.

    v-faulty refuses half of the requests with 503; v-delayed answers half of them after 7 s; v-unavailable refuses all
    during every second minute; v-unhealthy does so by quarters of an hour and says it at `/health`, which is its
    health check; v2 takes no POST.
    """

    default_variant = "v1"

    async def pre_start(self) -> None:
        """Read which variant to be; what was posted in an earlier life is forgotten."""
        self._variant = os.environ.get("SERVICE_VERSION") or self.default_variant
        self._posted: dict[int, dict[str, int]] = {}
        self._started = self.clock()

    def _ill(self) -> bool:
        """Whether this variant is in one of its bad times."""
        period = PERIODS.get(self._variant)
        return period is not None and (self.clock() - self._started) // period % 2 == 1

    def _refuses(self) -> bool:
        """Whether this request meets the variant's failure."""
        if self._variant == "v-faulty":
            return self.rng.random() < FAULT_SHARE
        return self._ill()

    def _holds_back(self) -> bool:
        """Whether this request has to wait."""
        return self._variant == "v-delayed" and self.rng.random() < FAULT_SHARE

    @get("/ratings/{product_id}")
    def ratings(self, product_id: str, request: Request) -> BookRatings | Response | Coroutine[Any, Any, BookRatings]:
        """The stars of a book; 400 unless its id is a number, 503 while this variant is ill."""
        number = product_number(product_id)
        if number is None:
            return Response(Trouble("please provide numeric product ID"), status=400)
        if self._refuses():
            return Response(Trouble("Service unavailable"), status=503)
        answer = BookRatings(number, self._posted.get(number, _STARS))
        # A coroutine for the one variant that waits: all others answer inline, without a task.
        return self._held_back(answer) if self._holds_back() else answer

    async def _held_back(self, answer: BookRatings) -> BookRatings:
        await self.sleep(DELAY)
        return answer

    @post("/ratings/{product_id}")
    def replace(self, product_id: str, request: Request) -> BookRatings | Response:
        """Puts the body's stars, `{"Reviewer1": 3}`, in place of a book's; lives as long as this instance."""
        number = product_number(product_id)
        if number is None:
            return Response(Trouble("please provide numeric product ID"), status=400)
        try:
            stars = _decode_stars(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Response(Trouble("please provide valid ratings JSON"), status=400)
        if self._variant == "v2":
            return Response(Trouble("Post not implemented for database backed ratings"), status=501)
        self._posted[number] = stars
        return BookRatings(number, stars)

    @get("/health")
    def health(self, request: Request) -> Health | Response:
        """200 while well. Of the variants only v-unhealthy confesses; v-unavailable is ill without saying so."""
        if self._variant == "v-unhealthy" and self._ill():
            return Response(Health("Ratings is not healthy"), status=500)
        return Health("Ratings is healthy")


class RatingsV2(Ratings, name="ratings", version="v2"):
    """Stands for the version with a database: same stars, no POST."""

    default_variant = "v2"
