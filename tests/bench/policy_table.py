"""What a decision and a table cost: decisions over small and large tables, and all that a bundle goes through."""

import gc
import random
import statistics
import time
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

from plait.actors.loop import slice as slices
from plait.actors.messages.rule import Destination, MatchKind, RouteMatch, RouteRule, Rule, RuleSet, StringMatch
from plait.actors.policy.bundle import checking
from plait.actors.policy.document import reading
from plait.actors.routing.decide import decide
from plait.actors.routing.table import RouteTable, begin_table, compile_table

from .report import verdict

SERVICE = """---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: {name}
spec:
  hosts: [{name}]
  http:
  - match:
    - uri: {{prefix: /{to}}}
      headers: {{end-user: {{exact: jason}}}}
    route:
    - destination: {{host: {to}}}
  - route:
    - destination: {{host: {name}}}
"""


def service(name: str, to: str = "") -> str:
    """A virtual service as people write it."""
    return SERVICE.format(name=name, to=to or name)


# A decision


def rule_set(name: str, count: int) -> RuleSet:
    """A rule set of `count` routes over prefixes of their own."""
    routes = tuple(
        RouteRule(f"r{n}", (RouteMatch(uri=StringMatch(MatchKind.PREFIX, f"/area-{n:04}/")),), (Destination(name),))
        for n in range(count)
    )
    return RuleSet(f"default/{name}", (f"{name}.default.svc.cluster.local",), routes=routes)


def decision(table: RouteTable, count: int) -> float:
    """Microseconds of one decision, over paths of all rules."""
    rng = random.Random(1)
    views: list[Any] = [
        SimpleNamespace(
            method="GET",
            scheme="http",
            authority="one",
            path=f"/area-{rng.randrange(count):04}/x",
            query="",
            headers=[],
            baggage={},
            gateway="",
            port=None,
            service="one",
            source_service="",
            source_labels={},
            source_namespace="default",
        )
        for _ in range(1000)
    ]
    draw = rng.random
    rounds: list[float] = []
    for _ in range(15):
        began = time.perf_counter()
        for view in views:
            decide(table, view, draw)
        rounds.append((time.perf_counter() - began) * 1e6 / len(views))
    return statistics.median(rounds)


def decisions() -> None:
    """Small and large tables."""
    small = decision(compile_table({"VirtualService/default/one": rule_set("one", 10)}, 1), 10)
    rules: dict[str, Rule] = {f"VirtualService/default/s{n}": rule_set(f"s{n}", 2) for n in range(10_000)}
    rules["VirtualService/default/one"] = rule_set("one", 1000)
    large = decision(compile_table(rules, 1), 1000)
    met = small <= 4 and large <= 2 * small
    print(
        f"a decision: {small:.2f} µs with ten rules, {large:.2f} µs with 10,000 virtual services and 1,000 rules in one"
    )
    print(f"  goal ≤ 4 µs, and no more than twice that: {large / small:.2f} ({verdict(met)})")


# Compiling


def longest(steps: Generator[None, None, Any]) -> tuple[Any, float, float]:
    """What the work made, the seconds it took, and the longest step."""
    most, began = 0.0, time.perf_counter()
    while True:
        before = time.perf_counter()
        try:
            next(steps)
        except StopIteration as end:
            now = time.perf_counter()
            return end.value, now - began, max(most, now - before)
        most = max(most, time.perf_counter() - before)


def compiling(count: int) -> None:
    """All that a bundle goes through, with the longest step of each part: a slice is over that much late at most."""
    (documents, problems), read, step1 = longest(reading("".join(service(f"service-{n}") for n in range(count))))
    assert not problems
    outcome, judged, step2 = longest(checking({}, documents, revision=1))
    rules = {key: one.rule for key, one in outcome.documents.items()}
    gc.collect()
    gc.freeze()

    def compiled() -> Generator[None, None, RouteTable]:
        table, steps = begin_table(rules, 1)
        yield from steps
        return table

    _, took, step3 = longest(compiled())
    gc.unfreeze()
    for what, seconds, step in (("read", read, step1), ("judged", judged, step2), ("compiled", took, step3)):
        print(f"{count:,} virtual services {what} in {seconds * 1e3:.0f} ms, the longest step {step * 1e3:.2f} ms")
    print(f"  a slice is {slices.WORK * 1e3:g} ms and a step; the longest of large tables are turns of the collector")
    if count == 1000:
        print(f"  goal: compiled within 1 s ({verdict(took <= 1)})")
