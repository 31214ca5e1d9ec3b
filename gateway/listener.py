"""One address on which the gateway listens: binds, sweeps, drains."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from ..actors.bus.address import unbindable
from ..actors.messages.error import StartFailed
from .exchange import Application
from .http1 import Http1
from .limit import Limits
from .roster import Clock, Roster

ProtocolFactory = Callable[[Application, Roster], asyncio.Protocol]
"""Makes what speaks on one connection; TLS, HTTP/2 and WebSocket will choose another than `Http1`."""

_BACKLOG = 1024
_DEFAULTS = Limits()


class Listener:
    """Serves an application on one address.

    `clock` tells seconds that only grow, `wall` the time of day for the `date` field.
    """

    def __init__(
        self,
        app: Application,
        host: str,
        port: int,
        limits: Limits = _DEFAULTS,
        clock: Clock = time.monotonic,
        wall: Clock = time.time,
        speak: ProtocolFactory = Http1,
    ) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._speak = speak
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.roster = Roster(limits, clock, wall)
        """The open connections; `roster.sweep()` runs by itself once started."""

    async def start(self) -> None:
        """Bind and accept; port 0 takes a free one.

        Raises: StartFailed when the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._connection, self._host, self._port, backlog=_BACKLOG)
        except (OSError, OverflowError) as error:
            raise StartFailed(f"cannot listen on {self._host}:{self._port}: {unbindable(error)}") from error
        self._sweep(loop)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are bound, the port as the system gave it.

        Raises: StartFailed before `start` and after `drain`.
        """
        if self._server is None or not self._server.sockets:
            raise StartFailed("the listener is not started")
        host, port = self._server.sockets[0].getsockname()[:2]
        return str(host), int(port)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self.roster)

    async def drain(self, timeout: float) -> None:
        """Stop: accept no more, let open exchanges end for at most `timeout` seconds, then close all."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        empty = asyncio.Event()
        self.roster.on_empty = empty.set
        self.roster.drain()
        if not await self._emptied(empty, timeout):
            self.roster.abort()
            # Aborted transports say goodbye in the next turns of the loop.
            await self._emptied(empty, 1.0)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await server.wait_closed()

    async def _emptied(self, empty: asyncio.Event, timeout: float) -> bool:
        if self.connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(empty.wait(), timeout)
        return not self.connections

    def _connection(self) -> asyncio.Protocol:
        return self._speak(self._app, self.roster)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self.roster.sweep()
        self._timer = loop.call_later(self.roster.limits.sweep, self._sweep, loop)
