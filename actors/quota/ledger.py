"""Shares out rates among nodes: leases for a short time, by demand, of which the sum never exceeds the limit.

What a node was granted counts as spent until its lease has ended, renewed or not. A bank holds what nobody was leased:
`burst` at the most. So whoever asks, and however often, what is granted within a time is at most `rate * time + burst`.
"""

import msgspec

from ..messages.quota import Grant, QuotaAsk

MOST = 100_000
"""Counts that are kept; for one more there is no grant: nodes use their local share."""


class Holding(msgspec.Struct):
    """A node's lease."""

    rate: float
    until: float
    demand: float
    before: float = 0.0
    """What it had been granted; it may still go by that, where it has not heard of less."""
    before_until: float = 0.0

    def counted(self, now: float) -> float:
        """Return the rate at which the node may be spending."""
        return self.before if now < self.before_until and self.before > self.rate else self.rate


class Count(msgspec.Struct):
    """One count of one limit."""

    rate: float
    bank: float
    stamp: float
    settled: float
    """Until when a predecessor's leases may be out that this ledger does not know."""
    holdings: dict[str, Holding]


class Ledger:
    """The leases of one quota actor. Times are seconds of its own clock that only grows."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], Count] = {}
        self._changed = float("-inf")

    def __len__(self) -> int:
        return len(self._counts)

    def be_wary(self, now: float) -> None:
        """Somebody else may have granted leases until now: of counts that are new here, only what nodes hold is renewed
        until those have ended."""
        self._changed = now

    def renew(self, node: str, ask: QuotaAsk, now: float) -> Grant | None:
        """Return what `node` may spend from now on; None where the ledger is full."""
        key = ask.limit, ask.key
        count = self._counts.get(key)
        if count is None:
            if len(self._counts) >= MOST:
                return None
            settled = (now if ask.held > 0.0 else self._changed) + ask.lease
            bank = 0.0 if settled > now else ask.burst
            count = self._counts[key] = Count(ask.rate, bank, max(now, settled), settled, {})
        count.rate = ask.rate
        self._bring_up(count, ask.burst, now)
        count.bank = max(-ask.burst, count.bank - ask.spent)
        mine = count.holdings.pop(node, None)
        others = sum(one.counted(now) for one in count.holdings.values())
        free = max(0.0, ask.rate - others)
        if now < count.settled:
            rate, tokens = min(ask.held, free), 0.0
        else:
            rate = min(share(ask.rate, ask.demand, [one.demand for one in count.holdings.values()]), free)
            tokens = 0.0
            if mine is None and count.bank > 0.0:
                tokens = min(count.bank, ask.burst * rate / ask.rate)
                count.bank -= tokens
        held = Holding(rate, now + ask.lease, ask.demand)
        if mine is not None and mine.counted(now) > rate:
            held.before, held.before_until = mine.counted(now), mine.until
        count.holdings[node] = held
        return Grant(rate, tokens)

    def sweep(self, now: float) -> None:
        """Forget counts of which nothing is leased any more and whose bank would be full."""
        for key, count in list(self._counts.items()):
            if all(one.until + 60.0 <= now for one in count.holdings.values()) and count.settled <= now:
                del self._counts[key]

    def leased(self, limit: str, key: str, now: float) -> float:
        """Return the sum of what is leased of a count."""
        count = self._counts.get((limit, key))
        return 0.0 if count is None else sum(one.counted(now) for one in count.holdings.values() if one.until > now)

    @staticmethod
    def _bring_up(count: Count, burst: float, now: float) -> None:
        """Put into the bank what nobody was leased since the last time, lease by lease as they ended."""
        ended = sorted((one.until, node) for node, one in count.holdings.items() if one.until <= now)
        for until, node in [*ended, (now, "")]:
            free = max(0.0, count.rate - sum(one.counted(count.stamp) for one in count.holdings.values()))
            if until > count.stamp:
                count.bank = min(burst, count.bank + free * (until - count.stamp))
                count.stamp = until
            count.holdings.pop(node, None)


def share(rate: float, demand: float, others: list[float]) -> float:
    """Return the max-min fair share of `rate` for `demand` among `others`, and an equal part of what nobody wants."""
    left, wants = rate, sorted([demand, *others])
    for place, want in enumerate(wants):
        level = left / (len(wants) - place)
        if want >= level:
            return min(level, demand)  # whoever wants more than this gets this
        left -= want
    return demand + left / len(wants)
