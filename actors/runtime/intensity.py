"""How often a supervisor has restarted of late, and why: the count that decides when it gives up (OTP's intensity)."""

from collections import deque

from .spec import Limits


class Intensity:
    """The restarts within a sliding period."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._times: deque[float] = deque()
        self._reasons: deque[str] = deque(maxlen=limits.intensity + 1)

    def __len__(self) -> int:
        return len(self._times)

    def blame(self, reason: str) -> None:
        """Remember why the next restart is wanted."""
        self._reasons.append(reason)

    def exceeded(self, now: float) -> bool:
        """Count a restart at `now`; return whether it is one too many."""
        self._times.append(now)
        while self._times and self._times[0] <= now - self._limits.period:
            self._times.popleft()
        return len(self._times) > self._limits.intensity

    def __str__(self) -> str:
        limits = self._limits
        return f"more than {limits.intensity} restarts in {limits.period:g} s ({'; '.join(self._reasons)})"
