"""What nodes and the quota actor say to each other about limits that hold for the whole mesh."""

import msgspec

from .actor import Message


class QuotaAsk(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One count of one limit, as a node asks for its share."""

    limit: str
    """`namespace/name/limit`"""
    key: str
    """Tells the limit's counts apart; empty where it has one."""
    rate: float
    """What the whole mesh may spend, in requests per second."""
    burst: float
    lease: float
    """Seconds."""
    demand: float
    """Requests per second that came to the node, those included that it refused."""
    held: float = 0.0
    """The rate that it was granted and may still spend; 0 where it has none."""
    spent: float = 0.0
    """Requests that it let pass without a lease since it asked last."""


class Renew(Message, frozen=True):
    """A node asks for its shares."""

    node: str
    asks: tuple[QuotaAsk, ...]


class Grant(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a node may spend until the lease ends, counted from when it asked."""

    rate: float
    """Requests per second; negative where there is no lease: the local share holds."""
    tokens: float = 0.0
    """Requests that may come at once, beside those that it has saved."""


class Granted(Message, frozen=True):
    """The answer to `Renew`: a grant for each ask, in their order."""

    grants: tuple[Grant, ...]
