"""What a node may spend of a limit that holds for the whole mesh: a token bucket whose rate is leased.

A lease runs from when it was asked for, by the node's own clock that only grows: it ends here before the quota actor
counts it out. Without a new one the rate goes over into the local share within the time of one more lease.
"""

import math


class Account:
    """One count of one limit in one node."""

    __slots__ = (
        "_burst",
        "_granted",
        "_lease",
        "_rate",
        "_share",
        "_stamp",
        "_until",
        "asked",
        "demand",
        "requested",
        "spent",
        "tokens",
        "used",
    )

    def __init__(self, rate: float, burst: float, share: float, lease: float, now: float) -> None:
        """`rate` and `burst` are the whole mesh's; `share` (0 to 1) of them is the node's without a lease."""
        self._rate = rate
        self._burst = burst
        self._share = rate * share
        self._lease = lease
        self._granted = 0.0
        self._until = -math.inf
        self._stamp = now
        self.tokens = max(1.0, burst * share) if share else 0.0
        self.demand = 0
        """Requests since it was asked for last."""
        self.spent = 0.0
        """Those of them that passed without a lease."""
        self.asked = now
        """When a lease was asked for last."""
        self.requested = False
        """Whether it was ever asked for."""
        self.used = now
        """When a request came last."""

    def leased(self, now: float) -> float:
        """Return the rate that is leased; 0.0 where there is no lease."""
        return self._granted if now < self._until else 0.0

    def rate(self, now: float) -> float:
        """Return the rate at which the node may spend."""
        if now < self._until:
            return self._granted
        late = (now - self._until) / self._lease
        return self._share if late >= 1.0 else self._granted + (self._share - self._granted) * late

    def take(self, now: float) -> float:
        """Count one request; return 0.0 where it passes, else the seconds until one would, as things stand."""
        self.demand += 1
        self.used = now
        self._refill(now)
        if self.tokens >= 1.0 - 1e-9:
            self.tokens -= 1.0
            if now >= self._until:
                self.spent += 1.0
            return 0.0
        rate = self.rate(now)
        return min((1.0 - self.tokens) / rate, self._lease) if rate > 0.0 else self._lease

    def ask(self, now: float) -> None:
        """A lease is asked for: what is counted from now on is told with the next one."""
        self.asked = now
        self.requested = True
        self.demand = 0
        self.spent = 0.0

    def give_back(self) -> None:
        """Count one request less: another limit has refused it."""
        self.tokens += 1.0

    def grant(self, rate: float, tokens: float, asked: float, now: float) -> None:
        """Take the lease that was asked for at `asked`."""
        self._refill(now)
        if asked + self._lease <= now:
            return  # it came too late: it has ended already
        if now >= self._until:
            self.tokens = tokens  # what the local share had not used is nobody's any more
        else:
            self.tokens += tokens
        self._granted = rate
        self._until = asked + self._lease
        self._cap(now)

    def _refill(self, now: float) -> None:
        if now > self._stamp:
            self.tokens += self._issued(self._stamp, now)
            self._stamp = now
            self._cap(now)

    def _cap(self, now: float) -> None:
        rate = self.rate(now)
        most = max(1.0, self._burst * rate / self._rate) if rate > 0.0 else 0.0
        if self.tokens > most:
            self.tokens = most

    def _issued(self, start: float, end: float) -> float:
        """The integral of the rate."""
        total = 0.0
        if start < self._until:
            leased = min(end, self._until)
            total = (leased - start) * self._granted
            start = leased
        over = self._until + self._lease
        if start < end and start < over:
            middle = min(end, over)
            total += (middle - start) * (self.rate(start) + self.rate(middle)) / 2.0
            start = middle
        return total + (end - start) * self._share
