"""Random: any member, as often as it weighs."""

import random
from collections.abc import Sequence
from typing import Generic

from .picker import M, Weights
from .shares import Shares


class RandomChoice(Generic[M]):
    """Any, by chance alone."""

    def __init__(self, rng: random.Random) -> None:
        self._draw = rng.random
        self._shares: Shares[M] | None = None

    def follow(self, members: Sequence[M], weights: Weights) -> None:
        """Have these members from now on."""
        self._shares = None if weights is None else Shares(members, weights)

    def pick(self, members: Sequence[M]) -> M:
        """Return any one."""
        if self._shares is None:
            return members[int(self._draw() * len(members))]
        urn = self._shares.among(members)
        return urn.members[urn.first(self._draw())]
