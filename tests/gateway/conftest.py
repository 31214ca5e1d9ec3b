"""A connection without a network: the edge's protocol over a transport that only remembers."""

from collections.abc import Callable

import pytest

from plait.gateway.exchange import Exchange
from plait.gateway.http1 import Http1
from plait.gateway.limit import Limits
from plait.gateway.request import HttpRequest
from plait.gateway.roster import Roster

EPOCH = 1_000_000_000.0


class Time:
    """A clock that a test turns by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Transport:
    """Remembers what was written and what became of the connection."""

    def __init__(self) -> None:
        self.written = b""
        self.ended = self.closed = self.aborted = self.paused = False

    def get_extra_info(self, name: str) -> tuple[str, int]:
        return {"peername": ("192.0.2.7", 5555), "sockname": ("192.0.2.1", 8080)}[name]

    def write(self, data: bytes) -> None:
        assert not self.ended
        assert not self.closed
        self.written += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        assert not self.paused
        self.paused = True

    def resume_reading(self) -> None:
        assert self.paused
        self.paused = False

    @property
    def gone(self) -> bool:
        return self.ended or self.closed or self.aborted


class Client:
    """One connection: `send` feeds it, `requests` and `exchanges` are what the application got."""

    def __init__(self, roster: Roster, clock: Time, app: Callable[[HttpRequest, Exchange], None] | None) -> None:
        self.roster = roster
        self.clock = clock
        self.requests: list[HttpRequest] = []
        self.exchanges: list[Exchange] = []
        self.transport = Transport()
        self._app = app
        self.http = Http1(self._take, roster)
        self.http.connection_made(self.transport)

    def _take(self, request: HttpRequest, exchange: Exchange) -> None:
        self.requests.append(request)
        self.exchanges.append(exchange)
        if self._app is not None:
            self._app(request, exchange)

    def send(self, data: bytes, step: int = 0) -> None:
        """Feed bytes, at once or in pieces of `step`; a closed transport takes no more."""
        step = step or max(len(data), 1)
        for at in range(0, len(data), step):
            if not self.transport.closed and not self.transport.aborted:
                self.http.data_received(data[at : at + step])

    def lose(self) -> None:
        self.http.connection_lost(None)

    def wait(self, seconds: float) -> None:
        """Let time pass, with a sweep at every grain."""
        for _ in range(round(seconds / self.roster.limits.sweep)):
            self.clock.now += self.roster.limits.sweep
            self.roster.sweep()

    @property
    def answers(self) -> list[bytes]:
        """What the client got, cut where answers begin; without the lines that each carries."""
        stamp = self.roster.stamp.encode()
        return [b"HTTP/1.1 " + part for part in self.transport.written.replace(stamp, b"").split(b"HTTP/1.1 ")[1:]]

    @property
    def statuses(self) -> list[int]:
        return [int(answer[9:12]) for answer in self.answers]


@pytest.fixture
def connect():
    """Opens a connection: `connect(app, limits)`; without an application, exchanges stay open."""
    rosters: dict[Limits, tuple[Roster, Time]] = {}

    def make(
        app: Callable[[HttpRequest, Exchange], None] | None = None,
        limits: Limits = Limits(linger=1.0),  # noqa: B008
    ) -> Client:
        if limits not in rosters:
            clock = Time()
            rosters[limits] = Roster(limits, clock, lambda: EPOCH), clock
        roster, clock = rosters[limits]
        return Client(roster, clock, app)

    return make


@pytest.fixture
def echo():
    """An application that answers at once with what it was asked."""

    def app(request: HttpRequest, exchange: Exchange) -> None:
        query = f"?{request.query}" if request.query else ""
        text = f"{request.method} {request.authority}{request.path}{query} {len(request.body)}"
        exchange.reply(200, [("content-type", "text/plain")], text.encode("latin-1"))

    return app
