"""The one decision: a request and a table go in, where it goes and how comes out. Pure; chance is an argument.

The gateway, the proxy and `plait explain` all ask this function: an explanation cannot differ from the data path.
"""

from collections.abc import Callable

import msgspec

from ..messages.error import NoRoute, UnknownSubset
from ..messages.name import host_of, is_outside
from ..messages.rule import Fault, RetryPolicy
from .action import Action
from .host import HostRoutes
from .route import Clause
from .table import RouteTable
from .upstream import Upstream
from .view import RequestView

__all__ = ["Decision", "Reason", "Upstream", "decide"]


class Decision(msgspec.Struct, frozen=True, gc=False):
    """Where a request goes and by which rules."""

    rule_set: str
    """`namespace/name`; empty where no rule set names the service. With a delegate, that and its route behind it."""
    route: str
    """The route's name, empty where it has none."""
    index: int
    """The route's place in its rule set; -1 without a rule set."""
    service: str
    """Empty where the route answers by itself."""
    subset: str
    """Empty means all instances."""
    port: int | None
    timeout: float | None
    """Seconds; None where the route sets none, 0 where it turns the limit off."""
    retries: RetryPolicy | None
    """None means the mesh's default; `attempts` 0 means none."""
    fault: Fault | None
    upstream: Upstream
    """The subset's labels and how its instances are used."""
    action: Action | None
    """What is done to the request and its answer besides; None for nothing."""
    revision: int
    template: str = ""
    """The pattern of paths that took it, such as `/api/*`: of few values, as names of spans and metrics have to be."""

    @property
    def title(self) -> str:
        """The route in lists and metrics: `default/reviews#canary`, or with its place; empty without a rule set."""
        return f"{self.rule_set}#{self.route or self.index}" if self.rule_set else ""


class Reason(msgspec.Struct, frozen=True):
    """One step of a decision, in words."""

    rule_set: str
    route: str
    index: int
    match: int
    """Which of the route's matches; -1 where it has none."""
    text: str
    """The first condition that failed, or what was decided."""
    taken: bool = False


def decide(
    table: RouteTable, view: RequestView, draw: Callable[[], float], reasons: list[Reason] | None = None
) -> Decision:
    """Return the decision for one request; `draw` gives numbers in [0, 1) and is asked at most once.

    With `reasons`, what ruled out each earlier route is appended to it; the decision is the same.

    Raises:
        NoRoute: no rule matches. Inside the mesh a service without a rule set always has its implicit route; a host
            outside has one where a ServiceEntry names it.
        UnknownSubset: the chosen destination names a subset that nothing defines.
    """
    place = view.gateway
    if place:
        routes = table.at(place, view.port).find(view.authority)
    else:
        routes = table.of_service(view.service, view.source_namespace if table.limited else "")
    if routes is None:
        if place:
            if reasons is not None:
                reasons.append(_note(f"no rule set serves host {view.authority!r} at gateway {place!r}"))
            raise NoRoute(f"no route for host {view.authority!r}")
        if reasons is not None:
            _explain_implicit(table, view, reasons)
        if is_outside(view.service) and view.service not in table.upstream.outside:
            raise NoRoute(f"{host_of(view.service)} is no service of the mesh, and no ServiceEntry names it")
        name, goal = view.service, table.upstream(view.service, "", view.port)
        if goal.choices:
            goal = goal.for_caller(view.source_namespace, view.source_labels)
        return Decision("", "", -1, name, "", None, None, None, None, goal, None, table.revision)
    clause = routes.first(view) if reasons is None else _first_with_reasons(routes, view, reasons)
    if clause is None:
        raise NoRoute(f"no route matches {view.method} {view.authority}{view.path}")
    route = clause.route
    target = route.only or route.draw(draw)
    drawn = target[9]
    if drawn.choices:
        target = (*target[:9], drawn.for_caller(view.source_namespace, view.source_labels), target[10])
    if not target[9].known:
        caller = f" for callers of namespace {view.source_namespace!r}" if drawn.choices else ""
        raise UnknownSubset(f"no DestinationRule defines subset {target[4]!r} of {target[3]!r}{caller}")
    if reasons is not None and route.only is None:
        reasons.append(_drawn(clause, drawn))
    if reasons is not None and drawn.choices:
        text = f"destination policy: {target[9].owner or 'none'}, for namespace {view.source_namespace!r}"
        reasons.append(Reason(target[0], target[1], target[2], clause.number, text, taken=True))
    action = target[10]
    if reasons is not None and action is not None:
        reasons.append(Reason(target[0], target[1], target[2], clause.number, action.wording(view), taken=True))
    return Decision(*target, table.revision, clause.template)


def _first_with_reasons(routes: HostRoutes, view: RequestView, reasons: list[Reason]) -> Clause | None:
    """The same clause as `routes.first`, found without the index so that every earlier one can say why it was not."""
    for clause in routes.clauses:
        route = clause.route
        for condition in clause.conditions:
            if not condition.test(view):
                text, taken = condition.failure(view), False
                break
        else:
            text, taken = "matches" if clause.tests else "matches everything", True
        reasons.append(Reason(route.rule_set, route.name, route.index, clause.number, text, taken))
        if taken:
            return clause
    return None


def _explain_implicit(table: RouteTable, view: RequestView, reasons: list[Reason]) -> None:
    service = view.service
    hidden = f"is not exported to the caller's namespace {view.source_namespace!r}"
    reasons.extend(Reason(name, "", -1, -1, hidden) for name in table.limited.get(service, ()))
    text = "is bound to gateways only, it does not hold inside the mesh"
    reasons.extend(Reason(name, "", -1, -1, text) for name in table.bound.get(service, ()))
    reasons.append(_note(f"no rule set names service {service!r}: all of its instances", taken=True))


def _note(text: str, taken: bool = False) -> Reason:
    return Reason("", "", -1, -1, text, taken)


def _drawn(clause: Clause, chosen: Upstream) -> Reason:
    route = clause.route
    before = 0
    for edge, target in zip(route.edges, route.targets, strict=True):
        if target[9] is chosen:
            share = 100 * (edge - before) / route.total
            name = f"{chosen.service} {chosen.subset}".rstrip()
            text = f"drawn: {name}, with a share of {share:g} %"
            return Reason(route.rule_set, route.name, route.index, clause.number, text, taken=True)
        before = edge
    return _note("drawn", taken=True)
