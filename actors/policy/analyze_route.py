"""Findings about routes: those that no request reaches, and those that hold for the mesh alone."""

from collections.abc import Mapping

from ..messages.name import host_of
from ..messages.rule import DestinationPolicy, RouteRule, RuleSet
from ..routing.route import MESH
from .problem import Path, ProblemCode, Report
from .shadow import Shadow, shadows


def unreachable(rules: RuleSet, report: Report) -> None:
    """Warn of routes that no request reaches, and tell of single matches that take nothing."""
    dead: dict[int, list[Shadow]] = {}
    for one in shadows(rules):
        dead.setdefault(one.route, []).append(one)
    for number, found in dead.items():
        route = rules.routes[number]
        path: Path = ("spec", "http", number)
        if len(found) >= len(route.matches):
            by = sorted({one.by_route for one in found})
            words = _named("route", by) if by != [number] else "its own earlier match"
            message = f"no request reaches {_title(route, number)}: {words} takes all that it could"
            report.warn(ProblemCode.UNREACHABLE, path, message, "put the narrower route first, or take this one out")
            continue
        for one in found:
            by_match = f"match {one.by_match} of " if one.by_match >= 0 else ""
            message = f"{by_match}route {one.by_route} takes all that this match could"
            report.warn(ProblemCode.INEFFECTIVE_MATCH, (*path, "match", one.match), message)


def _named(what: str, numbers: list[int]) -> str:
    return f"{what} {', '.join(map(str, numbers))}"


def _title(route: RouteRule, number: int) -> str:
    return f"route {number} ({route.name})" if route.name else f"route {number}"


class MeshOnly:
    """The rule sets that say something for calls inside the mesh alone, by service."""

    def __init__(self) -> None:
        self._sets: dict[str, RuleSet] = {}
        self._subsets: dict[str, int] = {}

    def add(self, rules: RuleSet) -> None:
        """Take a rule set in."""
        if set(rules.gateways) == {MESH}:
            for host in rules.hosts:
                self._sets.setdefault(host, rules)

    def count(self, policy: DestinationPolicy) -> None:
        """Take a destination policy in."""
        self._subsets[policy.service] = len(policy.subsets)

    def tell(self, rules: RuleSet, report: Report) -> None:
        """Tell where a gateway's rule set leads straight to a service whose rules do not hold for it."""
        if MESH in rules.gateways or not rules.hosts:
            return
        for number, route in enumerate(rules.routes):
            for place, goal in enumerate(route.destinations):
                other = self._sets.get(host_of(goal.service))
                if other is None or goal.subset or not any(_says(one, self._subsets) for one in other.routes):
                    continue
                path: Path = ("spec", "http", number, "route", place, "destination", "host")
                message = (
                    f"VirtualService {other.name!r} holds inside the mesh alone: requests that come from the gateway"
                    f" to {goal.service!r} do not follow it"
                )
                hint = "add the gateway to its spec.gateways (beside mesh), or write its routes here"
                report.warn(ProblemCode.NOT_FOR_INGRESS, path, message, hint)


def _says(route: RouteRule, subsets: Mapping[str, int]) -> bool:
    """Whether a route does more than send everything to all of a service."""
    return (
        len(route.destinations) > 1
        or any(one.subset and subsets.get(one.service, 0) > 1 for one in route.destinations)
        or bool(route.matches or route.mirrors)
        or any(one is not None for one in (route.fault, route.timeout, route.retries, route.rewrite))
        or any(one is not None for one in (route.redirect, route.direct, route.request_headers, route.response_headers))
    )
