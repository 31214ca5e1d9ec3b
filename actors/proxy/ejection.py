"""An instance out of rotation: why, until when; how many may be, and for how long. Pure arithmetic after Envoy's."""

import msgspec

from ..messages.traffic import Outlier


class Ejection(msgspec.Struct, frozen=True):
    """One instance gets no calls of one destination for a while."""

    cause: str
    """`consecutive_5xx`, `consecutive_gateway_errors`, `consecutive_local_failures`, `success_rate`,
    `failure_percentage`."""
    reason: str
    """For people."""
    since: float
    """By the node's clock."""
    until: float
    """It returns at the first look after this."""
    count: int
    """How often in close succession; each time lasts longer."""
    shared: bool = False
    """Found together with other callers, or by them."""


def lasting(policy: Outlier, count: int) -> float:
    """Return the seconds that the ejection number `count` lasts."""
    return min(policy.base_ejection * count, max(policy.base_ejection, policy.longest_ejection))


def room(policy: Outlier, hosts: int, out: int) -> bool:
    """Return whether one more of `hosts` may be ejected where `out` are. One always may, of two or more: ten percent
    of a few would be nobody."""
    if out == 0 and hosts >= 2:
        return policy.max_ejection_percent > 0
    return 100.0 * (out + 1) <= policy.max_ejection_percent * hosts


def enough(policy: Outlier, hosts: int, out: int) -> bool:
    """Return whether enough are left for ejections to be heeded; else calls go to all (Envoy: panic)."""
    return 100.0 * (hosts - out) >= policy.min_health_percent * hosts


def most(failing: int, known: int) -> bool:
    """Return whether so many of the known fail that the one who says it is to blame rather than they: all of several,
    or more than half where these are three at least."""
    return failing >= known >= 2 or (failing >= 3 and 2 * failing > known)
