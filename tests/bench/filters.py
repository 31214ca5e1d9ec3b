"""`python -m tests.bench.filters`: what each filter of the data path costs a call at its caller, in CPU microseconds.

A call goes through `Proxy.start` to a bus that keeps it, and its answer comes back through the wire: everything but
sockets and the called side. Rows take turns, and each is told by its quickest round.
"""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

from plait.actors.bus.bus import BusState
from plait.actors.loop.slice import at_once
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.codec import encode
from plait.actors.messages.envelope import VERSION, ReplyFrame
from plait.actors.messages.fallback import Fallback, Fixed, LastGood
from plait.actors.messages.instance import Instance
from plait.actors.messages.rate_limit import Limit, RateLimit
from plait.actors.messages.resilience import Admission, Balancing, Breaker, Hedge, Resilience
from plait.actors.messages.rule import Destination, DestinationPolicy, RetryPolicy, RouteRule, Rule, RuleSet
from plait.actors.messages.subject import Subjects
from plait.actors.messages.traffic import Balancer, Outlier, TrafficPolicy
from plait.actors.proxy.call import Call, Caller
from plait.actors.proxy.proxy import Instances, Proxy
from plait.actors.proxy.wire import Wire

BATCH, BATCHES, ROUNDS, INSTANCES = 50, 100, 9, 3
BARE = DestinationPolicy("default/shop", "shop", TrafficPolicy(outlier=Outlier(enabled=False)))
HOSTS = ("shop.default.svc.cluster.local",)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
REPLY = encode(ReplyFrame(VERSION, 200, [("content-type", "application/json")], b"x" * 200))
CALLER = Caller("me")


class Held:
    """A bus that keeps what is sent until it is answered."""

    state = BusState.CONNECTED
    stalled = False
    token = "TOKEN"

    def __init__(self) -> None:
        self.waiting: list[Callable[[bytes], object]] = []

    def request(self, subject: bytes, payload: bytes, reply: bytes, done: Callable[[Any], object]) -> None:
        """Keep it."""
        self.waiting.append(done)

    def answer(self) -> None:
        """Answer all."""
        waiting, self.waiting = self.waiting, []
        for done in waiting:
            done(REPLY)


class Nobody:
    """Observes nothing."""

    def answered(self, call: Call, reply: ReplyFrame, seconds: float) -> None:
        """Take no notice."""

    def failed(self, call: Call, error: Exception, seconds: float) -> None:
        """Tell of what must not happen here."""
        raise error


def route(retries: RetryPolicy | None = None, timeout: float | None = None) -> RuleSet:
    """Return the route of all calls."""
    rule = RouteRule("r", (), (Destination("shop"),), retries=retries, timeout=timeout)
    return RuleSet("default/shop", HOSTS, routes=(rule,))


def said(**more: Any) -> Resilience:
    """Return a document of one block."""
    return Resilience("default/more", "shop", **more)


NEVER = RetryPolicy(attempts=0)
ROWS: dict[str, tuple[Rule, ...]] = {
    "bare: no retries, no outlier detection": (BARE, route(NEVER)),
    "nothing said: all defaults": (route(),),
    "bare + outlier detection": (route(NEVER),),
    "bare + retries, budget, second attempts": (BARE, route()),
    "defaults + timeout": (route(timeout=5.0),),
    "defaults + breakers of instances": (route(), said(breaker=Breaker(routes=False))),
    "defaults + breaker of the route": (route(), said(breaker=Breaker(instances=False))),
    "defaults + hedging": (route(), said(hedge=Hedge())),
    "defaults + fallback: fixed": (route(), said(fallbacks=(Fallback(Fixed(200, (), b"[]")),))),
    "defaults + fallback: last good": (route(), said(fallbacks=(Fallback(LastGood()),))),
    "defaults + admission": (route(), said(admission=Admission())),
    "defaults + rate limit": (route(), RateLimit("default/l", "shop", limits=(Limit("0", 10**9, 1.0, 10**9),))),
    "defaults + peak EWMA": (route(), said(balancing=Balancing(Balancer.PEAK_EWMA))),
}


class Row:
    """One node with the rules of one row."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        loop = asyncio.get_running_loop()
        self.bus: Any = Held()
        deadlines = Deadlines(loop)
        wire = Wire(self.bus, Subjects("m"), deadlines)
        self.proxy = Proxy(wire, deadlines, random.Random(1), loop.time, Nobody())
        known = [Instance(f"shop-{n}", "shop", "v1", {}, "", f"node-{n}", 1) for n in range(INSTANCES)]
        self.proxy.receive(Instances({f"shop/{one.id}": encode(one) for one in known}, whole=True))
        entries = {f"{number}/{rule.name}": encode(rule) for number, rule in enumerate(rules)}
        self.proxy.activate(1, at_once(self.proxy.prepare(1, entries)))
        self.best = float("inf")

    async def round(self) -> None:
        """Measure once; the calls themselves are made ahead."""
        spent, ended = 0.0, [0]
        start = self.proxy.start

        def done(outcome: object) -> None:
            ended[0] += isinstance(outcome, ReplyFrame)

        for _ in range(BATCHES):
            calls = [a_call(number) for number in range(BATCH)]
            began = time.thread_time()
            for call in calls:
                start(call, done)
            self.bus.answer()
            for _ in range(3):  # where a chain waits for a future
                await asyncio.sleep(0)
            spent += time.thread_time() - began
        if ended[0] != BATCH * BATCHES:
            raise AssertionError(f"{ended[0]} answers of {BATCH * BATCHES}")
        self.best = min(self.best, spent / ended[0] * 1e6)


def a_call(number: int) -> Call:
    """Return a call as a service makes it."""
    return Call(CALLER, number, "shop", "GET", "/products/7", "", "shop", [], b"", {}, TRACEPARENT)


async def measure() -> dict[str, float]:
    """Return the microseconds of each row."""
    rows = {name: Row(rules) for name, rules in ROWS.items()}
    for _ in range(ROUNDS):
        for row in rows.values():
            await row.round()
    return {name: row.best for name, row in rows.items()}


def main() -> None:
    """Measure and print."""
    found = asyncio.run(measure())
    bare, usual = list(found.values())[:2]
    print(f"{'':<44}    µs   more")
    for name, micros in found.items():
        print(f"{name:<44} {micros:5.2f}  {micros - (usual if name.startswith('defaults') else bare):+5.2f}")


if __name__ == "__main__":
    main()
