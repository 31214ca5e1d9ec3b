"""How long to wait before the next try: exponential, with a ceiling and jitter."""

import random

import msgspec


class Backoff(msgspec.Struct, frozen=True):
    """Waits of `min(ceiling, base * 2**n) * (1 + jitter * rand)` seconds (Pekko's supervisor formula)."""

    base: float = 0.2
    ceiling: float = 10.0
    jitter: float = 0.2
    reset: float = 10.0
    """Seconds without trouble after which counting begins anew."""

    def wait(self, n: int, rng: random.Random) -> float:
        """Return the seconds before try number `n`, counted from 0."""
        return min(self.ceiling, self.base * 2.0 ** min(n, 60)) * (1.0 + self.jitter * rng.random())
