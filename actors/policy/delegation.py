"""Delegates named by routes: they have to be there, to be delegates, to be visible, and to match what they are handed.

Istio drops such a route without a word; here the bundle is refused, whichever of the two documents it changes.
"""

from collections.abc import Collection, Mapping

from ..loop.slice import Steps
from ..messages.rule import RouteRule, RuleSet
from ..routing.delegate import Clash, merge
from .hint import did_you_mean
from .problem import Path, Problem, ProblemCode, Report
from .scene import Scene

KIND = "VirtualService/"


def check_delegates(scene: Scene, removed: Collection[str]) -> Steps[list[Problem]]:
    """Return what is wrong with delegates after the bundle, told at the document that a user has to change; rests."""
    sets = {rule.name: rule for rule in scene.after.values() if isinstance(rule, RuleSet)}
    problems: list[Problem] = []
    for name, root in sets.items():
        yield
        key = KIND + name
        for place, rule in enumerate(root.routes):
            target = KIND + rule.delegate
            touched = key in scene.sources or target in scene.sources or target in removed
            if not rule.delegate or not touched or target in scene.unsound:
                continue
            message, hint = _wrong(root, rule, sets)
            if not message:
                continue
            path: Path = ("spec", "http", place, "delegate")
            told = key if key in scene.sources else target
            report = scene.report(told)
            if told == target:
                path, message = (), f"{key} (http[{place}]) names this as its delegate, and {message}"
            report.refuse(ProblemCode.UNKNOWN_DELEGATE, path, message, hint)
            problems += report.problems
    return problems


class Delegates:
    """The delegates that some route names."""

    def __init__(self) -> None:
        self._named: set[str] = set()

    def add(self, rules: RuleSet) -> None:
        """Take a rule set in."""
        self._named.update(route.delegate for route in rules.routes if route.delegate)

    def tell(self, rules: RuleSet, report: Report) -> None:
        """Warn of a rule set without hosts that no other one names."""
        if not rules.hosts and rules.name not in self._named:
            message = "without hosts it is a delegate, and no VirtualService in force names it"
            report.warn(ProblemCode.NO_EFFECT, ("spec",), message, "add its hosts, or a delegate to another one")


def _wrong(root: RuleSet, rule: RouteRule, sets: Mapping[str, RuleSet]) -> tuple[str, str]:
    """What is wrong with one delegate, and a hint; nothing where it is sound."""
    name = rule.delegate
    target = sets.get(name)
    if target is None:
        return f"there is no VirtualService {name!r}", did_you_mean(
            name, [one.name for one in sets.values() if not one.hosts]
        )
    if target.hosts:
        return f"VirtualService {name!r} is no delegate: it has hosts of its own", "take its hosts and gateways out"
    if target.export_to and root.name.partition("/")[0] not in target.export_to:
        return f"VirtualService {name!r} is not exported to the namespace of {root.name!r}", "widen its exportTo"
    for place, one in enumerate(target.routes):
        try:
            merge(rule, one)
        except Clash as clash:
            return f"route {place} of {name!r} can never be reached: {clash}", "delegates narrow what they are handed"
    return "", ""
