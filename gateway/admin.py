"""The admin address: is this node alive, is it ready, its metrics and all nodes'. An HTTP listener of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from ..actors.messages.error import MeshError
from ..tracing.metrics import CONTENT_TYPE, OPEN_METRICS, Metrics
from .error_body import status_body
from .exchange import Exchange, HttpRequest
from .translate import JSON, TEXT


class Health(Protocol):
    """What the admin address asks its node."""

    async def round_trip(self) -> float:
        """Return the seconds that a round trip to the bus took.

        Raises:
            MeshError: the bus does not answer.
        """
        ...

    def unready(self) -> str:
        """Return why the node is not ready; empty when it is."""
        ...

    def unwell(self) -> str:
        """Return how the node is unwell, though it may be ready; empty when it is well."""
        ...


Read = Callable[[str, str], tuple[int, bytes]]
"""Answers a path and a query with a status and JSON."""


class Admin:
    """The application behind the admin address."""

    def __init__(
        self,
        health: Health,
        metrics: Metrics,
        everyone: Callable[[], Awaitable[bytes]] | None = None,
        traces: Read | None = None,
        trace_paths: tuple[str, ...] = (),
    ) -> None:
        """`everyone` gives the Prometheus text of all nodes of the mesh; `traces` answers what lies below
        `trace_paths`, where this node keeps the mesh's traces."""
        self._traces = traces
        self._trace_paths = trace_paths if traces is not None else ()
        self._health = health
        self._metrics = metrics
        self._everyone = everyone
        self._open: set[asyncio.Task[None]] = set()
        self._pages: dict[str, Callable[[Exchange], None]] = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics_page,
        }
        if everyone is not None:
            self._pages["/metrics/mesh"] = self._mesh_page

    def __call__(self, request: HttpRequest, exchange: Exchange) -> None:
        """Answer one request."""
        page = self._pages.get(request.path)
        if page is None and self._trace_paths and request.path.startswith(self._trace_paths):
            page = partial(self._trace_page, request)
        if page is None:
            pages = ", ".join((*self._pages, *self._trace_paths))
            exchange.reply(404, JSON, status_body(404, f"no page {request.path}; there are {pages}", "no_page"))
        elif request.method not in ("GET", "HEAD"):
            exchange.reply(405, JSON, status_body(405, "the admin address is read with GET", "method"))
        elif request.path == "/metrics" and _reads_open_metrics(request):
            exchange.reply(200, [("content-type", OPEN_METRICS)], self._metrics.render_open())
        else:
            page(exchange)

    def _healthz(self, exchange: Exchange) -> None:
        self._run(self._answer_health(exchange))

    async def _answer_health(self, exchange: Exchange) -> None:
        try:
            seconds = await self._health.round_trip()
        except MeshError as error:
            exchange.reply(503, TEXT, f"no answer from the bus: {error}\n".encode())
        else:
            exchange.reply(200, TEXT, self._line(f"ok, the bus answers in {seconds * 1e3:.2f} ms"))

    def _readyz(self, exchange: Exchange) -> None:
        why = self._health.unready()
        exchange.reply(503 if why else 200, TEXT, self._line(why or "ready"))

    def _line(self, said: str) -> bytes:
        unwell = self._health.unwell()
        return f"{said}; {unwell}\n".encode() if unwell else f"{said}\n".encode()

    def _metrics_page(self, exchange: Exchange) -> None:
        exchange.reply(200, [("content-type", CONTENT_TYPE)], self._metrics.render())

    def _mesh_page(self, exchange: Exchange) -> None:
        self._run(self._answer_everyone(exchange))

    async def _answer_everyone(self, exchange: Exchange) -> None:
        assert self._everyone is not None
        exchange.reply(200, [("content-type", CONTENT_TYPE)], await self._everyone())

    def _trace_page(self, request: HttpRequest, exchange: Exchange) -> None:
        assert self._traces is not None
        status, body = self._traces(request.path, request.query)
        exchange.reply(status, JSON, body)

    def _run(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._open.add(task)
        task.add_done_callback(self._open.discard)


def _reads_open_metrics(request: HttpRequest) -> bool:
    """Whether the one who asks takes the newer text, the one with exemplars; Prometheus does."""
    return any(name == "accept" and "application/openmetrics-text" in value for name, value in request.headers)
