"""What a node decides by, for people: its routes and its endpoints, each value with the document it comes from."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ..bus.user_request import number_field, text_field
from ..messages.error import Refused
from ..messages.name import called_token
from ..messages.resilience import Detection
from ..messages.rule import Destination, DestinationPolicy, RetryPolicy, RouteRule, RuleSet
from ..messages.traffic import DEFAULT_BUDGET, TrafficPolicy
from . import pool
from .breaker import State
from .cluster import carries
from .in_force import DEFAULT, balancing
from .outlier_policy import detecting
from .plain import plain
from .proxy import Proxy
from .treatment import treatment
from .usage import usage

PAGE = 256 * 1024
"""Bytes of items in one answer; the next page begins at `next`."""

_DEFAULTS: dict[str, Any] = {"timeout": None, "retries": RetryPolicy()}

Item = dict[str, Any]


def config(proxy: Proxy, node: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `{"what": "routes" | "endpoints" | "mirrors" | "usage" | "balancing", "service": "reviews", "offset": 0}`.

    The last two are about one service: how this node uses its instances, and which ways of picking one are in force.

    Raises:
        Refused, InvalidName: the question is badly made.
    """
    what, first = text_field(request, "what"), number_field(request, "offset", 0)
    if what in ("usage", "balancing"):
        service = called_token(text_field(request, "service"))
        found = _usage(proxy, service) if what == "usage" else balancing(proxy.snapshot.table.upstream, service)
    elif what in WHAT:
        found = list(WHAT[what](proxy))
    else:
        raise Refused(f"`what` is none of {', '.join(WHAT)}, usage and balancing")
    answer: dict[str, Any] = {"node": node, "revision": proxy.snapshot.revision, "items": []}
    size = 0
    for place, item in enumerate(found[first:], first):
        size += len(msgspec.json.encode(item))
        if answer["items"] and size > PAGE:
            answer["next"] = place
            break
        answer["items"].append(item)
    return answer


def _usage(proxy: Proxy, service: str) -> list[Item]:
    directory = proxy.directory
    return usage(directory.services().get(service, {}).values(), directory.clusters_of(service), proxy.clock())


def routes(proxy: Proxy) -> Iterator[Item]:
    """Every route of the active revision, in the order in which they are tried; then services that no rule names."""
    sets = [(key, rule) for key, rule in proxy.snapshot.rules.items() if isinstance(rule, RuleSet)]
    for key, rule in sorted(sets, key=lambda pair: (pair[1].order, pair[1].name)):
        for index, route in enumerate(rule.routes):
            yield {
                "document": key,
                "path": f"$.spec.http[{index}]",
                "name": route.name,
                "gateways": list(rule.gateways),
                "hosts": list(rule.hosts),
                "matches": plain(route.matches),
                "to": [_goal(one) for one in plain(route.destinations)],
                "values": [*_values(key, index, route), *treatment(proxy, route)],
            }
    for service in sorted(proxy.directory.services()):
        if proxy.table.of_service(service) is None:
            where = {"document": "", "path": "", "name": "", "gateways": ["mesh"], "hosts": [service], "matches": []}
            route = RouteRule(destinations=(Destination(service),))
            yield {
                **where,
                "to": [service],
                "values": [*_values("", -1, route), *treatment(proxy, route)],
            }


def endpoints(proxy: Proxy) -> Iterator[Item]:
    """Every instance that this node may call, with the subsets that it is in and how those are balanced."""
    tripped = proxy.counts.tripped
    policies = [(key, rule) for key, rule in proxy.snapshot.rules.items() if isinstance(rule, DestinationPolicy)]
    for service, known in sorted(proxy.directory.services().items()):
        named = [(key, policy) for key, policy in policies if policy.service == service]
        for _, endpoint in sorted(known.items()):
            instance = endpoint.instance
            yield {
                "service": service,
                "instance": instance.id,
                "node": instance.node,
                "version": instance.version,
                "health": instance.health,
                "active": endpoint.active,
                "breaker": tripped[endpoint].value if endpoint in tripped else State.CLOSED.value,
                "uses": list(_uses(proxy, service, named, instance.labels)),
            }


def _uses(
    proxy: Proxy, service: str, policies: Iterable[tuple[str, DestinationPolicy]], labels: Mapping[str, str]
) -> Iterator[Item]:
    """How an instance is used as a member of its service and of each subset."""
    whole, upstream = False, proxy.snapshot.table.upstream

    def use(subset: str, policy: TrafficPolicy, origin: str) -> Item:
        return _use(subset, policy, origin, upstream(service, subset).resilience.detection)

    for key, policy in policies:
        whole = True
        set_here = policy.policy != TrafficPolicy()
        yield use("", policy.policy, f"{key} $.spec.trafficPolicy" if set_here else DEFAULT)
        for place, subset in enumerate(policy.subsets):
            if not carries(labels, subset.labels):
                continue
            if subset.policy is not None:
                yield use(subset.name, subset.policy, f"{key} $.spec.subsets[{place}].trafficPolicy")
            else:
                yield use(subset.name, policy.policy, f"{key} $.spec.trafficPolicy" if set_here else DEFAULT)
    if not whole:
        yield use("", TrafficPolicy(), DEFAULT)


def _use(subset: str, policy: TrafficPolicy, origin: str, more: Detection | None) -> Item:
    pooled, budget, outlier = policy.pool or pool.DEFAULT, policy.budget or DEFAULT_BUDGET, policy.outlier
    held = msgspec.structs.replace(policy, pool=pooled, budget=budget, outlier=detecting(outlier, more))
    return {"subset": subset, "policy": plain(held, whole=True), "from": origin}


def _values(key: str, index: int, route: RouteRule) -> Iterator[Item]:
    """What a route sets beside where it leads, and the defaults of what it does not."""
    for field in msgspec.structs.fields(RouteRule):
        value = getattr(route, field.name)
        if field.name in ("name", "matches", "destinations"):
            continue
        if value != field.default:
            yield {"field": field.name, "value": plain(value), "from": f"{key} $.spec.http[{index}]"}
        elif field.name in _DEFAULTS:
            yield {"field": field.name, "value": plain(_DEFAULTS[field.name], whole=True), "from": DEFAULT}


def _goal(destination: Item) -> str:
    subset, weight = destination.get("subset"), destination.get("weight")
    return f"{destination['service']}{f' {subset}' if subset else ''}{f' {weight} %' if weight else ''}"


def mirrors(proxy: Proxy) -> Iterator[Item]:
    """What came of comparing answers with those to copies: numbers that nodes' answers can be added up by."""
    for subject, one in proxy.chains.mirrors.comparisons.found.items():
        yield {
            **subject._asdict(),
            "outcomes": one.outcomes,
            "places": one.places,
            "statuses": one.statuses,
            "ours": one.ours.buckets,
            "theirs": one.theirs.buckets,
        }


WHAT: dict[str, Callable[[Proxy], Iterable[Item]]] = {"routes": routes, "endpoints": endpoints, "mirrors": mirrors}
"""What can be asked for."""
