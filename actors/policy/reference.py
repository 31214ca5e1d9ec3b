"""What documents say about each other: subsets and gateways that they name, services that two documents claim."""

from collections.abc import Collection, Iterable, Mapping

from ..loop.slice import Steps
from ..messages.disruption import Disruption
from ..messages.rule import DestinationPolicy, GatewayPolicy, Rule, RuleSet
from ..routing.route import MESH
from ..routing.upstream import Upstreams
from . import reference_outside
from .hint import did_you_mean
from .problem import Path, Problem, ProblemCode, Report
from .reference_goals import goals
from .reference_outside import Outside
from .scene import Scene


def check_references(scene: Scene, before: Mapping[str, Rule], removed: Collection[str]) -> Steps[list[Problem]]:
    """Return what would dangle or clash, told at the document that a user has to change.

    Rules that were in force are looked at again only where something they name was taken away; what they missed before
    is not held against this bundle. Rests now and then.
    """
    problems = yield from _claims(scene)
    problems += reference_outside.claims(scene)
    services = Upstreams(rule for rule in scene.after.values() if isinstance(rule, DestinationPolicy))
    gateways = {rule.name for rule in scene.after.values() if isinstance(rule, GatewayPolicy)}
    outside, had_outside = Outside(scene.after.values()), Outside(before.values())
    had = Upstreams(rule for rule in before.values() if isinstance(rule, DestinationPolicy))
    had_gateways = {rule.name for rule in before.values() if isinstance(rule, GatewayPolicy)}
    shrunk = bool(
        _subsets(before.values()) - _subsets(scene.after.values())
        or had_gateways - gateways
        or reference_outside.hosts(before) - reference_outside.hosts(scene.after)
    )
    guess = not any(key.startswith(("DestinationRule/", "#")) for key in scene.unsound)
    guess_outside = not any(key.startswith(("ServiceEntry/", "#")) for key in scene.unsound)
    guess_gateways = not any(key.startswith(("Gateway/", "#")) for key in scene.unsound)
    for key, rule in scene.after.items():
        # A fault in force holds nobody up: it ends by itself, and is often over.
        if key not in scene.sources and (not shrunk or isinstance(rule, Disruption)):
            continue
        yield
        report = scene.report(key)
        if guess_outside:
            _check_outside(scene, key, rule, outside, report)
        if guess:
            _check_subsets(scene, key, rule, services, report)
        if isinstance(rule, RuleSet) and guess_gateways:
            _check_gateways(rule, gateways, report)
        if key in scene.sources:
            problems += report.problems
        elif report.problems:
            earlier = scene.report(key)
            _check_outside(scene, key, rule, had_outside, earlier)
            _check_subsets(scene, key, rule, had, earlier)
            if isinstance(rule, RuleSet):
                _check_gateways(rule, had_gateways, earlier)
            known = {(problem.code, problem.path) for problem in earlier.problems}
            new = [problem for problem in report.problems if (problem.code, problem.path) not in known]
            problems += [_blame(scene, removed, problem) for problem in new]
    return problems


def _claims(scene: Scene) -> Steps[list[Problem]]:
    """The problems of hosts that two destination policies of one namespace claim for the same callers."""
    problems: list[Problem] = []
    owners: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[tuple[str, DestinationPolicy]]] = {}
    incoming = [key for key in scene.after if key in scene.sources]
    for number, key in enumerate([*(key for key in scene.after if key not in scene.sources), *incoming]):
        if number % 256 == 255:
            yield
        rule = scene.after[key]
        if not isinstance(rule, DestinationPolicy):
            continue
        place = (rule.name.partition("/")[0], rule.service, tuple(sorted(rule.callers.items())))
        others = owners.setdefault(place, [])
        other = next((name for name, one in others if _overlap(one.export_to, rule.export_to)), "")
        others.append((key, rule))
        if not other or key not in scene.sources:
            continue
        report = scene.report(key)
        message = f"{other} has the same host: two DestinationRules for one service are not merged"
        report.refuse(ProblemCode.DUPLICATE_HOST, ("spec", "host"), message, f"put its subsets into {other}")
        problems += report.problems
    return problems


def _overlap(one: Collection[str], other: Collection[str]) -> bool:
    """Whether some namespace sees both."""
    return not one or not other or any(space in other for space in one)


def _subsets(rules: Iterable[Rule]) -> set[tuple[str, str]]:
    return {(rule.service, one.name) for rule in rules if isinstance(rule, DestinationPolicy) for one in rule.subsets}


def _check_outside(scene: Scene, key: str, rule: Rule, outside: Outside, report: Report) -> None:
    if isinstance(rule, DestinationPolicy):
        outside.policy(rule, report)
        return
    for path, goal in goals(scene, key, rule):
        outside.goal(goal, path, report)


def _check_subsets(scene: Scene, key: str, rule: Rule, services: Upstreams, report: Report) -> None:
    for where, goal in goals(scene, key, rule):
        if not goal.subset:
            continue
        names = services.subsets(goal.service)
        if goal.subset not in names:
            path: Path = (*where, "subset")
            message = f"no DestinationRule defines subset {goal.subset!r} of service {goal.service!r}"
            hint = did_you_mean(goal.subset, names) or ("subsets: " + ", ".join(names) if names else "")
            report.refuse(ProblemCode.UNKNOWN_SUBSET, path, message, hint)


def _check_gateways(rule: RuleSet, gateways: set[str], report: Report) -> None:
    for place, name in enumerate(rule.gateways):
        if name != MESH and name not in gateways:
            message = f"there is no Gateway {name!r}"
            hint = did_you_mean(name, gateways)
            report.refuse(ProblemCode.UNKNOWN_GATEWAY, ("spec", "gateways", place), message, hint)


def _blame(scene: Scene, removed: Collection[str], problem: Problem) -> Problem:
    """A rule in force would dangle: the fault is the bundle's, not its own."""
    takers = list(removed) or [key for key in scene.sources if not key.startswith("VirtualService/")]
    document = takers[0] if len(takers) == 1 else problem.document
    message = f"{problem.document} ({problem.path}) still names what this takes away: {problem.message}"
    return Problem(problem.code, document, "$", _start(scene, document), message, problem.hint)


def _start(scene: Scene, key: str) -> int:
    source = scene.sources.get(key)
    return source.line(()) if source is not None else 0
