"""VirtualService → RuleSet: its meaning checked, its defaults filled in."""

from msgspec import UNSET

from ..messages.rule import Destination, RouteRule, RuleSet
from .hostname import (
    check_host,
    destination_port,
    destination_service,
    gateway_name,
    is_label,
    is_subdomain,
    rule_host,
)
from .istio_virtual_service import Delegate, HTTPRoute, VirtualService
from .problem import Path, ProblemCode, Report
from .translate_cors import route_cors
from .translate_fault import injected
from .translate_headers import header_changes
from .translate_match import route_match
from .translate_mirror import route_mirrors
from .translate_retry import retry_policy
from .translate_route_action import check_alone, check_authorities, route_answer, route_redirect, route_rewrite


def virtual_service(spec: VirtualService, namespace: str, name: str, report: Report) -> RuleSet:
    """Return the rule set of a VirtualService; it is complete where nothing was refused."""
    root: Path = ("spec",)
    gateways = _gateways(spec, namespace, report) if spec.hosts else ()
    in_mesh = "mesh" in gateways
    if not spec.hosts:
        _check_delegate(spec, report)
    if not spec.http:
        report.missing((*root, "http"), "a VirtualService needs at least one http route")
    hosts: list[str] = []
    for place, host in enumerate(spec.hosts):
        where = (*root, "hosts", place)
        if not check_host(host, where, report):
            continue
        full = rule_host(host, namespace, in_mesh)
        if full == "*" and in_mesh:
            hint = "name a gateway in spec.gateways, or a narrower host"
            report.refuse(ProblemCode.INVALID_VALUE, where, "host '*' is not allowed inside the mesh", hint)
        elif full in hosts:
            report.refuse(ProblemCode.INVALID_VALUE, where, f"host {host!r} stands here twice")
        hosts.append(full)
    routes = tuple(
        _route(one, namespace, gateways, (*root, "http", place), report) for place, one in enumerate(spec.http)
    )
    return RuleSet(f"{namespace}/{name}", tuple(hosts), gateways, routes)


def _gateways(spec: VirtualService, namespace: str, report: Report) -> tuple[str, ...]:
    if spec.gateways is UNSET or not spec.gateways:
        return ("mesh",)
    names = (
        gateway_name(one, namespace, ("spec", "gateways", place), report) for place, one in enumerate(spec.gateways)
    )
    return tuple(dict.fromkeys(names))


def _route(route: HTTPRoute, namespace: str, bound: tuple[str, ...], path: Path, report: Report) -> RouteRule:
    delegate = ""
    if route.delegate is not UNSET:
        delegate = _delegate(route, route.delegate, namespace, path, report)
    elif route.redirect is not UNSET or route.direct_response is not UNSET:
        check_alone(route, path, report)
    elif not route.route:
        report.missing((*path, "route"), "a route needs at least one destination")
    destinations: list[Destination] = []
    for place, one in enumerate(route.route):
        where = (*path, "route", place)
        if one.destination is UNSET:
            report.missing((*where, "destination"), "a route's entry needs a destination")
            continue
        goal = one.destination
        service = destination_service(goal.host, namespace, (*where, "destination", "host"), report)
        port = destination_port(goal.port, (*where, "destination", "port"), report)
        sent, got = header_changes(one.headers, (*where, "headers"), report)
        destinations.append(Destination(service, goal.subset, one.weight, port, sent, got))
    if len(route.route) > 1 and not sum(one.weight for one in route.route):
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "route"), "total destination weight = 0")
    matches = tuple(
        route_match(one, namespace, bound, (*path, "match", place), report) for place, one in enumerate(route.match)
    )
    check_authorities(route, path, report)
    request_headers, response_headers = header_changes(route.headers, (*path, "headers"), report)
    return RouteRule(
        name=route.name,
        matches=matches,
        destinations=tuple(destinations),
        timeout=None if route.timeout is UNSET else float(route.timeout),
        retries=retry_policy(route.retries, (*path, "retries"), report),
        fault=injected(route.fault, (*path, "fault"), report),
        rewrite=route_rewrite(route.rewrite, (*path, "rewrite"), report),
        redirect=route_redirect(route.redirect, matches, (*path, "redirect"), report),
        direct=route_answer(route.direct_response, (*path, "directResponse"), report),
        request_headers=request_headers,
        response_headers=response_headers,
        mirrors=route_mirrors(route, namespace, path, report),
        cors=route_cors(route.cors_policy, (*path, "corsPolicy"), report),
        delegate=delegate,
    )


def _check_delegate(spec: VirtualService, report: Report) -> None:
    """Without hosts it is a delegate: it holds where those that name it hold, and hands nothing on itself."""
    if spec.gateways is not UNSET and spec.gateways:
        message = "a VirtualService without hosts is a delegate: it holds at the gateways of those that name it"
        report.refuse(ProblemCode.INVALID_VALUE, ("spec", "gateways"), message, "add hosts, or take gateways out")
    for place, one in enumerate(spec.http):
        if one.delegate is not UNSET:
            message = "a delegate hands nothing on: there is one level of delegation"
            report.refuse(ProblemCode.INVALID_VALUE, ("spec", "http", place, "delegate"), message)


def _delegate(route: HTTPRoute, delegate: Delegate, namespace: str, path: Path, report: Report) -> str:
    excluded = {
        "route": bool(route.route),
        "redirect": route.redirect is not UNSET,
        "directResponse": route.direct_response is not UNSET,
    }
    for field, given in excluded.items():
        if given:
            report.refuse(ProblemCode.INVALID_VALUE, (*path, field), f"delegate and {field} exclude each other")
    where = (*path, "delegate")
    space = delegate.namespace or namespace
    if not delegate.name:
        report.missing((*where, "name"), "a delegate needs a name")
    elif not is_subdomain(delegate.name) or not is_label(space):
        report.refuse(ProblemCode.INVALID_VALUE, where, f"{space[:64]}/{delegate.name[:64]} names no VirtualService")
    return f"{space}/{delegate.name}"
