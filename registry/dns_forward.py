"""Passes questions for names of others on to one DNS server, by UDP and where need be by TCP; brings the answers."""

import asyncio
import secrets
import socket
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, cast

from dns.rcode import SERVFAIL

from ..actors.messages.error import StartFailed
from .dns_answer import refusal
from .dns_door import DoorLimits

Done = Callable[[bytes], None]
"""Takes the answer, also where that is that there is none."""

_HEADER = 12
_CUT = 0x02  # the flag TC, in the third byte: there is more, by TCP
_POINTER = 0xC0  # a byte from here on begins a pointer of two, which also ends a name


class _Pending(NamedTuple):
    question: bytes
    """The packet as it came first."""
    waiting: list[tuple[bytes, Done]]
    """Those who have asked it: the ids of their packets, and what takes the answer."""
    timer: asyncio.TimerHandle


class Forwarder(asyncio.DatagramProtocol):
    """One connected socket: the system passes on only what comes from the server's own address and port.

    The id of each question is drawn anew and equal questions are asked once, so that who does not see them has one
    chance in 65,536 to answer in the server's place, for each packet that arrives in time.
    """

    def __init__(self, host: str, port: int, limits: DoorLimits) -> None:
        self.counts: Counter[str] = Counter()
        """`forwarded`, and of these `overloaded`, `late`, `whole` (asked again by TCP, for the answer was too long);
        and `strange`: answers to nothing that was asked."""
        self._host = host
        self._port = port
        self._limits = limits
        self._transport: asyncio.DatagramTransport | None = None
        self._pending: dict[int, _Pending] = {}
        self._same: dict[bytes, _Pending] = {}
        self._waiting = 0
        self._peer: tuple[str, int] = ("", 0)
        self._own = ""
        self._streams: set[asyncio.Task[None]] = set()

    def leads_to(self, host: str, port: int) -> bool:
        """Return whether what is bound to `host`, perhaps to every address, and `port` is where this asks."""
        address, at = self._peer
        return at == port and address in (host, self._own if host in ("0.0.0.0", "::") else host)  # noqa: S104

    async def start(self) -> None:
        """Open the socket.

        Raises:
            StartFailed: there is no such address.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
            family, _, _, _, address = found[0]
            connected = socket.socket(family, socket.SOCK_DGRAM)
            try:
                connected.setblocking(False)
                connected.connect(address)  # which sends nothing, and waits for nothing
                self._peer, self._own = connected.getpeername()[:2], str(connected.getsockname()[0])
            except BaseException:
                connected.close()
                raise
            await loop.create_datagram_endpoint(lambda: self, sock=connected)
        except OSError as error:
            where = f"{self._host}:{self._port}"
            raise StartFailed(f"cannot forward DNS questions to {where}: {error.strerror or error}") from error

    def close(self) -> None:
        """Forget the questions that wait, and close the socket."""
        for pending in self._pending.values():
            pending.timer.cancel()
        self._pending.clear()
        self._same.clear()
        for task in self._streams:
            task.cancel()
        self._waiting = 0
        if self._transport is not None:
            self._transport.close()

    def ask(self, packet: bytes, done: Done) -> None:
        """Pass a well-formed question on; `done` is called once, unless this is closed before."""
        self.counts["forwarded"] += 1
        if self._transport is None or self._waiting >= self._limits.pending:
            self.counts["overloaded"] += 1
            done(refusal(packet, SERVFAIL))
            return
        self._waiting += 1
        same = self._same.get(packet[2:])
        if same is not None:
            same.waiting.append((packet[:2], done))
            return
        number = secrets.randbits(16)
        while number in self._pending:
            number = secrets.randbits(16)
        timer = asyncio.get_running_loop().call_later(self._limits.patience, self._late, number)
        self._pending[number] = self._same[packet[2:]] = _Pending(packet, [(packet[:2], done)], timer)
        self._transport.sendto(number.to_bytes(2, "big") + packet[2:])

    def ask_whole(self, packet: bytes, done: Done) -> None:
        """As `ask`, for who can take a long answer: where it comes cut off by UDP, it is asked for by TCP."""

        def found(answer: bytes) -> None:
            if not answer[2] & _CUT:
                done(answer)
            elif len(self._streams) >= self._limits.pending:
                self.counts["overloaded"] += 1
                done(refusal(packet, SERVFAIL))
            else:
                self.counts["whole"] += 1
                task = asyncio.get_running_loop().create_task(self._by_stream(packet, done), name="forward by TCP")
                self._streams.add(task)
                task.add_done_callback(self._streams.discard)

        self.ask(packet, found)

    async def _by_stream(self, packet: bytes, done: Done) -> None:
        answer, writer = b"", None
        try:
            async with asyncio.timeout(self._limits.patience):
                reader, writer = await asyncio.open_connection(*self._peer)
                writer.write(len(packet).to_bytes(2, "big") + packet)
                answer = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        except TimeoutError:
            self.counts["late"] += 1
        except (OSError, asyncio.IncompleteReadError):
            pass  # whoever asked is told the same as when nothing comes
        finally:
            if writer is not None:
                writer.close()
        done(answer if answer[:2] == packet[:2] and _answers(answer, packet) else refusal(packet, SERVFAIL))

    def _late(self, number: int) -> None:
        self.counts["late"] += 1
        pending = self._pending.pop(number)
        self._end(pending, refusal(pending.question, SERVFAIL))

    def _end(self, pending: _Pending, answer: bytes) -> None:
        self._same.pop(pending.question[2:], None)
        self._waiting -= len(pending.waiting)
        for number, done in pending.waiting:
            done(number + answer[2:])

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # uvloop's has the methods, not the class

    def datagram_received(self, data: bytes, addr: object) -> None:
        number = int.from_bytes(data[:2], "big")
        pending = self._pending.get(number)
        if pending is None or not _answers(data, pending.question):
            self.counts["strange"] += 1
            return
        del self._pending[number]
        pending.timer.cancel()
        self._end(pending, data)

    def error_received(self, exc: Exception) -> None:
        """The server is not there just now: whoever waits is told when the time is up, for it may come back."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None


def _answers(answer: bytes, packet: bytes) -> bool:
    """Whether `answer` holds the question of `packet`, or none because it says no."""
    if len(answer) < _HEADER or not answer[2] & 0x80:
        return False
    if answer[4:6] == b"\0\0":
        return bool(answer[3] & 0x0F)
    at = _HEADER
    while 0 < packet[at] < _POINTER:  # the question has been read already: its labels end
        at += 1 + packet[at]
    end = at + (5 if packet[at] < _POINTER else 6)  # the name's end, type and class
    return answer[4:6] == b"\0\1" and answer[_HEADER:end].lower() == packet[_HEADER:end].lower()
