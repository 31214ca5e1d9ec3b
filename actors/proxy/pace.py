"""When an attempt has lasted so long that a second one, on another instance, is worth its while.

The attempts of one destination stand in a queue in the order in which they began, and one timer looks at the oldest: a
call costs an append, not a timer of its own.
"""

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from ..messages.resilience import Hedge
from ..messages.traffic import RetryBudget
from .budget import Budget
from .latency import Latency
from .race import race

if TYPE_CHECKING:
    from .waiting import Waiting

ENOUGH = 100
"""Answers without which nothing is known of a p99."""
RENEWED = 64
"""Answers after which the delay is computed anew."""


class Patience(NamedTuple):
    """How long an attempt may last: a multiple of a quantile of the answers' times, or a fixed time."""

    quantile: float = 0.99
    factor: float = 3.0
    floor: float = 0.05
    """Seconds: what answers sooner than a person notices is not worth a second attempt."""
    fixed: float | None = None
    """Seconds that hold instead."""
    extra: float | None = None
    """Percent of the calls that may be made twice, besides what the retry budget says; None for no bound of its own."""


PATIENCE = Patience()
"""Where no rule says anything."""


def patience(hedge: Hedge) -> Patience:
    """Return how long to wait where a rule says so."""
    return Patience(hedge.quantile, 1.0, 0.0, hedge.delay, hedge.max_extra_percent)


class Pace:
    """One destination's: how long its answers take, and who waits for one."""

    __slots__ = ("_answers", "_armed", "_extra", "_queue", "begun", "delay", "latency", "patience", "refused")

    def __init__(self) -> None:
        self._queue: deque[Waiting] = deque()
        self._armed = False
        self._answers = 0
        self._extra: Budget | None = None
        self.latency = Latency()
        self.patience = PATIENCE
        self.delay: float | None = None
        """Seconds after which a second attempt begins; None as long as too little is known."""
        self.begun = 0
        """Second attempts so far."""
        self.refused = 0
        """Those that a budget, or the request's own tokens, did not allow."""

    def use(self, patience: Patience) -> None:
        """Wait in this way from now on."""
        if patience != self.patience:
            self.patience = patience
            self._extra = None if patience.extra is None else Budget(RetryBudget(patience.extra, 0, 0.0))
            self._renew()

    def watch(self, waiting: "Waiting") -> None:
        """Have an eye on an attempt that has just begun, of a call that may run twice."""
        waiting.watched = True
        if self._extra is not None:
            self._extra.call(waiting.began)
        if self.delay is None or len(waiting.cluster.endpoints) < 2:
            return
        queue = self._queue
        while queue and queue[0].over:  # so that what has ended is not kept
            queue.popleft()
        queue.append(waiting)
        if not self._armed:
            self._armed = True
            waiting.wire.deadlines.at(waiting.began + self.delay, self._look)

    def answered(self, seconds: float) -> None:
        """Take note of how long an answer took."""
        self.latency.add(seconds)
        self._answers += 1
        if self._answers >= RENEWED or (self.delay is None and self.latency.total >= ENOUGH):
            self._answers = 0
            self._renew()

    def _renew(self) -> None:
        quantile, factor, floor, fixed, _ = self.patience
        if fixed is not None:
            self.delay = fixed
        elif self.latency.total < ENOUGH:
            self.delay = None
        else:
            self.delay = max(floor, factor * self.latency.quantile(quantile))

    def _look(self) -> None:
        """See who has waited for too long, and look again when the next one may have."""
        queue, delay = self._queue, self.delay
        self._armed = False
        while queue and delay is not None:
            first = queue[0]
            if not first.over:
                wire, due = first.wire, first.began + delay
                if due > wire.clock():
                    self._armed = True
                    wire.deadlines.at(due, self._look)
                    return
                self._second(first)
            queue.popleft()
        queue.clear()

    def _second(self, waiting: "Waiting") -> None:
        now, budgets = waiting.wire.clock(), [waiting.cluster.budget]
        if self._extra is not None:
            budgets.append(self._extra)
        begun = race(waiting, budgets, now)
        if begun is not None:
            self.begun += begun
            self.refused += not begun
