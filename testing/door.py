"""An address of a simulated gateway: requests come in and answers go out by messages of the world, without a socket."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from ..actors.messages.error import StartFailed
from ..gateway.exchange import Application, Exchange
from ..gateway.request import HttpRequest
from .loop import SimLoop
from .world import World

HOP = 0.0002
"""Seconds between a client and its gateway."""


class HttpReply(msgspec.Struct, frozen=True):
    """What a client of the gateway was answered."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def json(self) -> Any:
        """Return what the body says as JSON."""
        return msgspec.json.decode(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def header(self, name: str) -> str:
        """Return a header's first value; empty without one."""
        return next((value for known, value in self.headers if known == name.lower()), "")


class _Answer:
    """The gateway's end of one request (see `gateway.exchange.Wire`)."""

    writable = True

    def __init__(self, door: "SimDoor", client: SimLoop, future: "asyncio.Future[HttpReply]") -> None:
        self._door = door
        self._client = client
        self._future = future
        self._written = b""

    def edge(self, delimited: bool) -> str:
        return ""

    def write(self, data: bytes) -> None:
        self._written += data

    def answered(self) -> None:
        self._door.under_way.pop(self, None)
        world = self._door.world
        world.at(world.now + HOP, self._client.arrive, _settle, self._future, parse(self._written))

    def lose(self) -> None:
        """The gateway is no more."""
        self._client.arrive(_settle, self._future, ConnectionResetError("the gateway is gone"))


class SimDoor:
    """See `Door`."""

    def __init__(self, world: World, loop: SimLoop, application: Application, host: str, port: int) -> None:
        self.world = world
        self.open = False
        self.under_way: dict[_Answer, None] = {}
        self._loop = loop
        self._application = application
        self._host = host
        self._port = port

    async def start(self) -> None:
        """Accept."""
        self.open = True

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, as they were asked for.

        Raises:
            StartFailed: before `start` and after `drain`.
        """
        if not self.open:
            raise StartFailed("the listener is not started")
        return self._host, self._port

    @property
    def connections(self) -> int:
        """How many requests are under way."""
        return len(self.under_way)

    async def drain(self, timeout: float) -> None:
        """Stop: accept no more, let requests end for at most `timeout` seconds, then break them off."""
        self.open = False
        end = self.world.now + timeout
        while self.under_way and self.world.now < end:  # noqa: ASYNC110 - virtual time: it costs nothing to look
            await asyncio.sleep(0.01)
        self.abort()

    def abort(self) -> None:
        """The node is gone: whoever waits learns it."""
        self.open = False
        for answer in list(self.under_way):
            answer.lose()
        self.under_way.clear()

    async def ask(self, request: HttpRequest) -> HttpReply:
        """Send a request from another loop and wait for its answer.

        Raises:
            ConnectionError: nobody listens here, or the gateway died over it.
        """
        client = asyncio.get_running_loop()
        assert isinstance(client, SimLoop)
        future: asyncio.Future[HttpReply] = client.create_future()
        answer = _Answer(self, client, future)
        if not self.open:
            raise ConnectionRefusedError("nobody listens there")
        self.under_way[answer] = None
        self.world.at(self.world.now + HOP, self._loop.arrive, self._take, request, answer)
        return await future

    def _take(self, request: HttpRequest, answer: _Answer) -> None:
        self._application(request, Exchange(answer, request.method == "HEAD", True))


def request(
    method: str, url: str, headers: Mapping[str, str], body: bytes, default_authority: str, port: int
) -> HttpRequest:
    """Return a request as the edge would hand it on; `url` is a path, or has a scheme and a host."""
    authority = default_authority
    if "://" in url:
        authority, _, rest = url.split("://", 1)[1].partition("/")
        url = "/" + rest
    path, _, query = url.partition("?")
    fields = [(name.lower(), value) for name, value in headers.items() if name.lower() != "host"]
    named = next((value for name, value in headers.items() if name.lower() == "host"), authority)
    return HttpRequest(method.upper(), "http", named.lower(), path, query, fields, body, "192.0.2.7", port)


def parse(data: bytes) -> HttpReply:
    """Return the answer in the bytes of a whole HTTP/1.1 message."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = tuple((name.lower(), value) for name, _, value in (line.partition(": ") for line in lines))
    if ("transfer-encoding", "chunked") in headers:
        body = b"".join(_chunks(body))
    return HttpReply(int(first.split(" ")[1]), headers, body)


def _chunks(data: bytes) -> list[bytes]:
    found: list[bytes] = []
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            break
        found.append(data[:length])
        data = data[length + 2 :]
    return found


def _settle(future: "asyncio.Future[HttpReply]", outcome: HttpReply | Exception) -> None:
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
