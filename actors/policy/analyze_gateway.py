"""Findings about gateways: hosts that no server answers for, servers that two gateways claim, selectors of nobody."""

from collections.abc import Sequence

from ..messages.rule import GatewayPolicy, RuleSet
from ..routing.host import covers, narrower
from ..routing.route import MESH
from .problem import Path, ProblemCode, Report
from .world import Labels, carries


class Gateways:
    """All gateways of a policy."""

    def __init__(self) -> None:
        self._all: dict[str, GatewayPolicy] = {}

    def add(self, gateway: GatewayPolicy) -> None:
        """Take a gateway in."""
        self._all[gateway.name] = gateway

    def hosts(self, rules: RuleSet, report: Report) -> None:
        """Warn of a rule set's hosts that a gateway which it names has no server for."""
        for place, host in enumerate(rules.hosts):
            for name in rules.gateways:
                gateway = self._all.get(name)
                if name == MESH or gateway is None:
                    continue
                patterns = [one for server in gateway.servers for one in server.hosts]
                if not any(covers(one, host) or covers(host, one) for one in patterns):
                    message = f"no server of gateway {name!r} answers for {host}"
                    hint = "its hosts: " + ", ".join(patterns[:8])
                    report.warn(ProblemCode.HOST_NOT_IN_GATEWAY, ("spec", "hosts", place), message, hint)

    def exports(self, rules: RuleSet, report: Report) -> None:
        """Warn of gateways whose namespace a rule set is not exported to: they do not serve it."""
        if not rules.export_to:
            return
        for place, name in enumerate(rules.gateways):
            space = name.partition("/")[0]
            if name in self._all and space not in rules.export_to:
                message = f"gateway {name!r} does not serve it: it is not exported to namespace {space!r}"
                hint = f"add {space!r} to spec.exportTo"
                report.warn(ProblemCode.NO_EFFECT, ("spec", "gateways", place), message, hint)

    def conflicts(self, gateway: GatewayPolicy, report: Report) -> None:
        """Warn where another gateway, on the same listeners, answers for the same host at the same port."""
        for other in self._all.values():
            if other.name == gateway.name or not _may_meet(gateway.selector, other.selector):
                continue
            for place, server in enumerate(gateway.servers):
                for theirs in other.servers:
                    if server.port != theirs.port:
                        continue
                    if common := _common(server.hosts, theirs.hosts):
                        path: Path = ("spec", "servers", place, "hosts")
                        message = f"gateway {other.name!r} answers for {common} at port {server.port}, too"
                        hint = "the routes of both are joined, the oldest VirtualService first; use one Gateway"
                        report.warn(ProblemCode.CONFLICTING_GATEWAYS, path, message, hint)
                        break

    def selector(self, gateway: GatewayPolicy, actors: Sequence[Labels] | None, report: Report) -> None:
        """Warn of a selector that no gateway actor's labels fulfil."""
        if actors is None or any(carries(one, gateway.selector) for one in actors):
            return
        known = "; ".join(sorted({",".join(f"{key}={value}" for key, value in sorted(one.items())) for one in actors}))
        hint = f"labels of gateways: {known}" if known else "start one: plait node gateway"
        report.warn(ProblemCode.NO_GATEWAY, ("spec", "selector"), "no gateway has these labels: it is not served", hint)


def _may_meet(one: Labels, other: Labels) -> bool:
    """Whether the same gateway actor could carry both selectors."""
    return all(other.get(name, value) == value for name, value in one.items())


def _common(hosts: Sequence[str], others: Sequence[str]) -> str:
    """A host that both name; one that is merely narrower (`a.example` beside `*`) is meant to be."""
    for one in hosts:
        for other in others:
            if one == other and narrower(one, other):
                return one
    return ""
