"""A node's own side of mesh-wide limits: it asks the quota actors for leases while there is demand, and hands them out.

Nobody waits for it: calls are counted against what is leased, and against the local share where nothing is.
"""

import asyncio
from collections.abc import Callable

from ..messages.actor import Message
from ..messages.error import MeshError
from ..messages.quota import Granted, QuotaAsk, Renew
from ..proxy.account import Account
from ..proxy.rate_limits import RateLimits
from ..runtime.actor import Actor
from .owner import owner

TICK = 0.05
"""Seconds between two looks at which leases are due, while there are any."""

MOST = 500
"""Counts in one question: it stays far below what the bus carries."""

_PATIENCE = 0.25
"""Part of a lease that the answer may take."""

Due = tuple[Account, QuotaAsk]


class Look(Message, frozen=True):
    """Some lease is wanted, or due to be renewed."""


class Renewal(Actor):
    """One per node. Leases are renewed when half of their time is over."""

    def __init__(self, node: str, limits: RateLimits, nodes: Callable[[], frozenset[str]]) -> None:
        """`nodes` gives those that have a quota actor."""
        self._node = node
        self._limits = limits
        self._nodes = nodes
        self._armed = False

    async def pre_start(self) -> None:
        """Listen for what is wanted."""
        self._limits.wake = self._wanted
        self._wanted()

    def _wanted(self) -> None:
        if not self._armed:
            self._armed = True
            self.timers.once("look", 0.0, Look())

    async def receive(self, message: Look) -> None:
        """Ask for what is due; go on as long as anything is leased or wanted."""
        self._armed = False
        now = self.surroundings.clock()
        by_owner: dict[str, list[Due]] = {}
        nodes, busy = self._nodes(), False
        for check, accounts in self._limits.leased():
            limit = check.limit
            address = ""
            for key, account in list(accounts.by_key.items()):
                if _idle(account, limit.lease, limit.burst / limit.rate, now):
                    del accounts.by_key[key]
                    continue
                busy = True
                since = now - account.asked
                if account.requested and since < limit.lease / 2.0:
                    continue
                if not account.demand and now - account.used > limit.lease:
                    continue  # let the lease run out: others may want it
                address = address or owner(check.name, nodes)
                ask = QuotaAsk(
                    check.name,
                    key,
                    limit.rate,
                    limit.burst,
                    limit.lease,
                    account.demand / max(since, TICK),
                    account.leased(now),
                    account.spent,
                )
                account.ask(now)
                by_owner.setdefault(address, []).append((account, ask))
        if busy:
            self._armed = True
            self.timers.once("look", TICK, Look())
        questions = [
            self._ask(address, due[start : start + MOST], now)
            for address, due in by_owner.items()
            if address
            for start in range(0, len(due), MOST)
        ]
        if questions:
            await asyncio.gather(*questions)

    async def _ask(self, address: str, due: list[Due], now: float) -> None:
        """Ask one quota actor; without an answer what is leased runs out."""
        patience = max(TICK, _PATIENCE * min(ask.lease for _, ask in due))
        try:
            answer = await self.find(address).ask(
                Renew(self._node, tuple(ask for _, ask in due)), patience, into=Granted
            )
        except MeshError:
            for account, asked in due:
                account.spent += asked.spent
            return
        later = self.surroundings.clock()
        for (account, _), grant in zip(due, answer.grants, strict=False):
            if grant.rate >= 0.0:
                account.grant(grant.rate, grant.tokens, now, later)


def _idle(account: Account, lease: float, fill: float, now: float) -> bool:
    """Whether a count can be forgotten: nobody used it for as long as its bucket needs to be full again."""
    return not account.demand and now - account.used > max(2.0 * lease, fill)
