"""DNS over TCP: questions and answers with their length before them, any number on one connection (RFC 7766)."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import cast

from .dns_door import DoorLimits, Serve, Verdict

SLICE = 0.002
"""Seconds for which one connection's questions are answered in a turn of the loop."""

Forward = Callable[[bytes, Callable[[bytes], None]], None]
"""Takes a question for others, and what takes the answer to it."""


class Streams:
    """The connections of one door."""

    def __init__(self, serve: Serve, forward: Forward, limits: DoorLimits, clock: Callable[[], float]) -> None:
        self.counts: Counter[str] = Counter()
        """Connections: `opened`, and of these `refused` (too many) and `idle`."""
        self.serve = serve
        self.forward = forward
        self.clock = clock
        self._limits = limits
        self._open: dict[Stream, None] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._open)

    def connection(self) -> "Stream":
        """Return what speaks on a new connection."""
        return Stream(self)

    def add(self, stream: "Stream") -> bool:
        """Look after a connection; False where it is one too many."""
        self.counts["opened"] += 1
        same = sum(one.source == stream.source for one in self._open)
        if self._closed or len(self._open) >= self._limits.connections or same >= self._limits.of_one_source:
            self.counts["refused"] += 1
            return False
        self._open[stream] = None
        return True

    def discard(self, stream: "Stream") -> None:
        """Forget a connection that is closed."""
        self._open.pop(stream, None)

    def sweep(self) -> None:
        """Close the connections that have asked nothing for too long; a question that does not end is none."""
        oldest = self.clock() - self._limits.idle
        for stream in [stream for stream in self._open if stream.asked_at < oldest]:
            self.counts["idle"] += 1
            stream.abort()

    def abort(self) -> None:
        """Close all, also those that are being accepted just now."""
        self._closed = True
        for stream in tuple(self._open):
            stream.abort()


class Stream(asyncio.Protocol):
    """One connection. It reads no further while its client does not read the answers."""

    def __init__(self, streams: Streams) -> None:
        self.asked_at = streams.clock()
        """When its last question was complete, or it was opened."""
        self._streams = streams
        self._buffer = bytearray()  # never more than a message of 64 KiB and what one read brings
        self._transport: asyncio.Transport | None = None
        self.source = ""
        """The client's address."""
        self._paused = False
        self._waiting = 0
        self._half_closed = False
        self._later = False

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has the methods, not the class
        peer = transport.get_extra_info("peername")
        self.source = str(peer[0]) if peer else ""
        if not self._streams.add(self):
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._streams.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._work()

    def eof_received(self) -> bool:
        self._half_closed = True
        return self._waiting > 0 or self._paused or self._later  # the client asks no more, but may wait for answers

    def pause_writing(self) -> None:
        self._paused = True
        if self._transport is not None and not self._half_closed and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        if self._transport is not None and not self._half_closed and not self._transport.is_closing():
            self._transport.resume_reading()
        self._work()
        self._end()

    # Its work

    def _work(self) -> None:
        """Answer the questions that are complete."""
        buffer, at = self._buffer, 0
        until = self._streams.clock() + SLICE
        while not self._paused and len(buffer) - at >= 2:
            if self.asked_at > until:  # the loop has other work: the rest in its next turn
                self._go_on_later()
                break
            end = at + 2 + int.from_bytes(buffer[at : at + 2], "big")
            if len(buffer) < end:
                break
            self.asked_at = self._streams.clock()
            question, at = bytes(buffer[at + 2 : end]), end
            answer = self._streams.serve(question, self.source, True)
            if isinstance(answer, bytes):
                self._write(answer)
            elif answer is Verdict.FORWARD:
                self._waiting += 1
                self._streams.forward(question, self._answered)
            else:
                self.abort()
                break
        del buffer[:at]

    def _go_on_later(self) -> None:
        if self._transport is not None and not self._later:
            self._later = True
            if not self._half_closed and not self._transport.is_closing():
                self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._later = False
        if self._transport is not None and not self._transport.is_closing():
            self._work()
            if not self._later and not self._paused and not self._half_closed:
                self._transport.resume_reading()
            self._end()

    def _answered(self, answer: bytes) -> None:
        self._waiting -= 1
        self._write(answer)
        self._end()

    def _write(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(len(answer).to_bytes(2, "big") + answer)

    def _end(self) -> None:
        idle = not (self._waiting or self._paused or self._later)
        if self._half_closed and idle and self._transport is not None:
            self._transport.close()
