"""What a call is tried again on: Envoy's conditions, put in the mesh's own causes of failure.

Whether a call may still be tried again (attempts, time) is not looked at here.
"""

from collections.abc import Iterable
from itertools import chain

from ..messages.envelope import ReplyFrame
from ..messages.error import (
    Code,
    Draining,
    MeshError,
    NoEndpoints,
    NoResponders,
    NotAdmitted,
    PoolOverflow,
    Processed,
    Stalled,
)

SERVER_ERRORS = frozenset(range(500, 600))
GATEWAY_ERRORS = frozenset({502, 503, 504})
RATE_LIMITED = "x-envoy-ratelimited"
"""The header of an answer that a rate limit gave; such an answer is repeated for `envoy-ratelimited` alone."""

STATUSES: dict[str, frozenset[int]] = {
    "5xx": SERVER_ERRORS,
    "gateway-error": GATEWAY_ERRORS,
    "retriable-4xx": frozenset({409}),
}
"""The statuses of real answers that a condition means."""

RESETS = frozenset({"5xx", "gateway-error", "reset"})
"""Conditions that also mean a call that got no answer though it may have been worked on (Envoy: a reset)."""

UNPROCESSED = frozenset({"connect-failure", "refused-stream", "reset-before-request"})
"""Conditions for calls that were certainly not worked on. In the mesh these are always tried again: nobody listens, the
instance is draining, its mailbox is full, it stood still, there is no bus. Envoy's connection pools settle such by
themselves, and no instance could leave without losing calls else."""

IDLE: dict[str, str] = {
    **dict.fromkeys(
        ("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"),
        "the status of a gRPC answer is not looked at",
    ),
    "retriable-headers": "Istio has no field that names the headers",
    "http3-post-connect-failure": "there is no HTTP/3 between services",
}
"""Conditions that are known and mean nothing here, with the reason."""

CODES = "retriable-status-codes"
"""Says that the numbers in the list count, which they do without it, too."""

CONDITIONS = frozenset({*STATUSES, *RESETS, *UNPROCESSED, *IDLE, CODES, "envoy-ratelimited"})
"""All words; statuses may stand beside them."""

_HOPELESS = frozenset({Code.INVALID_ARGUMENT, Code.PERMISSION_DENIED, Code.ABORTED})
"""What is wrong, forbidden or aborted on purpose is so wherever it goes."""


def status_of(token: str) -> int:
    """Return the HTTP status that a token of the list is, 0 where it is none."""
    return int(token) if len(token) == 3 and token.isascii() and token.isdigit() and 100 <= int(token) <= 599 else 0


def hopeless(error: MeshError) -> bool:
    """Return whether no attempt can mend this: nobody could take the call, or it is wrong wherever it goes."""
    return isinstance(error, NoEndpoints | NotAdmitted | PoolOverflow) or error.code in _HOPELESS


def absent(outcome: ReplyFrame | MeshError) -> bool:
    """Return whether the instance was not there for calls: gone, leaving, or just awake after it stood still."""
    return isinstance(outcome, NoResponders | Draining | Stalled)


class RetryOn:
    """A list of conditions, compiled."""

    __slots__ = ("_limited", "_resets", "_statuses")

    def __init__(self, conditions: Iterable[str]) -> None:
        named = tuple(conditions)
        groups = [STATUSES.get(token, ()) for token in named]
        numbers = [number for token in named if (number := status_of(token))]
        self._statuses = frozenset(chain(numbers, *groups))
        self._resets = not RESETS.isdisjoint(named)
        self._limited = "envoy-ratelimited" in named

    @property
    def heeds_answers(self) -> bool:
        """Whether some answer of a service would be followed by another attempt."""
        return bool(self._statuses) or self._limited

    def answer(self, reply: ReplyFrame) -> bool:
        """Return whether a service's own answer is one to try again on."""
        named = reply.status in self._statuses
        if not named and not self._limited:
            return False
        limited = any(name == RATE_LIMITED for name, _ in reply.headers)
        return self._limited if limited else named

    def failure(self, error: MeshError) -> bool:
        """Return whether a call that got no answer is tried again, whatever its method.

        Who names `reset` or `5xx` gets what Istio gives: a POST that was perhaps worked on runs again.
        """
        return error.processed is Processed.NO or (error.processed is Processed.MAYBE and self._resets)
