"""One rule set made ready for one place (the mesh or a gateway): clauses to test, and where each of them leads."""

from collections.abc import Callable, Generator
from typing import NamedTuple

from ..messages.rule import (
    Destination,
    Fault,
    MatchKind,
    Redirect,
    RetryPolicy,
    RouteMatch,
    RouteRule,
    RuleSet,
    StringMatch,
)
from ..messages.traffic import TrafficPolicy
from .action import Action, compile_action
from .matcher import Condition, Test, conditions
from .upstream import Upstream

MESH = "mesh"
"""The place of calls between services; every other place is a gateway's `namespace/name`."""

ANYTHING = RouteMatch()

NOWHERE = (Destination(""),)
"""Where a route leads that answers by itself."""


class BadRule(ValueError):
    """A rule that the policy engine would have refused: it cannot be compiled."""


Target = tuple[
    str, str, int, str, str, int | None, float | None, RetryPolicy | None, Fault | None, Upstream, Action | None
]  # a Decision's fields without the revision, in its order


Find = Callable[[str, str, int | None], Upstream]
"""(service, subset, port) → the upstream."""


class Route:
    """One route with its destinations, ready to be drawn from."""

    __slots__ = ("edges", "index", "name", "only", "rule_set", "targets", "total")

    def __init__(
        self,
        rule_set: str,
        index: int,
        rule: RouteRule,
        upstream: Find,
        match: RouteMatch = ANYTHING,
    ) -> None:
        if rule.delegate:
            rule_set = f"{rule_set} {rule.delegate}"
        self.rule_set = rule_set
        self.index = index
        self.name = rule.name
        fault = rule.fault
        if (
            fault is not None
            and not (fault.delay and fault.delay_percent)
            and not (fault.abort_status and fault.abort_percent)
        ):
            fault = None
        answers = rule.redirect is not None or rule.direct is not None
        shares = NOWHERE if answers else rule.destinations
        if len(shares) > 1:
            shares = tuple(one for one in shares if one.weight > 0)
        if not shares:
            raise BadRule(f"{rule_set}: route {index} leads nowhere")
        self.targets: tuple[Target, ...] = tuple(
            (
                rule_set,
                rule.name,
                index,
                one.service,
                one.subset,
                one.port,
                rule.timeout,
                rule.retries,
                fault,
                upstream(one.service, one.subset, one.port),
                compile_action(rule, match, one, upstream),
            )
            for one in shares
        )
        self.only = self.targets[0] if len(self.targets) == 1 else None
        edges: list[int] = []
        for one in shares:
            edges.append((edges[-1] if edges else 0) + one.weight)
        self.edges = tuple(edges)
        self.total = edges[-1]

    def draw(self, draw: Callable[[], float]) -> Target:
        """Return the destination of one request; `draw` gives a number in [0, 1) and is asked only where there is a
        choice."""
        if self.only is not None:
            return self.only
        point = draw() * self.total
        for edge, target in zip(self.edges, self.targets, strict=True):
            if point < edge:
                return target
        return self.targets[-1]


class Clause:
    """One match of one route: tests that must all hold, and the route they lead to."""

    __slots__ = ("catch_all", "conditions", "match", "number", "route", "template", "tests")

    def __init__(self, route: Route, number: int, match: RouteMatch, unnamed: int | None = None) -> None:
        self.route = route
        self.number = number
        """Which of the route's matches; -1 where it has none."""
        self.match = match
        self.conditions: tuple[Condition, ...] = conditions(match, unnamed)
        self.tests: tuple[Test, ...] = tuple(one.test for one in self.conditions)
        uri = match.uri
        self.template = "" if uri is None else uri.value + ("*" if uri.kind is MatchKind.PREFIX else "")
        """Which paths it takes, in short; empty where it takes all."""
        anywhere = uri is None or (uri.kind.name == "PREFIX" and uri.value in ("", "/"))
        self.catch_all = anywhere and len(self.tests) == (uri is not None)


def _to_https() -> Clause:
    rule = RouteRule("to-https", redirect=Redirect(scheme="https"))
    route = Route("", -1, rule, lambda service, subset, port: Upstream(service, subset, {}, TrafficPolicy()))
    return Clause(route, -1, RouteMatch(scheme=StringMatch(MatchKind.EXACT, "http")))


TO_HTTPS = _to_https()
"""Stands before all others where a server of a gateway asks for HTTPS."""


class Prepared(NamedTuple):
    """A rule set's clauses at one place, with what they were made from (so that a later table may take them over)."""

    rule_set: RuleSet
    upstreams: tuple[Upstream, ...]
    clauses: tuple[Clause, ...]
    unnamed: int | None


def prepare(
    rule_set: RuleSet, place: str, upstream: Find, unnamed: int | None = None
) -> Generator[None, None, Prepared]:
    """Return the clauses of `rule_set` that count at `place`, in order; yields where the work may rest.

    `unnamed` is the port of requests that name none.

    Raises:
        BadPattern: one of its regexes is no RE2.
        BadRule: one of its routes leads nowhere.
    """
    clauses: list[Clause] = []
    used: list[Upstream] = []

    def note(service: str, subset: str, port: int | None) -> Upstream:
        used.append(upstream(service, subset, port))
        return used[-1]

    for index, rule in enumerate(rule_set.routes):
        here = [(n, one) for n, one in enumerate(rule.matches) if not one.gateways or place in one.gateways]
        if rule.matches and not here:
            continue
        route: Route | None = None
        for number, match in here or [(-1, ANYTHING)]:
            if route is None or _by_match(rule):
                route = Route(rule_set.name, index, rule, note, match)
            clauses.append(Clause(route, number, match, unnamed))
        yield
    return Prepared(rule_set, tuple(used), tuple(clauses), unnamed)


def _by_match(rule: RouteRule) -> bool:
    """Whether what the route does differs by which of its matches has taken the request: it replaces their
    prefix, or counts by their names."""
    return (
        (rule.rewrite is not None and rule.rewrite.uri is not None)
        or (rule.redirect is not None and rule.redirect.prefix_rewrite is not None)
        or any(match.stat_prefix for match in rule.matches)
    )
