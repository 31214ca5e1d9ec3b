"""The NATS server's news that a connection is gone: the first sign of a death, some milliseconds after it."""

from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from ..actors.messages.error import Undecodable
from ..actors.messages.instance import Connection

SUBJECT = b"$SYS.ACCOUNT.*.DISCONNECT"


class _Server(msgspec.Struct):
    id: str


class _Client(msgspec.Struct):
    id: int


class _Event(msgspec.Struct):
    """The part of a disconnect event that names the connection; client names are self-claimed and not looked at."""

    server: _Server
    client: _Client


_decode = msgspec.json.Decoder(_Event).decode


def lost_connection(payload: bytes) -> Connection:
    """Return the connection whose end a disconnect event tells.

    Raises:
        Undecodable: it is no such event.
    """
    try:
        event = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(f"not a disconnect event: {error}") from None
    return Connection(event.server.id, event.client.id)


class LostConnections:
    """The latest connections that ended: an instance may be told of after its connection's end."""

    LIMIT = 1000

    def __init__(self) -> None:
        self._lost: OrderedDict[Connection, None] = OrderedDict()

    def add(self, connection: Connection) -> None:
        """Remember one; the oldest makes room."""
        self._lost[connection] = None
        while len(self._lost) > self.LIMIT:
            self._lost.popitem(last=False)

    def __contains__(self, connection: object) -> bool:
        return connection in self._lost

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._lost))
