"""The productpage service: the page that people see, and a small JSON API over the same three services."""

import asyncio
import os
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

import msgspec

from plait.actors import MeshError, Request, Response, Service, get, post

from .messages import BookDetails, BookReviews, Product, Trouble
from .page import index_page, product_page
from .session import SIGN_OUT, sign_in, user_of
from .static import FILES

PATIENCE = 3.0
"""Seconds that one try may take."""
REVIEWS_TRIES = 2
"""productpage asks reviews a second time on its own account: Bookinfo's well-known bug, kept for its delay example."""
MOST_FLOOD = 1000
"""FLOOD_FACTOR ends here."""

_PRODUCTS = (
    Product(
        0,
        "The Comedy of Errors",
        "Shakespeare wrote this farce early on, and it is his shortest play: two masters and their two servants, "
        "<em>each with a lost twin of the same name</em>, spend one day in the same town, and nobody knows who is who.",
    ),
)
_PRODUCTS_JSON = msgspec.json.encode(_PRODUCTS)
_INDEX = index_page(_PRODUCTS)
_HTML = "text/html; charset=utf-8"
_JSON = "application/json"
_KEEP = {"cache-control": "public, max-age=3600"}
_UNAVAILABLE = {
    part: msgspec.json.encode(Trouble(f"Sorry, product {part} are currently unavailable for this book."))
    for part in ("details", "reviews", "ratings")
}
_STATUS_BY_CODE = {"not_found": 404, "permission_denied": 403, "resource_exhausted": 503, "unavailable": 503}
"""What the mesh says before it reaches a service; anything else, such as our own lost patience, is a 500."""

_decode_details = msgspec.json.Decoder(BookDetails).decode
_decode_reviews = msgspec.json.Decoder(BookReviews).decode
T = TypeVar("T")


class ProductPage(Service, name="productpage", version="v1"):
    """Puts the page together. The environment's FLOOD_FACTOR adds that many idle calls of reviews to each page."""

    async def pre_start(self) -> None:
        """Read how much to flood.

        Raises:
            ValueError: FLOOD_FACTOR is no whole number.
        """
        self._flood_factor = min(int(os.environ.get("FLOOD_FACTOR") or 0), MOST_FLOOD)
        self._flood: set[asyncio.Task[tuple[int, bytes]]] = set()

    async def post_stop(self) -> None:
        """End the calls that nobody waits for."""
        for task in tuple(self._flood):
            task.cancel()

    @get("/productpage")
    async def page(self, request: Request) -> Response:
        """The page; always 200, a part that could not be fetched says so in its place."""
        user = self._sign(request)
        for _ in range(self._flood_factor):
            task = asyncio.create_task(self._fetch("reviews", "/reviews/0"))
            self._flood.add(task)
            task.add_done_callback(self._flood.discard)
        details = asyncio.create_task(self._fetch("details", "/details/0"))
        try:
            reviews_answer = await self._fetch("reviews", "/reviews/0", REVIEWS_TRIES)
            details_answer = await details
        finally:
            details.cancel()  # when this handler is cancelled its child is too; a finished task does not mind
        book = _decoded(_decode_details, details_answer)
        body = product_page(_PRODUCTS[0], user, book, _decoded(_decode_reviews, reviews_answer))
        return Response(body, content_type=_HTML)

    @get("/")
    def root(self, request: Request) -> Response:
        """The list of books."""
        return Response(_INDEX, content_type=_HTML)

    @get("/index.html")
    def index(self, request: Request) -> Response:
        """The list of books."""
        return Response(_INDEX, content_type=_HTML)

    @get("/health")
    def health(self, request: Request) -> str:
        """Healthy: without the others it still has a page to show."""
        return "Product page is healthy"

    @post("/login")
    def login(self, request: Request) -> Response:
        """Starts a session for the form's `username`; no password is checked."""
        cookie = sign_in(request.form().get("username", ""))
        if cookie is None:
            return Response.redirect("/productpage")
        return Response(status=302, headers=[("location", "/productpage"), ("set-cookie", cookie)])

    @get("/logout")
    def logout(self, request: Request) -> Response:
        """Ends the session."""
        return Response(status=302, headers=[("location", "/productpage"), ("set-cookie", SIGN_OUT)])

    @get("/api/v1/products")
    def products(self, request: Request) -> Response:
        """All books."""
        return Response(_PRODUCTS_JSON, content_type=_JSON)

    @get("/api/v1/products/{product_id}")
    async def product(self, product_id: str, request: Request) -> Response:
        """What details says of a book."""
        self._sign(request)
        return _passed_on(await self._fetch("details", f"/details/{quote(product_id, safe='')}"))

    @get("/api/v1/products/{product_id}/reviews")
    async def product_reviews(self, product_id: str, request: Request) -> Response:
        """What reviews says of a book."""
        self._sign(request)
        return _passed_on(await self._fetch("reviews", f"/reviews/{quote(product_id, safe='')}", REVIEWS_TRIES))

    @get("/api/v1/products/{product_id}/ratings")
    async def product_ratings(self, product_id: str, request: Request) -> Response:
        """What ratings says of a book."""
        self._sign(request)
        return _passed_on(await self._fetch("ratings", f"/ratings/{quote(product_id, safe='')}"))

    @get("/static/{name}")
    def static(self, name: str, request: Request) -> Response:
        """A file that the page needs."""
        found = FILES.get(name)
        if found is None:
            return Response("no such file", status=404)
        body, content_type = found
        return Response(body, headers=_KEEP, content_type=content_type)

    def _sign(self, request: Request) -> str:
        """Say on whose behalf the calls of this request are made; the mesh carries it to every service below."""
        user = user_of(request.cookies)
        if user:
            self.baggage["end-user"] = user
        return user

    async def _fetch(self, service: str, path: str, tries: int = 1) -> tuple[int, bytes]:
        """Status and JSON of one service, or its status (500 without one) and the sentence that it is unavailable."""
        status = 500
        for _ in range(tries):
            try:
                reply = await self.call(service, path, timeout=PATIENCE)
            except MeshError as failure:
                status = getattr(failure, "status", 0) or _STATUS_BY_CODE.get(failure.code.value, 500)
                continue
            if reply.status == 200:
                return 200, reply.body
            status = reply.status
        return status, _UNAVAILABLE[service]


def _decoded(decode: Callable[[bytes], T], answer: tuple[int, bytes]) -> T | None:
    """What a service said, or None if it said nothing that makes sense."""
    status, body = answer
    if status != 200:
        return None
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _passed_on(answer: tuple[int, bytes]) -> Response:
    status, body = answer
    return Response(body, status=status, content_type=_JSON)
