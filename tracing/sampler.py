"""Head sampling: at the edge, once per request, it is decided whether spans are recorded.

Everybody below reads the decision from the traceparent's flag; nobody decides again, so a trace is whole or not there.
"""

import random
from typing import NamedTuple

from .context import adopt, new_traceparent, parse


class Admission(NamedTuple):
    """What the edge makes of a request's trace context."""

    traceparent: str
    root: bool
    """The trace begins here: the traceparent's span id is the root span's own (see `Tracer.start`)."""
    sampled: bool


class HeadSampler:
    """Draws for a share of the requests."""

    __slots__ = ("_draw", "_ratio", "_rng")

    def __init__(self, ratio: float, rng: random.Random) -> None:
        """Record `ratio` (0 to 1) of the requests.

        Raises:
            ValueError: the ratio is not between 0 and 1.
        """
        self._rng = rng
        self._draw = rng.random
        self.ratio = ratio

    @property
    def ratio(self) -> float:
        """The share of requests that are recorded, 0 to 1; may be set while requests run."""
        return self._ratio

    @ratio.setter
    def ratio(self, ratio: float) -> None:
        if not 0.0 <= ratio <= 1.0:
            raise ValueError(f"a sampling ratio lies between 0 and 1, not at {ratio!r}")
        self._ratio = ratio

    def sample(self) -> bool:
        """Draw once. The draw is made at any ratio, so that a seed gives the same requests whatever the ratio was."""
        return self._draw() < self._ratio

    def admit(self, outside: str = "", *, honour: bool = False, forced: bool = False) -> Admission:
        """Return the context that a request goes on with, given the traceparent it came with (`""` for none).

        A valid outside trace id is continued; the decision is ours, or, with `honour`, the parent's; with `forced` the
        request is recorded in any case.
        """
        sampled = self._draw() < self._ratio or forced
        if outside:
            if honour and not forced and (parent := parse(outside)) is not None:
                sampled = bool(parent.flags & 1)
            adopted = adopt(outside, sampled)
            if adopted:
                return Admission(adopted, False, sampled)
        return Admission(new_traceparent(self._rng, sampled), True, sampled)
