"""The quota actor of a control-plane node: it answers nodes that ask for their shares of mesh-wide limits.

It keeps nothing beyond its own life: what an earlier one had granted is told by those who hold it, and until that has
ended nobody gets more.
"""

from collections.abc import Callable

from ..messages.actor import Message
from ..messages.quota import Grant, Granted, Renew
from ..runtime.actor import Actor
from .ledger import Ledger

SWEEP = 30.0
"""Seconds between two looks for counts that nobody asks for any more."""

_NONE = Grant(-1.0)


class Sweep(Message, frozen=True):
    """Time to forget what nobody asks for any more."""


class Quota(Actor):
    """Owns the shares of the limits that it is asked for (`owner` says which those are)."""

    def __init__(self, peers: Callable[[], frozenset[str]]) -> None:
        """`peers` gives the nodes that have a quota actor: where they change, leases of others may be out."""
        self._peers = peers
        self._known = peers()
        self._ledger = Ledger()

    async def pre_start(self) -> None:
        """Begin to count; leases of an earlier life may be out."""
        self._ledger.be_wary(self.surroundings.clock())
        self.timers.every("sweep", SWEEP, Sweep())

    def receive(self, message: Renew | Sweep) -> Granted | None:
        """Share out."""
        now = self.surroundings.clock()
        if isinstance(message, Sweep):
            self._ledger.sweep(now)
            return None
        peers = self._peers()
        if peers != self._known:
            self._known = peers
            self._ledger.be_wary(now)
        return Granted(tuple(self._ledger.renew(message.node, ask, now) or _NONE for ask in message.asks))
