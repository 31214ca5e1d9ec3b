"""One limit at work in a node: which calls it counts, by which key, and what it says of a call that is too many."""

import math
from typing import Protocol

from ..messages.error import RateLimited
from ..messages.rate_limit import Limit
from .account import Account
from .call import Call
from .gcra import OTHERS, Gcra

ACCOUNTS = 1_000
"""Counts of one mesh-wide limit that a node keeps apart; further keys share one."""

_LONGEST = 256
"""Characters of a key that are looked at: values come from outside."""

_APART = "\0"


class Counts(Protocol):
    """Where a limit's requests are counted."""

    def take(self, key: str, now: float) -> float:
        """Count one request; return 0.0 where it passes, else the seconds until one would."""
        ...

    def give_back(self, key: str) -> None:
        """Count one request less."""
        ...

    def remaining(self, key: str, now: float) -> int:
        """Return how many requests could pass at once."""
        ...


class Accounts:
    """The counts of a limit that holds for the whole mesh."""

    def __init__(self, limit: Limit, wake: "Wake") -> None:
        self.by_key: dict[str, Account] = {}
        self._limit = limit
        self._wake = wake

    def take(self, key: str, now: float) -> float:
        """Count one request; return 0.0 where it passes, else the seconds until one would."""
        account = self.by_key.get(key)
        if account is None:
            account = self._open(key, now)
        return account.take(now)

    def _open(self, key: str, now: float) -> Account:
        if len(self.by_key) >= ACCOUNTS:
            key = OTHERS
        found = self.by_key.get(key)
        if found is None:
            limit = self._limit
            share = limit.local_share / 100.0
            found = self.by_key[key] = Account(limit.rate, limit.burst, share, limit.lease, now)
            self._wake()
        return found

    def give_back(self, key: str) -> None:
        """Count one request less."""
        account = self.by_key.get(key) or self.by_key.get(OTHERS)
        if account is not None:
            account.give_back()

    def remaining(self, key: str, now: float) -> int:
        """Return how many requests could pass at once in this node."""
        account = self.by_key.get(key)
        return 0 if account is None else int(account.tokens)


class Wake(Protocol):
    """Hears that a lease is wanted which nobody has asked for yet."""

    def __call__(self) -> object: ...


class Check:
    """One limit of one document; it outlives policy revisions that leave it as it is."""

    def __init__(self, document: str, limit: Limit, wake: Wake) -> None:
        self.name = f"{document}/{limit.name}"
        self.limit = limit
        self.counts: Counts = Gcra(limit.rate, limit.burst) if not limit.scope else Accounts(limit, wake)
        self.passed = 0
        self.refused = 0
        self._whole = not (limit.header or limit.by_caller or limit.by_route or limit.by_client)

    def key(self, call: Call) -> str | None:
        """Return what the call is counted by; None where it is not counted."""
        limit = self.limit
        if limit.callers and call.caller.service not in limit.callers:
            return None
        if limit.routes and call.decision.route not in limit.routes:
            return None
        if self._whole:
            return ""
        parts: list[str] = []
        if limit.header:
            value = call.baggage.get(limit.header)
            if value is None:
                value = next((value for name, value in call.headers if name == limit.header), None)
                if value is None:
                    return None
            parts.append(value[:_LONGEST])
        if limit.by_caller:
            parts.append(call.caller.service)
        if limit.by_route:
            parts.append(f"{call.decision.rule_set}/{call.decision.route or call.decision.index}")
        if limit.by_client:
            parts.append(call.client)
        return _APART.join(parts)

    def refusal(self, wait: float) -> RateLimited:
        """Return the error of a call that would pass in `wait` seconds."""
        seconds = str(max(1, math.ceil(wait)))
        fields = [*self.told(0, wait), ("retry-after", seconds), ("x-envoy-ratelimited", "true")]
        return RateLimited(f"{self.name}: more than {self._said}", fields)

    def told(self, remaining: int, wait: float) -> list[tuple[str, str]]:
        """Return the fields that say how much of the limit is left, and when more will be."""
        limit = self.limit
        window = max(1, math.ceil(limit.per))
        return [
            ("x-ratelimit-limit", f"{limit.requests}, {limit.requests};w={window}"),
            ("x-ratelimit-remaining", str(remaining)),
            ("x-ratelimit-reset", str(math.ceil(wait))),
        ]

    @property
    def _said(self) -> str:
        return f"{self.limit.requests} requests in {self.limit.per:g} s"
