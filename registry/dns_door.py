"""What a DNS server needs of the world: an address that takes packets, and how it is to be limited."""

import enum
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec


class Verdict(enum.Enum):
    """What becomes of a packet that is not answered at once."""

    DROP = "drop"
    """Nothing is sent; a connection that brought it is closed."""
    FORWARD = "forward"
    """It asks for a name of others: the forwarder has the answer."""


Serve = Callable[[bytes, str, bool], bytes | Verdict]
"""Takes a packet, its sender's address, and whether it came over a connection; must not raise."""

Lost = Callable[[str], None]
"""Told, with the reason, when the address is not served any more though nobody closed it."""


class NameDoor(Protocol):
    """One address for UDP and TCP."""

    async def start(self, serve: Serve, lost: Lost) -> None:
        """Bind both; a door that is started again takes the port that it had.

        Raises:
            StartFailed: the address cannot be had.
        """
        ...

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are bound, or were last."""
        ...

    def tally(self) -> Mapping[str, int]:
        """Return how many packets, connections and forwarded questions met with what, since it was opened."""
        ...

    async def close(self) -> None:
        """Take no more packets and close all connections; harmless where nothing is open."""
        ...


class DnsOptions(msgspec.Struct, frozen=True):
    """How a DNS server treats those who ask."""

    ttl: int = 0
    """Seconds that an answer may be kept, also a negative one."""
    forward: bool = False
    """Whether names outside the mesh's domain are asked elsewhere."""
    rate: float = 1000.0
    """Questions per second that one address may ask on average."""
    burst: float = 2000.0
    """Questions that it may ask at once after a pause."""
    sources: int = 10_000
    """Addresses that are counted each by itself."""


class DoorLimits(msgspec.Struct, frozen=True):
    """What a door bears."""

    connections: int = 128
    of_one_source: int = 32
    """Connections of one address: one client must not keep all others out."""
    idle: float = 10.0
    """Seconds that a connection may be silent, or not read its answers."""
    patience: float = 2.0
    """Seconds that a forwarded question waits for its answer."""
    pending: int = 1000
    """Forwarded questions that wait at the same time."""
