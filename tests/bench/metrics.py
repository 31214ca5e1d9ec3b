"""`python -m tests.bench.metrics`: what metrics cost a request, where it is sent and where it is handled; µs."""

import random
import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from plait.actors.messages.envelope import VERSION, CallFrame, ReplyFrame
from plait.actors.messages.instance import Instance
from plait.actors.proxy.call import Call, Caller
from plait.actors.proxy.endpoint import Endpoint
from plait.actors.routing.decide import Decision
from plait.mesh.arrival import Arrived
from plait.mesh.link import Link
from plait.mesh.telemetry import Telemetry

GOAL = 1.5
"""µs for an unsampled request."""

UNSAMPLED = f"00-{'1' * 32}-{'a' * 16}-00"
REPLY = ReplyFrame(VERSION, 200, [], b"x" * 300)


def microseconds(work: Callable[[], object], count: int = 50_000, rounds: int = 9) -> float:
    """Return the median of several rounds, each of `count`, without the loop around."""
    found: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(count):
            work()
        whole = time.perf_counter() - began
        began = time.perf_counter()
        for _ in range(count):
            pass
        found.append((whole - (time.perf_counter() - began)) / count * 1e6)
    return statistics.median(found)


def source() -> Callable[[], object]:
    """What `Running` does for each call that was answered."""
    ground = SimpleNamespace(clock=time.monotonic, rng=random.Random(1))
    telemetry = Telemetry(cast("Link", SimpleNamespace(ground=ground, node="n")), "m", "")
    instance = Instance("reviews-v1-1", "reviews", "v1", {}, "", "n", 1)
    caller = Caller("page-1", "page", labels={"version": "v1"})
    call = Call(caller, 1, "reviews", "GET", "/reviews/0", "", "reviews", [], b"", {}, UNSAMPLED)
    call.tried = [Endpoint(instance)]
    call.attempts, call.routed = 1, True
    upstream: Any = None
    call.decision = Decision(
        "default/reviews", "", 0, "reviews", "v1", None, None, None, None, upstream, None, 1
    )  # fmt: skip
    call.cluster = cast("Any", _Cluster("reviews", "v1"))
    return lambda: telemetry.answered(call, REPLY, 0.0031)


class _Cluster:
    """A cluster, as far as metrics look at it."""

    def __init__(self, service: str, subset: str) -> None:
        self.service, self.subset = service, subset


def destination() -> Callable[[], object]:
    """What `Served` does for each call that it answers."""
    ground = SimpleNamespace(clock=time.monotonic, rng=random.Random(1))
    telemetry = Telemetry(cast("Link", SimpleNamespace(ground=ground, node="n")), "m", "")
    one = Instance("reviews-v1-1", "reviews", "v1", {}, "", "n", 1)
    page = Instance("page-1", "page", "v1", {}, "", "n", 1)
    arrived = Arrived(telemetry.metrics, one, lambda: {"page.page-1": page}, time.monotonic)
    frame = CallFrame(VERSION, 1, 1, "GET", "", "/", "", [], b"", None, UNSAMPLED, source="page")
    began = time.monotonic()
    return lambda: arrived.ended(b"page-1", frame, REPLY, began)


def main() -> None:
    """Print both."""
    for name, work in (("source", source()), ("destination", destination())):
        took = microseconds(work)
        print(f"{name:12} {took:5.2f} µs per request   goal {GOAL} µs   {'met' if took <= GOAL else 'NOT met'}")


if __name__ == "__main__":
    main()
