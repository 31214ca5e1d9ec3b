"""What a hash leads through: places in an order, each of one member, on which it goes until somebody can be called."""

from collections.abc import Collection, Container, Mapping
from typing import Protocol, TypeVar

from ..loop.slice import Steps

T = TypeVar("T")


class Places(Protocol):
    """Puts hashes to members."""

    def follow(self, members: Collection[str], weights: Mapping[str, float] | None = None) -> Steps[None]:
        """Have these members, by id, from the end of the steps on; lookups in between find who is there.

        `weights` are finite and not negative; None, and all zero, mean that all are alike.
        """
        ...

    def find(self, key: int, routable: Mapping[str, T], avoided: Container[object]) -> T | None:
        """Return whom a hash belongs to, or the next in order who is `routable` and not `avoided`."""
        ...
