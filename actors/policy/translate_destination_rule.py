"""DestinationRule → DestinationPolicy: its meaning checked, what subsets inherit filled in."""

from msgspec import UNSET, UnsetType

from ..messages.rule import Balancer, DestinationPolicy
from ..messages.rule import Subset as SubsetPolicy
from ..messages.rule import TrafficPolicy as Policy
from .hostname import destination_service
from .istio_destination_rule import DestinationRule, Simple, TlsMode, TrafficPolicy
from .problem import Path, ProblemCode, Report

BALANCERS = {
    Simple.UNSPECIFIED: Balancer.LEAST_REQUEST,
    Simple.LEAST_REQUEST: Balancer.LEAST_REQUEST,
    Simple.LEAST_CONN: Balancer.LEAST_REQUEST,
    Simple.ROUND_ROBIN: Balancer.ROUND_ROBIN,
    Simple.RANDOM: Balancer.RANDOM,
}


def destination_rule(spec: DestinationRule, namespace: str, name: str, report: Report) -> DestinationPolicy:
    """Return the destination policy of a DestinationRule; it is complete where nothing was refused."""
    service = destination_service(spec.host, namespace, ("spec", "host"), report)
    whole = _policy(spec.traffic_policy, Policy(), ("spec", "trafficPolicy"), report)
    subsets: dict[str, SubsetPolicy] = {}
    for place, one in enumerate(spec.subsets):
        path: Path = ("spec", "subsets", place)
        if not one.name:
            report.missing((*path, "name"), "a subset needs a name")
        elif one.name in subsets:
            message = f"subset {one.name!r} stands here twice"
            report.refuse(ProblemCode.INVALID_VALUE, (*path, "name"), message)
        own = None
        if one.traffic_policy is not UNSET:
            own = _policy(one.traffic_policy, whole, (*path, "trafficPolicy"), report)
        subsets[one.name] = SubsetPolicy(one.name, one.labels, own)
    return DestinationPolicy(f"{namespace}/{name}", service, whole, tuple(subsets.values()))


def _policy(policy: TrafficPolicy | UnsetType, inherited: Policy, path: Path, report: Report) -> Policy:
    """A block that is not given is inherited."""
    if policy is UNSET:
        return inherited
    if policy.tls is not UNSET:
        where = (*path, "tls", "mode")
        if policy.tls.mode in (TlsMode.DISABLE, TlsMode.ISTIO_MUTUAL):
            message = f"{policy.tls.mode.value} has no effect: the bus's own settings secure connections"
            report.warn(ProblemCode.NO_EFFECT, where, message)
        else:
            message = f"{policy.tls.mode.value} is not supported yet: it needs destinations outside the mesh"
            report.refuse(ProblemCode.UNSUPPORTED_VALUE, where, message)
    if policy.load_balancer is UNSET or policy.load_balancer.simple is UNSET:
        return inherited
    simple = policy.load_balancer.simple
    where = (*path, "loadBalancer", "simple")
    if simple is Simple.LEAST_CONN:
        report.warn(ProblemCode.DEPRECATED, where, "LEAST_CONN is deprecated", "write LEAST_REQUEST")
    if simple not in BALANCERS:
        message = f"{simple.value} cannot be honoured: there is no original destination to pass through to"
        report.refuse(ProblemCode.UNSUPPORTED_VALUE, where, message)
        return inherited
    return Policy(BALANCERS[simple])
