"""How many attempts beside the first one the calls of a destination may make: a share of its calls, and a reserve.

Counted over a window that slides: retries of the last seconds against the calls of the same seconds. A retry stays in
the count at least as long as the calls that paid for it, so that in the long run, too, there are never more.
"""

from ..messages.traffic import RetryBudget

WINDOW = 10.0
"""Seconds, where the policy names none."""
SLOTS = 10
"""Parts of the window; the oldest part is forgotten at once."""


class Budget:
    """One destination's budget, kept by each caller for itself."""

    __slots__ = (
        "_calls",
        "_due",
        "_per_call",
        "_policy",
        "_reserve",
        "_retries",
        "_slot",
        "fresh",
        "outstanding",
        "refused",
    )

    def __init__(self, policy: RetryBudget) -> None:
        self._calls = [0] * SLOTS
        self._retries = [0] * SLOTS
        self._due = 0.0
        self.fresh = 0
        """Calls since the last look; whoever makes a call adds one."""
        self.outstanding = 0
        """Retries under way."""
        self.refused = 0
        """Attempts that were not allowed, so far."""
        self.use(policy)

    def use(self, policy: RetryBudget) -> None:
        """Grant as this policy says from now on; what was counted stays."""
        self._policy = policy
        window = policy.interval or WINDOW
        self._slot = window / SLOTS
        self._per_call = policy.percent / 100.0
        self._reserve = policy.per_second * window

    def call(self, now: float) -> None:
        """Count one call; `now` is loop time in seconds."""
        if now >= self._due:
            self._roll(now)
        self.fresh += 1

    def take(self, now: float) -> bool:
        """Return whether one more attempt may be made, which is then counted; `end` it afterwards."""
        if now >= self._due:
            self._roll(now)
        spent = sum(self._retries)
        calls = self.fresh + sum(self._calls)
        if self.outstanding >= self._policy.min_concurrency and spent + 1 > calls * self._per_call + self._reserve:
            self.refused += 1
            return False
        self._retries[-1] += 1
        self.outstanding += 1
        return True

    def put_back(self) -> None:
        """An attempt that was taken is not made after all."""
        self._retries[-1] -= 1
        self.outstanding -= 1

    def end(self) -> None:
        """An attempt that was taken has ended."""
        self.outstanding -= 1

    def _roll(self, now: float) -> None:
        passed = min(SLOTS, 1 + int((now - self._due) / self._slot)) if self._due else SLOTS
        self._calls[-1] += self.fresh
        self.fresh = 0
        self._calls = self._calls[passed:] + [0] * passed
        self._retries = self._retries[passed:] + [0] * passed
        self._due = now + self._slot if passed == SLOTS else self._due + passed * self._slot
