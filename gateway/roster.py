"""The open connections of one listener, with the coarse clock that they share."""

from collections.abc import Callable
from email.utils import formatdate
from typing import Protocol

from .limit import Limits

Clock = Callable[[], float]


class Connection(Protocol):
    """What the roster asks of a connection."""

    def check(self, now: float) -> None:
        """Close or refuse if a time limit has passed; `now` is the coarse time in seconds."""
        ...

    def drain(self) -> None:
        """Close at once if nothing is under way, else after the answer."""
        ...

    def abort(self) -> None:
        """Close without further ado."""
        ...


class Roster:
    """Knows every connection of a listener; one sweep serves all their timers.

    A timer per request would cost more than the request's parsing. So connections note `now`, which stands still
    between two sweeps, and each sweep compares.
    """

    __slots__ = (
        "_clock",
        "_connections",
        "_swept",
        "_wall",
        "draining",
        "limits",
        "now",
        "on_empty",
        "scheme",
        "stamp",
    )

    def __init__(self, limits: Limits, clock: Clock, wall: Clock, scheme: str = "http") -> None:
        self.limits = limits
        self.scheme = scheme
        self.draining = False
        self.on_empty: Callable[[], None] | None = None
        """Called whenever the last connection has left."""
        self.now = 0.0
        """Seconds during which the loop ran, as of the last sweep."""
        self.stamp = ""
        """The lines that every answer of this second carries."""
        self._clock = clock
        self._wall = wall
        self._swept = clock()
        self._connections: dict[Connection, None] = {}
        self._stamp()

    def __len__(self) -> int:
        return len(self._connections)

    @property
    def full(self) -> bool:
        """Whether one more connection would be too many."""
        return len(self._connections) >= self.limits.connections

    def add(self, connection: Connection) -> None:
        """Look after a connection from now on."""
        self._connections[connection] = None

    def discard(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self._connections.pop(connection, None)
        if not self._connections and self.on_empty is not None:
            self.on_empty()

    def sweep(self) -> None:
        """Let time pass and check every connection."""
        tick = self._clock()
        # After a stall of the loop the bytes of punctual clients wait unread in their sockets: such time is not theirs.
        self.now += min(tick - self._swept, 2 * self.limits.sweep)
        self._swept = tick
        self._stamp()
        for connection in tuple(self._connections):
            connection.check(self.now)

    def drain(self) -> None:
        """From now on every answer is its connection's last; resting connections close at once."""
        self.draining = True
        for connection in tuple(self._connections):
            connection.drain()

    def abort(self) -> None:
        """Close every connection, whatever it is doing."""
        for connection in tuple(self._connections):
            connection.abort()

    def _stamp(self) -> None:
        self.stamp = f"server: plait\r\ndate: {formatdate(self._wall(), usegmt=True)}\r\n"
