"""VirtualService → RuleSet: its meaning checked, its defaults filled in."""

from msgspec import UNSET, UnsetType

from ..messages.rule import Destination, Fault, RetryPolicy, RouteRule, RuleSet
from .hint import did_you_mean
from .hostname import check_host, destination_service, gateway_name, rule_host
from .istio_virtual_service import HTTPFaultInjection, HTTPRetry, HTTPRoute, Percent, VirtualService
from .problem import Path, ProblemCode, Report
from .translate_headers import header_changes
from .translate_match import route_match
from .translate_route_action import check_alone, route_answer, route_cors, route_redirect, route_rewrite

RETRY_ON = frozenset(
    {"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "refused-stream"}
    | {"retriable-4xx", "retriable-status-codes", "retriable-headers", "envoy-ratelimited"}
    | {"http3-post-connect-failure"}
    | {"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"}  # gRPC's
)
"""Conditions of `retryOn`; status codes may stand beside them."""


def virtual_service(spec: VirtualService, namespace: str, name: str, report: Report) -> RuleSet:
    """Return the rule set of a VirtualService; it is complete where nothing was refused."""
    root: Path = ("spec",)
    gateways = _gateways(spec, namespace, report)
    in_mesh = "mesh" in gateways
    if not spec.hosts:
        report.missing((*root, "hosts"), "a VirtualService needs at least one host")
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
        elif in_mesh and not full.endswith(".svc.cluster.local"):
            message = f"{host!r} is no service of the mesh: the rule has no effect on calls between services"
            report.warn(ProblemCode.NO_EFFECT, where, message)
        hosts.append(full)
    routes = tuple(
        _route(one, namespace, gateways, (*root, "http", place), report) for place, one in enumerate(spec.http)
    )
    for place, one in enumerate(spec.http[:-1]):
        if not one.match:
            message = f"route {place} matches everything: the routes after it are never reached"
            report.warn(ProblemCode.UNREACHABLE, (*root, "http", place + 1), message)
            break
    return RuleSet(f"{namespace}/{name}", tuple(hosts), gateways, routes)


def _gateways(spec: VirtualService, namespace: str, report: Report) -> tuple[str, ...]:
    if spec.gateways is UNSET or not spec.gateways:
        return ("mesh",)
    names = (
        gateway_name(one, namespace, ("spec", "gateways", place), report) for place, one in enumerate(spec.gateways)
    )
    return tuple(dict.fromkeys(names))


def _route(route: HTTPRoute, namespace: str, bound: tuple[str, ...], path: Path, report: Report) -> RouteRule:
    answers = route.redirect is not UNSET or route.direct_response is not UNSET
    if answers:
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
        port = None if goal.port is UNSET or goal.port.number is UNSET else goal.port.number
        sent, got = header_changes(one.headers, (*where, "headers"), report)
        destinations.append(Destination(service, goal.subset, one.weight, port, sent, got))
    if len(route.route) > 1 and not sum(one.weight for one in route.route):
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "route"), "total destination weight = 0")
    matches = tuple(
        route_match(one, namespace, bound, (*path, "match", place), report) for place, one in enumerate(route.match)
    )
    request_headers, response_headers = header_changes(route.headers, (*path, "headers"), report)
    return RouteRule(
        name=route.name,
        matches=matches,
        destinations=tuple(destinations),
        timeout=None if route.timeout is UNSET else float(route.timeout),
        retries=_retries(route.retries, (*path, "retries"), report),
        fault=_fault(route.fault, (*path, "fault"), report),
        rewrite=route_rewrite(route.rewrite, (*path, "rewrite"), report),
        redirect=route_redirect(route.redirect, matches, (*path, "redirect"), report),
        direct=route_answer(route.direct_response, (*path, "directResponse"), report),
        request_headers=request_headers,
        response_headers=response_headers,
        cors=route_cors(route.cors_policy, (*path, "corsPolicy"), report),
    )


def _retries(retries: HTTPRetry | UnsetType, path: Path, report: Report) -> RetryPolicy | None:
    if retries is UNSET:
        return None
    default = RetryPolicy()
    tokens = [token.strip() for token in retries.retry_on.split(",") if token.strip()]
    for token in tokens:
        if token not in RETRY_ON and not (len(token) == 3 and token.isdecimal() and 100 <= int(token) <= 599):
            hint = did_you_mean(token, RETRY_ON)
            message = f"{token[:64]!r} is no retry condition"
            report.refuse(ProblemCode.INVALID_VALUE, (*path, "retryOn"), message, hint)
    if tokens:
        message = "retryOn has no effect yet: a call is repeated wherever that does no harm"
        report.warn(ProblemCode.NO_EFFECT, (*path, "retryOn"), message)
    if retries.per_try_timeout is not UNSET:
        message = "perTryTimeout has no effect yet: the route's timeout spans all tries"
        report.warn(ProblemCode.NO_EFFECT, (*path, "perTryTimeout"), message)
    return RetryPolicy(
        attempts=default.attempts if retries.attempts is UNSET else retries.attempts,
        per_try_timeout=None if retries.per_try_timeout is UNSET else float(retries.per_try_timeout),
        on=tuple(tokens),
        backoff=default.backoff if retries.backoff is UNSET else float(retries.backoff),
    )


def _fault(fault: HTTPFaultInjection | UnsetType, path: Path, report: Report) -> Fault | None:
    if fault is UNSET or (fault.delay is UNSET and fault.abort is UNSET):
        return None
    delay = delay_percent = abort_percent = 0.0
    status = 0
    if fault.delay is not UNSET:
        where = (*path, "delay")
        if fault.delay.fixed_delay is UNSET:
            report.missing((*where, "fixedDelay"), "a delay needs its fixedDelay")
        else:
            delay = float(fault.delay.fixed_delay)
        delay_percent = _percent(fault.delay.percentage, where, report)
    if fault.abort is not UNSET:
        where = (*path, "abort")
        if fault.abort.http_status is UNSET:
            report.missing((*where, "httpStatus"), "an abort needs its httpStatus")
        else:
            status = fault.abort.http_status
        abort_percent = _percent(fault.abort.percentage, where, report)
    return Fault(delay, delay_percent, status, abort_percent)


def _percent(percentage: Percent | UnsetType, path: Path, report: Report) -> float:
    if percentage is UNSET or percentage.value is UNSET:
        hint = "percentage: {value: 100} is every request"
        report.warn(ProblemCode.NO_EFFECT, path, "without a percentage the fault hits no request", hint)
        return 0.0
    return percentage.value
