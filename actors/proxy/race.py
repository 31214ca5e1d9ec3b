"""Two attempts of one call under way: the first answer counts, and the other attempt is told to stop."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from ...tracing import tag
from ...tracing.record import Value
from ..messages.envelope import Flag, ReplyFrame
from ..messages.error import DeadlineExceeded, MeshError
from .budget import Budget
from .silence import overtaken

if TYPE_CHECKING:
    from .waiting import Done, Waiting


def race(first: "Waiting", budgets: Sequence[Budget], now: float) -> bool | None:
    """Begin a second attempt beside the `first`, on an instance that the call has not tried.

    Returns:
        Whether it began, False where there is no budget for it; None where nobody else could answer.
    """
    call, cluster = first.call, first.cluster
    if cluster.pool.active >= cluster.pool.requests:
        return None
    endpoint = cluster.choose_with_room(call, call.tried)
    if endpoint is None or endpoint in call.tried:
        return None
    if call.purse is not None and not call.purse.spend():
        return False
    taken: list[Budget] = []
    for budget in budgets:
        if not budget.take(now):
            for one in taken:
                one.put_back()
            return False
        taken.append(budget)
    call.tried.append(endpoint)
    call.attempts += 1
    call.untried = len(cluster.endpoints) - len(call.tried)
    both = Race(first, first.done, taken)
    flags = call.flags
    call.flags = flags | Flag.HEDGE
    try:
        both.second = first.wire.send(endpoint, call, both.second_ended)
    except MeshError:  # nothing was sent; the first one goes on as if nothing had been
        for one in taken:
            one.end()
        return False
    finally:
        call.flags = flags
    first.done, first.race = both.first_ended, both
    if call.trail is not None:
        noted: dict[str, Value] = {tag.ATTEMPT: call.attempts, tag.UPSTREAM_INSTANCE: endpoint.instance.id}
        call.trail.event(tag.HEDGE, {**noted, "plait.wait_ms": round((now - first.began) * 1e3, 3)})
    return True


class Race(msgspec.Struct, eq=False):
    """What two attempts share. Whoever holds the first one need not know that there is another."""

    first: "Waiting | None"
    done: "Done"
    budgets: list[Budget]
    second: "Waiting | None" = None

    def first_ended(self, outcome: ReplyFrame | MeshError) -> None:
        """Take what came of the first attempt."""
        self._ended(self.second, outcome)

    def second_ended(self, outcome: ReplyFrame | MeshError) -> None:
        """Take what came of the second attempt."""
        self._ended(self.first, outcome)

    def cancel(self) -> None:
        """Nobody waits any more."""
        first, second = self._part()
        for one in (first, second):
            if one is not None:
                one.cancel()

    def _ended(self, other: "Waiting | None", outcome: ReplyFrame | MeshError) -> None:
        if other is not None and not other.over and _leaves_hope(outcome):
            return
        first, _ = self._part()
        if other is not None:
            if other is first and isinstance(outcome, ReplyFrame):
                overtaken(other, other.wire.clock())
            else:
                other.cancel()
        self.done(outcome)

    def _part(self) -> "tuple[Waiting | None, Waiting | None]":
        """End it: they know this, and this them, so that only the garbage collector would part them."""
        first, second = self.first, self.second
        self.first = self.second = None
        if first is not None:
            first.race = None
            for budget in self.budgets:
                budget.end()
        return first, second


def _leaves_hope(outcome: ReplyFrame | MeshError) -> bool:
    """Whether the other attempt may do better: not where the time of both is over."""
    return isinstance(outcome, MeshError) and not isinstance(outcome, DeadlineExceeded)
