"""Consistent hashing as it travels: what of a request names its instance, and how instances stand for it."""

import enum

import msgspec


class HashSource(enum.IntEnum):
    """Where the key of a request is read."""

    HEADER = 0
    COOKIE = 1
    QUERY = 2
    SOURCE_IP = 3
    """The client's address at a gateway, the calling instance inside the mesh."""


class ConsistentHash(msgspec.Struct, frozen=True, array_like=True):
    """Requests of one key go to one instance, while it is there."""

    source: HashSource
    name: str = ""
    """Of the header (in lower case), the cookie or the query parameter."""
    path: str = ""
    """Of a cookie that is made; empty leaves it to the browser."""
    ttl: float | None = None
    """Seconds that a cookie which the gateway makes lasts; 0 for the browser's session, None: none is made."""
    attributes: tuple[tuple[str, str], ...] = ()
    """What a cookie that is made says besides; an empty value leaves the name alone."""
    minimum_ring: int = 0
    """The least number of points on the ring; 0 leaves each instance its 160."""
    table: int = 0
    """Entries of Maglev's table, a prime; 0 means a ring."""
