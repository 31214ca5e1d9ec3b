"""`python -m tests.bench.retrying`: what budgets, tokens and the watch over slow attempts cost where all goes well."""

import time
from types import SimpleNamespace
from typing import Any, cast

from plait.actors.messages.traffic import DEFAULT_BUDGET
from plait.actors.proxy.budget import Budget
from plait.actors.proxy.call import Call, Caller
from plait.actors.proxy.idempotence import REPLAYABLE, may_run_twice
from plait.actors.proxy.pace import Pace
from plait.actors.runtime.purse import Purse

from .outcome import best


class Watched:
    """What a pace needs of an attempt."""

    over = watched = False

    def __init__(self, around: Any, began: float) -> None:
        self.wire, self.cluster, self.began = around, around, began


def main() -> None:
    """Measure and print, in microseconds for each call."""
    budget, pace = Budget(DEFAULT_BUDGET), Pace()
    for _ in range(200):
        pace.answered(0.002)
    around = SimpleNamespace(
        endpoints=(1, 2, 3), deadlines=SimpleNamespace(at=lambda when, fire: None), clock=time.monotonic
    )
    call = Call(Caller("me"), 1, "s", "GET", "/", "", "s", [], b"", {}, "")

    def tokens() -> None:
        purse = Purse()
        purse.give_back(purse.lend(), 0)

    def watched() -> None:
        attempt = Watched(around, 1.0)
        if len(call.body) <= REPLAYABLE and may_run_twice(call):
            pace.watch(cast("Any", attempt))
        attempt.over = True

    attempt = best(lambda: Watched(around, 1.0))
    parts = {
        "budget": best(lambda: budget.call(1.0)),
        "tokens": best(tokens),
        "watch": best(watched) - attempt,
        "latency": best(lambda: pace.answered(0.002)),
    }
    print(", ".join(f"{name} {cost:.2f}" for name, cost in parts.items()), f"together {sum(parts.values()):.2f} µs")


if __name__ == "__main__":
    main()
