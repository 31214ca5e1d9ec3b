"""Instances that work, dawdle or fail, alike as a plait service and as a plain HTTP server for Envoy to balance.

`python -m tests.bench.work PORT` is the server. Each answer names who gave it in `x-worker`. SIGUSR1 makes an instance
fail from then on, SIGUSR2 makes it whole again.
"""

import asyncio
import os
import signal
import sys
from typing import Any, cast

import httptools

from plait.actors import Request, Response, Service, get

MILLISECONDS = "PLAIT_BENCH_WORK"
"""Environment: how long an answer takes; `fail` answers 500 at once."""
NAME = "PLAIT_BENCH_NAME"


class Role:
    """What this process does to requests."""

    def __init__(self) -> None:
        work = os.environ.get(MILLISECONDS, "10")
        self.name = os.environ.get(NAME, "")
        self.fails = work == "fail"
        self.seconds = 0.0 if self.fails else float(work) / 1000
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, setattr, self, "fails", True)
        loop.add_signal_handler(signal.SIGUSR2, setattr, self, "fails", False)

    async def play(self) -> int:
        """Work; returns the status."""
        if self.fails:
            return 500
        await asyncio.sleep(self.seconds)
        return 200


class Work(Service, name="work", version="v1"):
    """The same as a service."""

    async def pre_start(self) -> None:
        """Read what this process is."""
        self.role = Role()

    @get("/work")
    async def work(self, request: Request) -> Response:
        """Work."""
        status = await self.role.play()
        return Response(b"done", status=status, headers={"x-worker": self.role.name})


class Connection(asyncio.Protocol):
    """One client of the plain server."""

    def __init__(self, role: Role) -> None:
        self._role = role
        self._parser = httptools.HttpRequestParser(self)
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Answer a request."""
        task = asyncio.get_running_loop().create_task(self._answer())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self) -> None:
        status = await self._role.play()
        head = f"HTTP/1.1 {status} X\r\nx-worker: {self._role.name}\r\ncontent-length: 4\r\n\r\ndone"
        if not self._transport.is_closing():
            self._transport.write(head.encode())


async def serve(port: int) -> None:
    """Serve until the process is ended."""
    role = Role()
    server: Any = await asyncio.get_running_loop().create_server(lambda: Connection(role), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
