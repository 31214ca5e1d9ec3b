"""A small HTTP client and a steady load: several connections, each with one request at a time, every answer counted."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    """What a request came to; status 0 is a connection that broke."""

    sent: float
    """Monotonic seconds at which the request began."""
    took: float
    status: int
    headers: dict[str, str]
    body: str


class Client:
    """One keep-alive connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """Send one request and read its answer."""
        sent = time.monotonic()
        try:
            async with asyncio.timeout(20):
                status, fields, content = await self._exchange(path, method, headers or {}, body)
        except (OSError, asyncio.IncompleteReadError) as error:
            await self.close()
            return Answer(sent, time.monotonic() - sent, 0, {}, repr(error))
        return Answer(sent, time.monotonic() - sent, status, fields, content.decode(errors="replace"))

    async def _exchange(
        self, path: str, method: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        fields = {"host": f"{self._host}:{self._port}", "content-length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        answered = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        content = await reader.readexactly(int(answered.get("content-length", 0)))
        if answered.get("connection") == "close":
            await self.close()
        return int(lines[0].split()[1]), answered, content

    async def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def ask(
    url: str, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes = b""
) -> Answer:
    """One request on a connection of its own."""
    client = Client(url)
    try:
        return await client.ask(path, method, headers, body)
    finally:
        await client.close()


class Load:
    """Answers so far, in the order in which they came."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    @property
    def failed(self) -> list[Answer]:
        """Every answer that is no 200."""
        return [one for one in self.answers if one.status != 200]

    def since(self, moment: float) -> list[Answer]:
        """Answers to requests that were sent at or after `moment`."""
        return [one for one in self.answers if one.sent >= moment]

    async def until(self, holds: Callable[[], object], limit: float = 10.0) -> None:
        """Let the load go on until `holds`."""
        async with asyncio.timeout(limit):
            while not holds():  # noqa: ASYNC110 -- what is waited for is any predicate
                await asyncio.sleep(0.01)

    async def more(self, count: int, limit: float = 20.0) -> None:
        """Let the load go on until `count` more answers have come."""
        goal = len(self.answers) + count
        await self.until(lambda: len(self.answers) >= goal, limit)


@contextlib.asynccontextmanager
async def load(
    url: str,
    path: str,
    method: str = "GET",
    body: bytes = b"",
    *,
    host: str = "",
    connections: int = 4,
    pause: float = 0.002,
) -> AsyncIterator[Load]:
    """Keep asking on several connections until the end of the block; what is under way then is still answered."""
    taken, over = Load(), asyncio.Event()
    headers = {"x-plait-debug": "1", **({"host": host} if host else {})}

    async def one() -> None:
        client = Client(url)
        while not over.is_set():
            taken.answers.append(await client.ask(path, method, headers, body))
            await asyncio.sleep(pause)  # a whole load takes no more than a share of a small machine
        await client.close()

    tasks = [asyncio.create_task(one()) for _ in range(connections)]
    try:
        yield taken
    finally:
        over.set()
        await asyncio.wait(tasks, timeout=25)
        for task in tasks:
            task.result()
