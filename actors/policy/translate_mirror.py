"""A route's mirrors, in both forms that Istio has: checked, and put in the rules' words."""

from msgspec import UNSET, UnsetType

from ..messages.rule import Mirror
from .hostname import destination_port, destination_service
from .istio_virtual_service import Destination, HTTPRoute, Percent
from .problem import Path, ProblemCode, Report
from .translate_fault import check_share


def route_mirrors(route: HTTPRoute, namespace: str, path: Path, report: Report) -> tuple[Mirror, ...]:
    """Return where copies of a route's requests go; a share that is not given is all of them, an explicit 0 none."""
    if route.mirror is UNSET:
        for field, given in (
            ("mirrorPercentage", route.mirror_percentage is not UNSET),
            ("mirrorPercent", route.mirror_percent is not UNSET),
        ):
            if given:
                hint = "mirrors has its percentage in each entry" if route.mirrors is not UNSET else "add the mirror"
                report.warn(ProblemCode.NO_EFFECT, (*path, field), f"{field} says nothing without mirror", hint)
    elif route.mirrors:
        message = "mirror and mirrors exclude each other"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "mirrors"), message, "move the mirror into mirrors")
    if (route.redirect is not UNSET or route.direct_response is not UNSET) and (
        route.mirror is not UNSET or route.mirrors
    ):
        field = "mirrors" if route.mirror is UNSET else "mirror"
        report.warn(ProblemCode.NO_EFFECT, (*path, field), "what the route answers by itself is not copied")
    found: list[Mirror] = []
    if route.mirror is not UNSET:
        found.append(_mirror(route.mirror, _share(route, path, report), namespace, (*path, "mirror"), report))
    for place, one in enumerate(() if route.mirrors is UNSET else route.mirrors):
        where = (*path, "mirrors", place)
        if one.destination is UNSET:
            report.missing((*where, "destination"), "a mirror needs a destination")
            continue
        share = _percent(one.percentage, (*where, "percentage"), report)
        found.append(_mirror(one.destination, share, namespace, (*where, "destination"), report))
    return tuple(found)


def _share(route: HTTPRoute, path: Path, report: Report) -> float:
    if route.mirror_percent is not UNSET:
        where = (*path, "mirrorPercent")
        if route.mirror_percentage is not UNSET:
            report.warn(ProblemCode.NO_EFFECT, where, "mirrorPercent says nothing beside mirrorPercentage")
        else:
            hint = f"write mirrorPercentage: {{value: {route.mirror_percent}}}"
            report.warn(ProblemCode.DEPRECATED, where, "mirrorPercent is deprecated", hint)
            return float(route.mirror_percent)
    return _percent(route.mirror_percentage, (*path, "mirrorPercentage"), report)


def _percent(percentage: Percent | UnsetType, path: Path, report: Report) -> float:
    if percentage is UNSET:
        return 100.0
    if percentage.value is UNSET:
        report.warn(ProblemCode.NO_EFFECT, path, "a percentage without a value is 0: nothing is copied", "add a value")
        return 0.0
    check_share(percentage.value, (*path, "value"), report)
    return percentage.value


def _mirror(goal: Destination, percent: float, namespace: str, path: Path, report: Report) -> Mirror:
    service = destination_service(goal.host, namespace, (*path, "host"), report)
    port = destination_port(goal.port, (*path, "port"), report)
    return Mirror(service, goal.subset, percent, port)
