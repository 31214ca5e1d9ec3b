"""A fault put in on purpose, as it travels with the rules: for a while, attempts and messages fare badly."""

import msgspec

LONGEST = 24 * 3600.0
"""Seconds that a fault lasts at most on a node, whatever it says."""


class Disruption(msgspec.Struct, frozen=True, array_like=True, tag="fault"):
    """What happens to attempts on a service; retries, breakers and fallbacks meet it as if it were real."""

    name: str
    """`namespace/name`"""
    service: str
    """A service's token, or a wildcard for hosts."""
    owner: str
    """Who answers for it."""
    reason: str
    expires: float
    """Seconds since 1970."""
    subset: str = ""
    instance: str = ""
    """Empty means all of them."""
    source: str = ""
    """The calling service's token; empty means every caller."""
    percent: float = 100.0
    delay: float = 0.0
    """Seconds before the attempt is sent, or aborted."""
    status: int = 0
    """The attempt is answered with this status, and not sent."""
    drop: bool = False
    """The message is lost."""
    duplicate: bool = False
    """The message arrives twice."""
    partition: bool = False
    """Messages between `source` and the service are lost, both ways."""
