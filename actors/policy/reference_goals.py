"""What a rule leads to or is about: services, subsets and ports that it names, with their places in its document."""

from collections.abc import Iterator
from typing import NamedTuple

from ..messages.disruption import Disruption
from ..messages.fallback import Elsewhere
from ..messages.rate_limit import RateLimit
from ..messages.resilience import Resilience
from ..messages.rule import Rule, RuleSet
from .problem import Path
from .scene import Scene


class Goal(NamedTuple):
    """A service or a subset of it that a rule names."""

    service: str
    """Its token; never a wildcard."""
    subset: str
    port: int | None = None


def goals(scene: Scene, key: str, rule: Rule) -> Iterator[tuple[Path, Goal]]:
    """Return all that a rule names, with the place of the mapping that has `host` and `subset` in it."""
    if isinstance(rule, RuleSet):
        yield from _routes(scene, key, rule)
    elif isinstance(rule, Resilience | RateLimit | Disruption):
        if rule.service and "*" not in rule.service:
            yield ("spec",), Goal(rule.service, rule.subset)
        if isinstance(rule, Resilience):
            for place, one in enumerate(rule.fallbacks or ()):
                if isinstance(one.to, Elsewhere):
                    to = one.to
                    yield ("spec", "fallbacks", place, "destination"), Goal(to.service, to.subset, to.port)
        elif isinstance(rule, Disruption) and rule.source and "*" not in rule.source:
            yield ("spec", "source"), Goal(rule.source, "")


def _routes(scene: Scene, key: str, rules: RuleSet) -> Iterator[tuple[Path, Goal]]:
    for index, route in enumerate(rules.routes):
        root: Path = ("spec", "http", index)
        for place, goal in enumerate(route.destinations):
            yield (*root, "route", place, "destination"), Goal(goal.service, goal.subset, goal.port)
        for place, copy in enumerate(route.mirrors):
            yield (*root, *scene.mirror(key, index, place)), Goal(copy.service, copy.subset, copy.port)
