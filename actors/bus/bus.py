"""The one interface to the bus: bytes and callbacks, no task per message.

Three implementations pass the same test suite: the lean NATS protocol (`lean`), nats-py (`natspy`) and in-memory
(`memory`). Callbacks run in an empty context, on the event loop, and must not block or raise.
"""

import enum
from collections.abc import Callable
from typing import Protocol

from ..messages.error import MeshError
from ..messages.instance import Connection

Deliver = Callable[[bytes, bytes, bytes, bytes], None]
"""Takes a message: subject, reply subject (empty where none is wanted), payload, raw header block (mostly empty)."""

Done = Callable[[bytes | MeshError], None]
"""Takes the answer to a request, or why there is none; called once."""


class BusState(enum.Enum):
    """Where a connection stands."""

    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    DRAINING = "draining"
    CLOSED = "closed"


class Subscription(Protocol):
    """One standing interest in a subject."""

    def unsubscribe(self) -> None:
        """End it; messages already on their way are dropped."""
        ...


class Bus(Protocol):
    """One connection to the bus."""

    @property
    def state(self) -> BusState:
        """Where the connection stands."""
        ...

    @property
    def identity(self) -> Connection:
        """How the server names this connection now; another after each reconnect."""
        ...

    @property
    def cluster(self) -> str:
        """The name of the cluster that the server is a member of; empty where it stands alone."""
        ...

    @property
    def token(self) -> str:
        """128 random bits as one subject token: the `<conn>` of reply subjects."""
        ...

    @property
    def max_payload(self) -> int:
        """Largest payload in bytes, headers included."""
        ...

    @property
    def stalled(self) -> bool:
        """True between a gap of the event loop and the server's next PONG: what arrives now may have waited."""
        ...

    def publish(self, subject: bytes, payload: bytes, reply: bytes = b"", headers: bytes = b"") -> None:
        """Send one message; returns before it is on the wire. `headers` is a raw `NATS/1.0` block.

        Raises:
            TooLarge: the message or the subject is more than the server takes; nothing was sent.
            BusUnavailable: there is no connection; nothing was sent.
            Overloaded: the server takes the bytes too slowly; nothing was sent.
        """
        ...

    def subscribe(self, subject: bytes, deliver: Deliver, queue: bytes = b"") -> Subscription:
        """Have `deliver` called for every message on `subject` from the next flush on."""
        ...

    def inbox(self, pattern: bytes) -> Subscription:
        """Listen on `pattern` for the answers to requests whose `reply` it covers."""
        ...

    def request(self, subject: bytes, payload: bytes, reply: bytes, done: Done, headers: bytes = b"") -> None:
        """Send a message whose answer comes on `reply`, a subject used once and covered by an `inbox`.

        `done` gets the answer's payload, `NoResponders` when nobody listens, or `Disconnected` when the connection is
        lost first. There is no time limit here: whoever stops waiting calls `forget`.

        Raises:
            TooLarge, BusUnavailable, Overloaded: as `publish`; `done` is not called then.
        """
        ...

    def forget(self, reply: bytes) -> None:
        """Stop waiting for the answer on `reply`; a late one is dropped."""
        ...

    def listen(self, changed: Callable[[BusState], None]) -> None:
        """Have `changed` called whenever the state changes."""
        ...

    async def flush(self, timeout: float = 2.0) -> None:
        """Wait until the server has read all that was sent (PING, PONG): subscriptions stand.

        Raises:
            BusUnavailable: there is no connection, or no PONG came within `timeout` seconds.
        """
        ...

    async def drain(self, timeout: float = 5.0) -> None:
        """Take no new message, let the waiting requests end, send what is written, close."""
        ...

    async def close(self) -> None:
        """Close at once; waiting requests fail with `Disconnected`."""
        ...
