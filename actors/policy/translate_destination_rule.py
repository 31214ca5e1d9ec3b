"""DestinationRule → DestinationPolicy: its meaning checked, what subsets inherit filled in."""

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ..messages.rule import DestinationPolicy
from ..messages.rule import Subset as SubsetPolicy
from ..messages.traffic import Balancer
from ..messages.traffic import TrafficPolicy as Policy
from .hostname import check_host, destination_service
from .istio_destination_rule import (
    DestinationRule,
    LoadBalancer,
    PortTrafficPolicy,
    Simple,
    TrafficPolicy,
    WorkloadSelector,
)
from .problem import Path, ProblemCode, Report
from .translate_connection_pool import connection_pool
from .translate_consistent_hash import consistent_hash
from .translate_locality import locality
from .translate_outlier import outlier
from .translate_retry_budget import retry_budget
from .translate_tls import client_tls
from .translate_warmup import warmup

Ports = dict[int, Policy]
"""Traffic policies by port."""

BALANCERS = {
    Simple.UNSPECIFIED: Balancer.LEAST_REQUEST,
    Simple.LEAST_REQUEST: Balancer.LEAST_REQUEST,
    Simple.LEAST_CONN: Balancer.LEAST_REQUEST,
    Simple.ROUND_ROBIN: Balancer.ROUND_ROBIN,
    Simple.RANDOM: Balancer.RANDOM,
}


def destination_rule(spec: DestinationRule, namespace: str, name: str, report: Report) -> DestinationPolicy:
    """Return the destination policy of a DestinationRule; it is complete where nothing was refused."""
    service = _service(spec.host, namespace, report)
    where: Path = ("spec", "trafficPolicy")
    whole = _policy(spec.traffic_policy, Policy(), service, where, report)
    ports = _ports(spec.traffic_policy, service, where, report)
    subsets: dict[str, SubsetPolicy] = {}
    for place, one in enumerate(spec.subsets):
        path: Path = ("spec", "subsets", place)
        if not one.name:
            report.missing((*path, "name"), "a subset needs a name")
        elif one.name in subsets:
            message = f"subset {one.name!r} stands here twice"
            report.refuse(ProblemCode.INVALID_VALUE, (*path, "name"), message)
        own, its = None, Ports()
        if one.traffic_policy is not UNSET:
            where = (*path, "trafficPolicy")
            own = _policy(one.traffic_policy, whole, service, where, report)
            told = Report("")  # what is told of the subset's blocks is told once, above
            its = {
                number: _policy(one.traffic_policy, of_port, service, where, told) for number, of_port in ports.items()
            }
            its |= _ports(one.traffic_policy, service, where, report)
        subsets[one.name] = SubsetPolicy(one.name, one.labels, own, tuple(sorted(its.items())))
    selects = spec.workload_selector is not UNSET
    return DestinationPolicy(
        f"{namespace}/{name}",
        service,
        whole,
        tuple(subsets.values()),
        (namespace,) if selects else (),
        {} if spec.workload_selector is UNSET else _callers(spec.workload_selector, report),
        tuple(sorted(ports.items())),
    )


def _service(host: str, namespace: str, report: Report) -> str:
    """The service's token, or a wildcard as it is."""
    path: Path = ("spec", "host")
    if "*" not in host:
        return destination_service(host, namespace, path, report)
    return host.lower() if check_host(host, path, report) else ""


def _callers(selector: WorkloadSelector, report: Report) -> dict[str, str]:
    for name, value in selector.match_labels.items():
        if not name or "*" in name + value:
            path: Path = ("spec", "workloadSelector", "matchLabels", name)
            message = f"{name}={value} is no label: neither empty names nor wildcards are allowed"
            report.refuse(ProblemCode.INVALID_VALUE, path, message)
    return selector.match_labels


def _ports(policy: TrafficPolicy | UnsetType, service: str, path: Path, report: Report) -> Ports:
    """Settings by port: they replace all that holds elsewhere, and what they leave out is the default (as in Istio)."""
    if policy is UNSET or policy.port_level_settings is UNSET:
        return {}
    found: Ports = {}
    for place, one in enumerate(policy.port_level_settings):
        where = (*path, "portLevelSettings", place)
        if one.port is UNSET or one.port.number is UNSET:
            report.missing((*where, "port", "number"), "settings by port need the port's number")
            continue
        number = one.port.number
        if number in found:
            report.refuse(ProblemCode.INVALID_VALUE, (*where, "port"), f"port {number} stands here twice")
        found[number] = _policy(one, Policy(), service, where, report)
        if "_" not in service:  # services outside the mesh, whose tokens have one, do have ports
            message = f"services have no ports here: this holds for routes whose destination names port {number}"
            report.warn(ProblemCode.APPROXIMATED, where, message)
    return found


def _policy(
    policy: TrafficPolicy | PortTrafficPolicy | UnsetType, inherited: Policy, service: str, path: Path, report: Report
) -> Policy:
    """A block that is not given is inherited."""
    if policy is UNSET:
        return inherited
    if policy.tls is not UNSET:
        inherited = replace(inherited, tls=client_tls(policy.tls, service, (*path, "tls"), report))
    if policy.connection_pool is not UNSET:
        inherited = replace(inherited, pool=connection_pool(policy.connection_pool, (*path, "connectionPool"), report))
    if isinstance(policy, TrafficPolicy) and policy.retry_budget is not UNSET:
        budget = retry_budget(policy.retry_budget, (*path, "retryBudget"), report)
        inherited = replace(inherited, budget=budget)
    if policy.outlier_detection is not UNSET:
        block = outlier(policy.outlier_detection, (*path, "outlierDetection"), report)
        inherited = replace(inherited, outlier=block)
    if policy.load_balancer is UNSET:
        return inherited
    return _balanced(policy.load_balancer, inherited, (*path, "loadBalancer"), report)


def _balanced(block: LoadBalancer, inherited: Policy, path: Path, report: Report) -> Policy:
    """A block that is given stands for itself: localities and warm-up are not inherited into it."""
    at = (*path, "localityLbSetting")
    near = None if block.locality_lb_setting is UNSET else locality(block.locality_lb_setting, at, report)
    inherited = replace(inherited, locality=near, warmup=warmup(block, path, report))
    simple = block.simple
    if block.consistent_hash is not UNSET:
        where: Path = (*path, "consistentHash")
        if simple is not UNSET:
            message = "simple and consistentHash exclude each other"
            report.refuse(ProblemCode.INVALID_VALUE, where, message, "leave one of them out")
        hashed = consistent_hash(block.consistent_hash, where, report)
        return inherited if hashed is None else replace(inherited, balancer=Balancer.RANDOM, hash=hashed)
    if simple is UNSET:
        return inherited
    where = (*path, "simple")
    if simple is Simple.LEAST_CONN:
        report.warn(ProblemCode.DEPRECATED, where, "LEAST_CONN is deprecated", "write LEAST_REQUEST")
    if simple not in BALANCERS:
        message = f"{simple.value} cannot be honoured: there is no original destination to pass through to"
        report.refuse(ProblemCode.UNSUPPORTED_VALUE, where, message)
        return inherited
    return replace(inherited, balancer=BALANCERS[simple], hash=None)
