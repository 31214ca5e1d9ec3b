"""The limit of calls in the hands of one instance, where a Resilience asks for it; the lowest priorities end first."""

from ..messages.priority import Priority
from ..messages.resilience import Concurrency
from .gradient import Gradient2

SHARES = {Priority.CRITICAL: 1.0, Priority.DEFAULT: 0.95, Priority.SHEDDABLE: 0.7}
"""Part of the limit up to which calls of a class are taken."""


class ConcurrencyLimit:
    """Decides whether an instance takes one more call, and learns from how long each took."""

    def __init__(self, asked: Concurrency) -> None:
        self.asked = asked
        self.gradient = Gradient2(asked.initial, asked.least, asked.most, asked.queue, asked.tolerance)
        self.refused = 0

    def takes(self, active: int, urgency: Priority) -> bool:
        """Return whether a call may be taken beside the `active` ones."""
        if active < self.gradient.limit * SHARES[urgency]:
            return True
        self.refused += 1
        return False

    def ended(self, seconds: float, active: int) -> None:
        """Take note of a call that was answered."""
        if seconds > 0.0:
            self.gradient.record(seconds, active)
