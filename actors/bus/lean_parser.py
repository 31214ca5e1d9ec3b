"""Reads what a NATS server sends: messages go straight to their callbacks, the rest to the connection.

Everything happens in place, in the chunk that was read: no object per message besides the bytes a callback gets. The
only error that any bytes can cause is `Undecodable`; after it the parser is of no more use.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from ..messages.error import NoResponders, Undecodable
from .address import NO_RESPONDERS
from .bus import Deliver, Done

log = logging.getLogger(__name__)

LONGEST_LINE = 64 * 1024
"""Bytes; only INFO, with the addresses of a large cluster, comes anywhere near."""
LARGEST_MESSAGE = 64 * 1024 * 1024 + LONGEST_LINE
"""Bytes; no server can be set to allow more."""


class Control(Protocol):
    """Takes what is said to the connection itself."""

    def info(self, text: bytes) -> None:
        """The server describes itself, in JSON."""
        ...

    def ping(self) -> None:
        """The server wants a PONG."""
        ...

    def pong(self) -> None:
        """The server answers the oldest PING."""
        ...

    def error(self, text: str) -> None:
        """The server complains."""
        ...


def answers(subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
    """Stands for the callback of an inbox: its messages go to who waits for their subject."""


class Parser:
    """The reading half of one connection.

    `deliveries` maps a subscription's number to its callback, `waiting` a reply's whole subject to who waits for it.
    Both belong to the caller, who changes them as he likes, within callbacks too.
    """

    def __init__(self, deliveries: dict[bytes, Deliver], waiting: dict[bytes, Done], control: Control) -> None:
        self.find: Callable[[bytes], Deliver | None] = deliveries.get
        """Finds the callback for a subscription's number; another one counts from the next chunk on."""
        self._take = waiting.pop
        self._control = control
        self._rest: list[bytes] = []
        self._held = 0
        self._need = 0

    def feed(self, data: bytes) -> None:
        """Read one chunk, however it was cut; an incomplete end waits for the next one.

        Raises:
            Undecodable: this is not what a NATS server says.
        """
        rest = self._rest
        if rest:
            # A large payload comes in many chunks: joined once, when it is whole, not once a chunk.
            rest.append(data)
            self._held += len(data)
            if self._held < self._need:
                return
            data = b"".join(rest)
            rest.clear()
        find, take, inbox = self.find, self._take, answers
        search = data.find
        size = len(data)
        position = need = 0
        while position < size:
            stop = search(b"\r\n", position)
            if stop < 0:
                if size - position > LONGEST_LINE:
                    raise Undecodable("a line without an end from the bus")
                break
            fields = data[position:stop].split(b" ")
            start = stop + 2
            if fields[0] == b"MSG":
                try:
                    if len(fields) == 4:
                        _, subject, number, length = fields
                        reply = b""
                    else:
                        _, subject, number, reply, length = fields
                    end = start + int(length)
                except ValueError:
                    raise Undecodable("a MSG line that makes no sense from the bus") from None
                headers = b""
                if end + 2 > size:
                    need = _whole(start, end, position)
                    break
                payload = data[start:end]
            elif fields[0] == b"HMSG":
                try:
                    if len(fields) == 5:
                        _, subject, number, head, length = fields
                        reply = b""
                    else:
                        _, subject, number, reply, head, length = fields
                    middle = start + int(head)
                    end = start + int(length)
                except ValueError:
                    raise Undecodable("an HMSG line that makes no sense from the bus") from None
                if not start <= middle <= end:
                    raise Undecodable("a header block longer than its message from the bus")
                if end + 2 > size:
                    need = _whole(start, end, position)
                    break
                headers = data[start:middle]
                payload = data[middle:end]
            else:
                self._say(fields[0], data[position:stop])
                position = start
                continue
            if end < start or data[end : end + 2] != b"\r\n":
                raise Undecodable("a message without its end from the bus")
            position = end + 2
            deliver = find(number)
            if deliver is None:
                continue  # unsubscribed while it was on its way
            # An exception of one callback is no reason to let the other messages of the chunk down.
            try:
                if deliver is inbox:
                    done = take(subject, None)
                    if done is not None:
                        if headers and not payload and headers.startswith(NO_RESPONDERS):
                            done(NoResponders())
                        else:
                            done(payload)
                else:
                    deliver(subject, reply, payload, headers)
            except Exception:
                log.exception("a callback for a message on %s raised", subject.decode(errors="replace"))
        if position < size:
            rest.append(data[position:])
            self._held = size - position
            self._need = need

    def _say(self, verb: bytes, line: bytes) -> None:
        if verb == b"PING":
            self._control.ping()
        elif verb == b"PONG":
            self._control.pong()
        elif verb == b"INFO":
            self._control.info(line[5:])
        elif verb == b"-ERR":
            self._control.error(line[5:].decode(errors="replace").strip("'"))
        elif verb != b"+OK":
            raise Undecodable(f"{line[:32]!r} from the bus, which is no verb of NATS")


def _whole(start: int, end: int, position: int) -> int:
    """Return how many bytes from `position` on make the message whole.

    Raises:
        Undecodable: it claims a size that no message has.
    """
    if not 0 <= end - start <= LARGEST_MESSAGE:
        raise Undecodable("a message of an impossible size from the bus")
    return end + 2 - position
