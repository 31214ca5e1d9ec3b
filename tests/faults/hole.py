"""A line between a node and its bus that can go dead, one way or both, while its connections stay open.

What is sent meanwhile arrives when the line is whole again, as TCP would have it; new connections are taken and carry
nothing until then.
"""

import asyncio
import contextlib
from typing import Self


class Hole:
    """One line; `to_bus` and `to_node` are set while bytes pass that way."""

    def __init__(self, port: int) -> None:
        """Lead to `port` of 127.0.0.1."""
        self._port = port
        self.to_bus, self.to_node = asyncio.Event(), asyncio.Event()
        self._carried: set[asyncio.Task[None]] = set()
        self.heal()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._carried:
            task.cancel()
        await asyncio.gather(*self._carried, return_exceptions=True)

    @property
    def url(self) -> str:
        """Where a node finds its bus behind this line."""
        return f"nats://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self, way: str) -> None:
        """Let nothing pass: `both` ways, or not `to_bus`, or not `to_node`."""
        if way in ("both", "to_bus"):
            self.to_bus.clear()
        if way in ("both", "to_node"):
            self.to_node.clear()

    def heal(self) -> None:
        """Let all pass again."""
        self.to_bus.set()
        self.to_node.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carried.add(task)
        try:
            await self.to_bus.wait()
            await self.to_node.wait()
            beyond, to_bus = await asyncio.open_connection("127.0.0.1", self._port)
            await asyncio.gather(_carry(reader, to_bus, self.to_bus), _carry(beyond, writer, self.to_node))
        except asyncio.CancelledError:
            pass  # the end of the test: asyncio's streams would log it
        except OSError:
            writer.close()
        finally:
            self._carried.discard(task)


async def _carry(source: asyncio.StreamReader, to: asyncio.StreamWriter, opened: asyncio.Event) -> None:
    try:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await opened.wait()
                to.write(data)
                await to.drain()
            await opened.wait()  # the farewell is under way as long as the rest
    finally:
        to.close()
