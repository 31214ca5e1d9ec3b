"""Whom a connection of the lean bus serves, as the connection sees it."""

from typing import TYPE_CHECKING, Protocol

from .bus import Deliver, Done
from .lean_handshake import ServerInfo

if TYPE_CHECKING:
    from .lean_wire import Wire


class Owner(Protocol):
    """Whom a connection serves; it outlives its connections."""

    max_payload: int
    stalled: bool
    refusals: int
    deliveries: dict[bytes, Deliver]
    waiting: dict[bytes, Done]

    def up(self, wire: "Wire", info: ServerInfo) -> None:
        """The server has taken us."""
        ...

    def news(self, wire: "Wire", info: ServerInfo) -> None:
        """The server tells anew of itself and its cluster."""
        ...

    def lost(self, wire: "Wire", reason: str) -> None:
        """The connection has ended."""
        ...
