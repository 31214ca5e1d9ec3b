"""A service outside the mesh for tests: a small HTTP/1.1 server on loopback that does what the path says."""

import asyncio
import ssl

FAR = 30.0


class Outside:
    """`/echo` gives the request back, `/delay` never answers, `/cut` closes, `/status/N` answers N, `/large` 3 MB."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        """The request lines, in order."""
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self, context: ssl.SSLContext | None = None, port: int = 0) -> "Outside":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port or self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if not await self._answer(head, reader, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line, *fields = head.decode().split("\r\n")
        length = next((int(one.partition(":")[2]) for one in fields if one.lower().startswith("content-length:")), 0)
        body = await reader.readexactly(length)
        self.asked.append(line)
        path = line.split()[1].partition("?")[0]
        status, answer = 200, head + body
        if path == "/delay":
            await reader.read()  # until the caller gives up
            return False
        if path == "/cut":
            return False
        if path.startswith("/status/"):
            status = int(path.rpartition("/")[2])
        if path == "/large":
            answer = bytes(3_000_000)
        extra = "connection: x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nx-stays: 1\r\n"
        writer.write(f"HTTP/1.1 {status} OK\r\n{extra}content-length: {len(answer)}\r\n\r\n".encode() + answer)
        await writer.drain()
        return True
