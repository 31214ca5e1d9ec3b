"""How calls of a route's destinations are treated, for people: retry budgets, Resilience, limits and faults."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..messages.disruption import Disruption
from ..messages.rate_limit import RateLimit
from ..messages.resilience import Resilience
from ..messages.rule import DestinationPolicy, RouteRule, Rule
from ..messages.traffic import DEFAULT_BUDGET, TrafficPolicy
from ..routing.upstream import covers
from .in_force import DEFAULT
from .pace import PATIENCE, patience
from .plain import plain
from .proxy import Proxy

BLOCKS = {
    "fallbacks": "fallbacks",
    "breaker": "circuitBreaker",
    "concurrency": "concurrency",
    "admission": "admission",
    "mirror_diff": "mirrorDiff",
}
"""Blocks of a Resilience that are told as they are where some document has them."""

Item = dict[str, Any]


def treatment(proxy: Proxy, route: RouteRule) -> Iterator[Item]:
    """Return what holds for each of a route's destinations, with the document and field that says so."""
    rules, upstreams = proxy.snapshot.rules, proxy.snapshot.table.upstream
    keys = {(type(rule), rule.name): key for key, rule in rules.items()}
    for service, subset in dict.fromkeys((one.service, one.subset) for one in route.destinations):
        to = f"{service} {subset}".strip()
        budget, origin = DEFAULT_BUDGET, DEFAULT
        for rule in reversed(upstreams.rules(service)):
            for path, policy in _policies(rule, subset):
                if policy.budget is not None:
                    budget = policy.budget
                    origin = f"{keys[DestinationPolicy, rule.name]} {path}.retryBudget"
        yield {"field": f"retry budget of {to}", "value": plain(budget, whole=True), "from": origin}
        those = [one for one in upstreams.resilience(service) if one.subset in ("", subset)]
        hedge = next((one for one in those if one.hedge is not None), None)
        wait, origin = PATIENCE, DEFAULT
        if hedge is not None and hedge.hedge is not None:
            wait, origin = patience(hedge.hedge), f"{keys[Resilience, hedge.name]} $.spec.hedging"
        yield {"field": f"second attempt at {to}", "value": wait._asdict(), "from": origin}
        for field, block in BLOCKS.items():
            first = next((one for one in those if getattr(one, field) is not None), None)
            if first is not None:
                value = plain(getattr(first, field), whole=field != "fallbacks")
                yield {"field": f"{block} of {to}", "value": value, "from": _said(keys, first, block)}
        for limited in rules.values():
            if not isinstance(limited, RateLimit) or limited.subset not in ("", subset):
                continue
            if upstreams.holds(limited.name, limited.service, service):
                for place, limit in enumerate(limited.limits):
                    origin = _said(keys, limited, f"limits[{place}]")
                    yield {"field": f"rate limit of {to}", "value": plain(limit, whole=True), "from": origin}
        for fault in proxy.disruptions.active():
            if fault.subset in ("", subset) and covers(fault.service, service):
                value = {name: one for name, one in plain(fault).items() if name != "name"}
                yield {"field": f"fault at {to}", "value": value, "from": keys[Disruption, fault.name]}


def _said(keys: Mapping[tuple[type[Rule], str], str], rule: Resilience | RateLimit, field: str) -> str:
    return f"{keys[type(rule), rule.name]} $.spec.{field}"


def _policies(rule: DestinationPolicy, subset: str) -> Iterator[tuple[str, TrafficPolicy]]:
    """The policies of a document that may hold for a subset, the narrower one last."""
    yield "$.spec.trafficPolicy", rule.policy
    for place, one in enumerate(rule.subsets):
        if one.name == subset and one.policy is not None and one.policy.budget != rule.policy.budget:
            yield f"$.spec.subsets[{place}].trafficPolicy", one.policy
