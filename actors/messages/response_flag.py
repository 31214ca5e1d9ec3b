"""Envoy's response flags: in two or three letters, why a call was not answered as its service would have.

From the documentation of Envoy's access log (`%RESPONSE_FLAGS%`); dashboards and people know them.
"""

from .cause import CAUSES
from .error import (
    BadReply,
    BreakerOpen,
    Broken,
    BusUnavailable,
    CallCycle,
    Cancelled,
    DeadlineExceeded,
    Denied,
    Disconnected,
    Draining,
    FaultInjected,
    InstanceGone,
    MeshError,
    MissedDeadline,
    NoEndpoints,
    NoResponders,
    NoRoute,
    NotAdmitted,
    Overloaded,
    PoolOverflow,
    RateLimited,
    Stalled,
    TooDeep,
    TooLarge,
    Undecodable,
    UnknownSubset,
    Unreachable,
    UnsupportedVersion,
)

NONE = "-"
"""Nothing to tell: the service itself has answered."""

FLAGS: dict[type[MeshError], str] = {
    NoRoute: "NR",
    UnknownSubset: "NC",
    NoEndpoints: "UH",
    BreakerOpen: "UO",
    NoResponders: "UF",
    Draining: "UF",
    Stalled: "UF",
    BusUnavailable: "UF",
    Unreachable: "UF",
    InstanceGone: "UC",
    Disconnected: "UC",
    Broken: "UC",
    PoolOverflow: "UO",
    Overloaded: "UO",
    NotAdmitted: "UO",
    DeadlineExceeded: "UT",
    MissedDeadline: "UT",
    FaultInjected: "FI",
    RateLimited: "RL",
    Denied: "UAEX",
    Cancelled: "DC",
    TooDeep: "LR",
    CallCycle: "LR",
    TooLarge: "DPE",
    Undecodable: "UPE",
    UnsupportedVersion: "UPE",
    BadReply: "UPE",
}
"""By the error, or the nearest of the kinds above it."""

DELAYED = "DI"
"""A fault of a rule held the request up."""

RETRIES_EXHAUSTED = "URX"
"""The request failed though it was tried again."""


def flag_of(error: MeshError | None) -> str:
    """Return the flag of what a call came to; `-` for an answer, and where Envoy has no word for the error."""
    return NONE if error is None else flag_of_kind(type(error))


def flag_of_kind(kind: type[MeshError]) -> str:
    """Return the flag of a kind of error."""
    return next((FLAGS[one] for one in kind.__mro__ if one in FLAGS), NONE)


BY_CAUSE: dict[int, str] = {number: flag_of_kind(kind) for number, kind in CAUSES.items()}
"""The flags by the number that travels in a reply frame."""


def flags(error: MeshError | None, attempts: int = 1, *, delayed: bool = False) -> str:
    """Return all flags of one request, joined by commas as Envoy writes them.

    Args:
        error: what it came to; None for an answer of the service.
        attempts: how often it was tried.
        delayed: whether a rule held it up on purpose.
    """
    own = flag_of(error)
    found = [own] if own != NONE else []
    if found and attempts > 1:
        found.append(RETRIES_EXHAUSTED)
    if delayed:
        found.append(DELAYED)
    return ",".join(found) or NONE
