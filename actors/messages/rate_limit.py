"""What RateLimit (`plait.dev/v1`) says: how many calls of a destination pass, as it travels with the rules."""

import enum

import msgspec


class Scope(enum.IntEnum):
    """Who counts."""

    LOCAL = 0
    """Each calling node by itself."""
    MESH = 1
    """All calling nodes together, by leases of the quota actor."""


class Limit(msgspec.Struct, frozen=True, array_like=True):
    """One limit. Calls that differ in what `by_…` and `header` name are counted apart."""

    name: str
    """Unique in its document."""
    requests: int
    per: float = 1.0
    """Seconds in which so many requests pass, evenly."""
    burst: int = 1
    """Requests that may come at once."""
    scope: Scope = Scope.LOCAL
    header: str = ""
    """Name of a header; requests without it are not counted."""
    by_caller: bool = False
    by_route: bool = False
    by_client: bool = False
    """By the client's address, at a gateway."""
    routes: tuple[str, ...] = ()
    """Names of the routes whose requests are counted; none means all."""
    callers: tuple[str, ...] = ()
    """Tokens of the services whose calls are counted; none means all."""
    local_share: float = 25.0
    """Percent of the limit that a node may use up while it has no lease."""
    lease: float = 1.0
    """Seconds for which the quota actor grants a share."""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.per


class RateLimit(msgspec.Struct, frozen=True, array_like=True, tag="rate_limit"):
    """One document. All limits of all documents that hold for a destination count."""

    name: str
    """`namespace/name`"""
    service: str
    """A service's token, or a wildcard for hosts."""
    subset: str = ""
    """Empty means the whole service, all its subsets included."""
    limits: tuple[Limit, ...] = ()
    tell: bool = False
    """Answers of requests that passed say how many more may come, too."""
