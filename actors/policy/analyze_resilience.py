"""Findings about Resilience, RateLimit and Fault: blocks that another document overrides or that nothing can use."""

from collections.abc import Iterable

from ..messages.disruption import LONGEST, Disruption
from ..messages.fallback import Elsewhere
from ..messages.rate_limit import RateLimit
from ..messages.resilience import Resilience
from ..messages.rule import DestinationPolicy, RuleSet
from ..messages.traffic import TrafficPolicy
from ..routing.upstream import Upstreams
from .hint import did_you_mean
from .problem import Path, ProblemCode, Report

BLOCKS = {
    "balancing": "loadBalancer",
    "fallbacks": "fallbacks",
    "hedge": "hedging",
    "breaker": "circuitBreaker",
    "concurrency": "concurrency",
    "admission": "admission",
    "mirror_diff": "mirrorDiff",
    "detection": "outlierDetection",
}
"""The rule's fields with the document's."""


class Resiliences:
    """All documents that say how calls of a destination are treated, and the routes that there are."""

    def __init__(self) -> None:
        self._policies: list[DestinationPolicy] = []
        self._upstreams: Upstreams | None = None
        self._first: dict[tuple[str, str, str, str], str] = {}
        self._routes: set[str] = set()

    def add(self, rule: object) -> None:
        """Take a rule in."""
        if isinstance(rule, DestinationPolicy):
            self._policies.append(rule)
        elif isinstance(rule, RuleSet):
            self._routes.update(route.name for route in rule.routes if route.name)
        elif isinstance(rule, Resilience):
            for field in BLOCKS:
                if getattr(rule, field) is not None:
                    key = (*_about(rule), field)
                    self._first[key] = min(self._first.get(key, rule.name), rule.name)

    def tell(self, rule: Resilience, report: Report) -> None:
        """Warn of what a Resilience says in vain."""
        said = [field for field in BLOCKS if getattr(rule, field) is not None]
        if not said:
            message, hint = "it says nothing", "blocks: " + ", ".join(BLOCKS.values())
            report.warn(ProblemCode.NO_EFFECT, ("spec",), message, hint)
        for field in said:
            first = self._first[(*_about(rule), field)]
            if first != rule.name:
                block = BLOCKS[field]
                message = f"Resilience {first!r} has a {block} for the same destination, and counts alone"
                hint = f"put it into {first!r}; of two documents the one whose name sorts first counts"
                report.warn(ProblemCode.CONFLICTING_BLOCKS, ("spec", block), message, hint)
        self._hashed(rule, report)
        for place, one in enumerate(rule.fallbacks or ()):
            path: Path = ("spec", "fallbacks", place)
            self._known(one.routes, (*path, "routes"), report)
            if isinstance(one.to, Elsewhere) and (one.to.service, one.to.subset) == (rule.service, rule.subset):
                message = "it asks the same destination once more, as a retry does"
                hint = "name another subset or service"
                report.warn(ProblemCode.NO_EFFECT, (*path, "destination"), message, hint)

    def limits(self, rule: RateLimit, report: Report) -> None:
        """Warn of limits that count the requests of routes that there are none of."""
        for place, limit in enumerate(rule.limits):
            self._known(limit.routes, ("spec", "limits", place, "routes"), report)

    def fault(self, rule: Disruption, now: float, report: Report) -> None:
        """Warn of a fault that is over at `now` (seconds since 1970), or that would last too long."""
        if now and rule.expires and rule.expires <= now:
            message, hint = "it is over: it strikes nothing", "set a later time, or `plait fault add … --for 5m`"
            report.warn(ProblemCode.NO_EFFECT, ("spec", "expires"), message, hint)
        elif now and rule.expires > now + LONGEST:
            message = "it ends on each node after 24 h, whatever stands here"
            report.warn(ProblemCode.NO_EFFECT, ("spec", "expires"), message, "put it in again while it is needed")

    def _hashed(self, rule: Resilience, report: Report) -> None:
        """Warn of ways to treat hashed calls where none are."""
        said = rule.balancing
        if said is None or not (said.rendezvous or said.bound) or self._hashes(rule):
            return
        path: Path = ("spec", "loadBalancer", "algorithm" if said.rendezvous else "boundedLoad")
        message = "no DestinationRule has a consistentHash for this destination: it is about hashed calls alone"
        report.warn(ProblemCode.NO_EFFECT, path, message, "consistentHash: {httpHeaderName: x-user}")

    def _hashes(self, rule: Resilience) -> bool:
        if self._upstreams is None:
            self._upstreams = Upstreams(self._policies)
        found = self._policies if "*" in rule.service else self._upstreams.rules(rule.service)
        return any(one.hash for policy in found for one in _policies(policy))

    def _known(self, routes: Iterable[str], path: Path, report: Report) -> None:
        for place, name in enumerate(routes):
            if name not in self._routes:
                hint = did_you_mean(name, self._routes)
                report.warn(ProblemCode.NO_EFFECT, (*path, place), f"no VirtualService names a route {name!r}", hint)


def _about(rule: Resilience) -> tuple[str, str, str]:
    return rule.name.partition("/")[0], rule.service, rule.subset


def _policies(rule: DestinationPolicy) -> Iterable[TrafficPolicy]:
    """All that a destination policy says, of whichever subset and port."""
    yield rule.policy
    for _, policy in rule.ports:
        yield policy
    for subset in rule.subsets:
        if subset.policy is not None:
            yield subset.policy
        for _, policy in subset.ports:
            yield policy
