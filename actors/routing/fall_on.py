"""What a call falls back on: words for causes of failure, of the service's own answers and of the mesh's errors."""

from collections.abc import Iterable
from itertools import chain

from ..messages.error import Code, FaultInjected, MeshError, NoEndpoints
from .retry_on import GATEWAY_ERRORS, SERVER_ERRORS, status_of

ALL = frozenset({Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.DEADLINE_EXCEEDED, Code.INTERNAL, Code.UNIMPLEMENTED})
"""Codes of errors that may be fallen back on at all. What is wrong, forbidden or given up by its caller never is: no
fallback may hide a refusal, nor answer what nobody waits for."""

CODES: dict[str, frozenset[Code]] = {
    "5xx": ALL,
    "gateway-error": frozenset({Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.DEADLINE_EXCEEDED}),
    "unavailable": frozenset({Code.UNAVAILABLE}),
    "timeout": frozenset({Code.DEADLINE_EXCEEDED}),
    "overload": frozenset({Code.RESOURCE_EXHAUSTED}),
    "no-endpoints": frozenset(),
}
"""The mesh's errors that a word means; `no-endpoints` is one class of them."""

STATUSES: dict[str, frozenset[int]] = {"5xx": SERVER_ERRORS, "gateway-error": GATEWAY_ERRORS}
"""The statuses of a service's own answers, and of aborts that a fault rule puts in, that a word means."""

CONDITIONS = frozenset(CODES)
"""All words; statuses from 400 on may stand beside them and mean a service's own answers."""


class FallOn:
    """A list of conditions, compiled; any of them is enough."""

    __slots__ = ("_codes", "_nobody", "statuses")

    def __init__(self, conditions: Iterable[str]) -> None:
        named = tuple(conditions)
        numbers = [number for token in named if (number := status_of(token))]
        self.statuses: frozenset[int] = frozenset(chain(numbers, *(STATUSES.get(token, ()) for token in named)))
        """Statuses of answers to fall back on."""
        self._codes: frozenset[Code] = frozenset(chain(*(CODES.get(token, ()) for token in named)))
        self._nobody = "no-endpoints" in named

    def failure(self, error: MeshError) -> bool:
        """Return whether a call that got no answer is one to fall back on."""
        if isinstance(error, FaultInjected):
            return error.status in self.statuses
        return error.code in self._codes or (self._nobody and isinstance(error, NoEndpoints))
