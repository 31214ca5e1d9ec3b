"""The sockets of a DNS server: one port for UDP and TCP, and the forwarder where there is one."""

import asyncio
import errno
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from typing import cast

from ..actors.bus.address import unbindable
from ..actors.messages.error import StartFailed
from .dns_door import DoorLimits, Lost, Serve, Verdict
from .dns_fold import clipped
from .dns_forward import Forwarder
from .dns_stream import Forward, Streams

_TRIES = 16  # free ports tried until one is free for both protocols
_BACKLOG = 128
_DEFAULTS = DoorLimits()


class DnsServer:
    """See `NameDoor`. It can be started again after `close`, on the port that it had."""

    def __init__(
        self,
        host: str,
        port: int,
        forward: tuple[str, int] | None,
        clock: Callable[[], float],
        limits: DoorLimits = _DEFAULTS,
    ) -> None:
        """Serve `host` and `port`; 0 takes a port that is free for both protocols.

        Args:
            host: an address of this machine, or a name of one.
            port: 0 to 65535.
            forward: host and port of the server that is asked for names of others; None: nobody is.
            clock: seconds that only grow.
            limits: what it bears.
        """
        self.counts: Counter[str] = Counter()
        """Packets by UDP that were `lost`: their answers found no room on the way out."""
        self._host = host
        self._port = port
        self._forward = forward
        self._clock = clock
        self._limits = limits
        self._server: asyncio.Server | None = None
        self._datagrams: Datagrams | None = None
        self._streams: Streams | None = None
        self._forwarder: Forwarder | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, serve: Serve, lost: Lost) -> None:
        """Bind both, see `NameDoor.start`.

        Raises:
            StartFailed: the address cannot be had, or questions would be forwarded in a circle.
        """
        loop = asyncio.get_running_loop()
        if self._forward is not None:
            self._forwarder = Forwarder(*self._forward, self._limits)
            await self._forwarder.start()
        try:
            family, address = await self._address(loop)
            tries = 1 if self._port else _TRIES
            while not await self._bind(loop, family, address, serve, lost, last=tries == 1):
                tries -= 1
            if self._forwarder is not None and self._forwarder.leads_to(address, self._port):
                raise StartFailed(
                    f"cannot forward DNS questions to {_shown(*(self._forward or ('', 0)))}: that is this server itself"
                )
        except BaseException as error:
            await self.close()
            if isinstance(error, OSError | OverflowError):
                where = _shown(self._host, self._port)
                raise StartFailed(f"cannot answer DNS on {where}: {unbindable(error)}") from error
            raise
        self._sweep(loop)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, see `NameDoor.address`."""
        return self._host, self._port

    def tally(self) -> Mapping[str, int]:
        """See `NameDoor.tally`."""
        found = Counter({f"udp_{word}": count for word, count in self.counts.items()})
        if self._streams is not None:
            found.update({f"tcp_{word}": count for word, count in self._streams.counts.items()})
        if self._forwarder is not None:
            found.update({f"forward_{word}": count for word, count in self._forwarder.counts.items()})
        return found

    async def close(self) -> None:
        """Close all, see `NameDoor.close`; returns when the port is free again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        server, self._server = self._server, None
        if server is not None:
            server.close()
        if self._streams is not None:
            self._streams.abort()
        if self._forwarder is not None:
            self._forwarder.close()
        datagrams, self._datagrams = self._datagrams, None
        if datagrams is not None:
            await datagrams.close()
        if server is not None:
            await server.wait_closed()

    async def _address(self, loop: asyncio.AbstractEventLoop) -> tuple[int, str]:
        """Family and address: a name may have several, of which UDP would take the first and TCP all."""
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        return found[0][0], str(found[0][4][0])

    async def _bind(
        self,
        loop: asyncio.AbstractEventLoop,
        family: int,
        host: str,
        serve: Serve,
        lost: Lost,
        *,
        last: bool,
    ) -> bool:
        """Bind UDP, then TCP on the same port; False where that one is taken and another try is to be made."""
        forward = self._forwarder.ask if self._forwarder is not None else _nobody
        whole = self._forwarder.ask_whole if self._forwarder is not None else _nobody
        streams = Streams(serve, whole, self._limits, self._clock)
        # By hand: uvloop does not say why it could not bind, and leaves the socket to the garbage collector.
        packets = socket.socket(family, socket.SOCK_DGRAM)
        try:
            packets.setblocking(False)
            if family == socket.AF_INET6:
                packets.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # as event loops do it for TCP
            packets.bind((host, self._port))
            port = int(packets.getsockname()[1])
            server = await loop.create_server(streams.connection, host, port, backlog=_BACKLOG)
        except BaseException as error:
            packets.close()
            if not last and isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                return False
            raise
        datagrams = Datagrams(serve, forward, lost, self.counts)
        self._server, self._datagrams, self._streams, self._port = server, datagrams, streams, port
        await loop.create_datagram_endpoint(lambda: datagrams, sock=packets)
        return True

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._streams is not None:
            self._streams.sweep()
        self._timer = loop.call_later(self._limits.idle / 8, self._sweep, loop)


class Datagrams(asyncio.DatagramProtocol):
    """The UDP half."""

    def __init__(self, serve: Serve, forward: Forward, lost: Lost, counts: "Counter[str]") -> None:
        self._serve = serve
        self._forward = forward
        self._lost = lost
        self._counts = counts
        self._paused = False
        self._transport: asyncio.DatagramTransport | None = None
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closing = False

    async def close(self) -> None:
        """Close; returns when the port is free."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()  # what waits to be sent would keep the port
            await self._closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # uvloop's has the methods, not the class

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._serve(data, addr[0], False)
        if isinstance(answer, bytes):
            self._send(answer, addr)
        elif answer is Verdict.FORWARD:
            self._forward(data, lambda found: self._send(clipped(found, data), addr))

    def _send(self, answer: bytes, addr: tuple[str, int]) -> None:
        # Port 0 is nobody's, and would be refused; a full buffer would grow without end.
        if self._transport is None or self._paused or not addr[1]:
            self._counts["lost"] += 1
        else:
            self._transport.sendto(answer, addr)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False

    def error_received(self, exc: Exception) -> None:
        """An answer did not reach somebody: who asked has gone."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self._closed.done():
            self._closed.set_result(None)
        if not self._closing:
            self._lost(str(exc) if exc else "the socket was closed")


def _nobody(packet: bytes, done: Callable[[bytes], None]) -> None:
    raise AssertionError("without a forwarder no question is meant for it")


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
