"""A shop in a node, and a client on another one."""

import logging

import msgspec
import pytest

from plait.actors import Request, Response, Service, get, post


class Book(msgspec.Struct):
    title: str
    pages: int = 1


class Shop(Service, name="shop"):
    started = 0

    async def pre_start(self):
        type(self).started += 1

    @get("/books/{number}")
    async def book(self, number: int) -> Book:
        return Book(f"number {number}")

    @post("/books")
    def add(self, book: Book) -> Response:
        return Response(book, 201)

    @get("/fails")
    async def fails(self):
        raise ValueError("secret detail")

    @get("/fails-plainly")
    def fails_plainly(self):
        raise ValueError("secret detail")

    @get("/odd")
    def odd(self):
        return object()

    @get("/odd-later")
    async def odd_later(self):
        return object()

    @get("/calls-nobody")
    async def calls_nobody(self):
        await self.call("nobody", "/")

    @get("/looks")
    def looks(self, request: Request):
        return {"user": request.headers.get("end-user"), "kept": dict(self.baggage)}

    @get("/status/{code}")
    def status(self, code: int):
        return Response("no", code)

    @get("/text")
    def text(self):
        return "not json"


class Fragile(Shop, name="fragile", restart_on_error=True):
    started = 0


class Front(Service, name="front", namespace="web"):
    @get("/tell")
    async def tell(self):
        self.baggage["X-Mood"] = "merry"
        return (await self.call("shop.default", "/looks")).json()

    @get("/asks")
    async def asks(self, request: Request):
        book = await self.call("shop.default.svc.cluster.local", request.query["path"], into=Book)
        return book.title

    @post("/sends")
    async def sends(self, request: Request):
        reply = await self.call("shop.default", "/books", method="post", json=Book("sent", 2), headers={"X-A": "1"})
        return Response(reply.body, reply.status)


@pytest.fixture(autouse=True)
def quiet():
    """Failures of handlers are logged with their traces; these are wanted."""
    loggers = [logging.getLogger(name) for name in ("plait.service", "plait.supervisor")]
    for log in loggers:
        log.setLevel(logging.CRITICAL + 1)
    yield
    for log in loggers:
        log.setLevel(logging.NOTSET)


@pytest.fixture
async def client(network):
    home, client = network.node("home"), network.node("client")
    Shop.started = Fragile.started = 0
    for kind in (Shop, Fragile, Front):
        await home.host(kind, kind.name + "-1")
    return client


@pytest.fixture
def shop():
    """The class of the service, which counts its lives in `started`."""
    return Shop


@pytest.fixture
def fragile():
    """The same, restarted when a handler fails."""
    return Fragile


@pytest.fixture
def book():
    """The type of what the shop sells."""
    return Book
