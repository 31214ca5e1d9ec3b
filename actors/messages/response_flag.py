"""Envoy's response flags: in two or three letters, why a call was not answered as its service would have.

From the documentation of Envoy's access log (`%RESPONSE_FLAGS%`); dashboards and people know them.
"""

from .error import (
    Broken,
    Cancelled,
    DeadlineExceeded,
    Denied,
    Disconnected,
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
    UnknownSubset,
    Unreachable,
)

NONE = "-"
"""Nothing to tell: the service itself has answered."""

FLAGS: dict[type[MeshError], str] = {
    NoRoute: "NR",
    UnknownSubset: "NC",
    NoEndpoints: "UH",
    NoResponders: "UF",
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
}
"""By the error, or the nearest of the kinds above it."""


def flag_of(error: MeshError | None) -> str:
    """Return the flag of what a call came to; `-` for an answer, and where Envoy has no word for the error."""
    if error is None:
        return NONE
    return next((FLAGS[kind] for kind in type(error).__mro__ if kind in FLAGS), NONE)
