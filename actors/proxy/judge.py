"""What a judge is: it hears what came of each attempt on a cluster's instances, and says which may be picked."""

from collections.abc import Sequence
from typing import Protocol

from ..messages.envelope import ReplyFrame
from ..messages.error import MeshError
from .endpoint import Endpoint

Outcome = ReplyFrame | MeshError | None
"""What came of an attempt: the service's answer, why there is none, or None where the caller gave up before."""


class Judge(Protocol):
    """Judges the instances of one cluster; it has the cluster `refresh` when it changes its mind."""

    def record(self, endpoint: Endpoint, outcome: Outcome, seconds: float) -> None:
        """Take note of an attempt that took so many seconds."""
        ...

    def admits(self, endpoint: Endpoint) -> bool:
        """Return whether an instance may be picked just now."""
        ...

    def follow(self, members: Sequence[Endpoint]) -> None:
        """Forget whoever is not among the members any more."""
        ...
