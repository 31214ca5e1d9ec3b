"""Messages that reached nobody: counted by reason, the latest kept, and told on the bus."""

from collections import Counter, deque
from collections.abc import Callable

import msgspec

from ..messages.error import MeshError

KEPT = 100
RATE = 20
"""Dead letters told on the bus within a second; more are only counted."""


class DeadLetter(msgspec.Struct, frozen=True):
    """One message that reached nobody, as it is told on the bus in JSON."""

    node: str
    actor: str
    """Its path in the node."""
    message: str
    """The message's type."""
    reason: str
    """The error's code name: `actor_stopped`, `overloaded`, `unknown_actor`, …"""
    detail: str
    suppressed: int = 0
    """Dead letters since the last one that were not told, so that a storm of them does not become one on the bus."""


Publish = Callable[[DeadLetter], None]


class DeadLetters:
    """A node's dead letters."""

    def __init__(self, node: str, clock: Callable[[], float]) -> None:
        self.counts: Counter[str] = Counter()
        self.latest: deque[DeadLetter] = deque(maxlen=KEPT)
        self.publish: Publish | None = None
        """Tells one on the bus; None in a node without one."""
        self._node = node
        self._clock = clock
        self._second = 0.0
        self._told = 0
        self._suppressed = 0

    def add(self, actor: str, message: object, error: BaseException) -> None:
        """Take in a message for `actor` that `error` kept from being handled."""
        reason = reason_of(error)
        self.counts[reason] += 1
        now = self._clock()
        if now - self._second >= 1.0:
            self._second, self._told = now, 0
        if self._told >= RATE:
            self._suppressed += 1
            return
        self._told += 1
        letter = DeadLetter(self._node, actor, type(message).__name__, reason, str(error), self._suppressed)
        self._suppressed = 0
        self.latest.append(letter)
        if self.publish is not None:
            self.publish(letter)


def reason_of(error: BaseException) -> str:
    """Return an error's name as a reason: `ActorStopped` is `actor_stopped`."""
    name = type(error).__name__ if isinstance(error, MeshError) else "Failed"
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
