"""Which way of picking an instance is in force for a service: for whom, and which document and field says so."""

from collections.abc import Iterator
from typing import Any

from ..messages.hashing import ConsistentHash, HashSource
from ..messages.resilience import Resilience
from ..messages.rule import DestinationPolicy
from ..messages.traffic import Balancer, TrafficPolicy
from ..routing.upstream import Upstreams

DEFAULT = "default"
"""Where a way comes from that no document sets."""

Item = dict[str, Any]


def balancing(upstreams: Upstreams, service: str) -> list[Item]:
    """Return the ways, those that are looked at first in front: the first that is for a caller and subset holds."""
    found = list(_overridden(upstreams, service))
    for rule in upstreams.rules(service):
        found += _of(rule)
    if not any(one["subset"] == "" and one["for"] == EVERYBODY for one in found):
        found.append(_item("", EVERYBODY, way(TrafficPolicy()), DEFAULT))
    return found


EVERYBODY = "everybody"


def way(policy: TrafficPolicy) -> str:
    """Return the way in words: `least request`, `consistent hash (ring) by header x-user`."""
    if policy.hash is None:
        return policy.balancer.name.lower().replace("_", " ")
    shape = f"maglev, {policy.hash.table} entries" if policy.hash.table else "ring"
    return f"consistent hash ({shape}) by {_key(policy.hash)}"


def _key(hashed: ConsistentHash) -> str:
    if hashed.source is HashSource.SOURCE_IP:
        return "the caller's address, inside the mesh the calling instance"
    return f"{hashed.source.name.lower()} {hashed.name}"


def _overridden(upstreams: Upstreams, service: str) -> Iterator[Item]:
    """What Resilience says holds for all callers, in the place of what destination rules say (but for hashing)."""
    for one in upstreams.resilience(service):
        kind = one.balancing.balancer if one.balancing is not None else None
        if kind is not None:
            yield _item(one.subset, EVERYBODY, way(TrafficPolicy(kind)), _said(one, "$.spec.loadBalancer"))


def _of(rule: DestinationPolicy) -> Iterator[Item]:
    whom = _whom(rule)
    for place, subset in enumerate(rule.subsets):
        if subset.policy is not None and _balances(subset.policy) != _balances(rule.policy):
            path = f"$.spec.subsets[{place}].trafficPolicy.loadBalancer"
            yield _item(subset.name, whom, way(subset.policy), _said(rule, path))
        for port, policy in subset.ports:
            path = f"$.spec.subsets[{place}].trafficPolicy.portLevelSettings"
            yield _item(subset.name, f"{whom}, routes to port {port}", way(policy), _said(rule, path))
    for port, policy in rule.ports:
        path = "$.spec.trafficPolicy.portLevelSettings"
        yield _item("", f"{whom}, routes to port {port}", way(policy), _said(rule, path))
    set_here = _balances(rule.policy) != _balances(TrafficPolicy())
    why = _said(rule, "$.spec.trafficPolicy.loadBalancer") if set_here else f"{DEFAULT} of {_said(rule, '')}".rstrip()
    yield _item("", whom, way(rule.policy), why)


def _balances(policy: TrafficPolicy) -> tuple[Balancer, ConsistentHash | None]:
    return policy.balancer, policy.hash


def _whom(rule: DestinationPolicy) -> str:
    told: list[str] = []
    if rule.callers:
        told.append("callers with " + ",".join(f"{key}={value}" for key, value in sorted(rule.callers.items())))
    if rule.export_to:
        told.append("callers in " + ", ".join(rule.export_to))
    return " ".join(told) or EVERYBODY


def _said(document: DestinationPolicy | Resilience, path: str) -> str:
    kind = "Resilience" if isinstance(document, Resilience) else "DestinationRule"
    return f"{kind}/{document.name} {path}"


def _item(subset: str, whom: str, algorithm: str, why: str) -> Item:
    return {"subset": subset, "for": whom, "algorithm": algorithm, "from": why}
