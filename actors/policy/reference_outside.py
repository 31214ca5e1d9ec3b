"""What documents say about hosts outside the mesh: each is one of a ServiceEntry, and no two claim the same."""

from collections.abc import Iterable, Mapping

from ..messages.external import ExternalService
from ..messages.name import called_token, host_of, is_outside
from ..messages.rule import DestinationPolicy, Rule
from ..messages.traffic import TrafficPolicy
from ..routing.host import covers
from .hint import did_you_mean
from .hostname import OUTSIDE
from .problem import Path, Problem, ProblemCode, Report
from .reference_goals import Goal
from .scene import Scene


class Outside:
    """The services outside the mesh that a policy knows, by token."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.services: dict[str, ExternalService] = {}
        for rule in rules:
            if isinstance(rule, ExternalService):
                for host in rule.hosts:
                    self.services.setdefault(called_token(host), rule)

    def goal(self, goal: Goal, path: Path, report: Report) -> None:
        """Refuse a destination that is outside the mesh and of no ServiceEntry, or at a port that it does not have."""
        service = self.services.get(goal.service)
        if service is None:
            self._known(goal.service, (*path, "host"), report)
        elif goal.port is not None and goal.port not in (ports := [one.number for one in service.ports]):
            message = f"ServiceEntry {service.name!r} has no port {goal.port}"
            hint = "ports: " + ", ".join(map(str, ports))
            report.refuse(ProblemCode.INVALID_VALUE, (*path, "port", "number"), message, hint)

    def policy(self, policy: DestinationPolicy, report: Report) -> None:
        """Refuse a destination policy of a host that no ServiceEntry has, and TLS settings for the mesh itself."""
        if "*" not in policy.service:
            self._known(policy.service, ("spec", "host"), report)
        if not any(one.tls for one in _policies(policy)) or self._means(policy.service) or is_outside(policy.service):
            return
        message = f"{policy.service!r} is not outside the mesh: the bus's own settings secure connections in it"
        report.refuse(ProblemCode.UNSUPPORTED_VALUE, ("spec", "trafficPolicy", "tls", "mode"), message, OUTSIDE)

    def _known(self, service: str, path: Path, report: Report) -> None:
        if is_outside(service) and service not in self.services:
            host = host_of(service)
            near = did_you_mean(host, [name for one in self.services.values() for name in one.hosts])
            message = f"{host!r} is no service of the mesh"
            report.refuse(ProblemCode.INVALID_VALUE, path, message, near or OUTSIDE)

    def _means(self, service: str) -> bool:
        if "*" not in service:
            return service in self.services
        return any(covers(service, host_of(one)) for one in self.services)


def claims(scene: Scene) -> list[Problem]:
    """Return the problems of hosts that two ServiceEntries claim."""
    problems: list[Problem] = []
    owners: dict[str, str] = {}
    incoming = [key for key in scene.after if key in scene.sources]
    for key in (*(key for key in scene.after if key not in scene.sources), *incoming):
        rule = scene.after[key]
        if not isinstance(rule, ExternalService):
            continue
        for place, host in enumerate(rule.hosts):
            other = owners.setdefault(host, key)
            if other != key and key in scene.sources:
                report = scene.report(key)
                message = f"{other} has the same host: two ServiceEntries for one host are not merged"
                report.refuse(ProblemCode.DUPLICATE_HOST, ("spec", "hosts", place), message)
                problems += report.problems
    return problems


def hosts(rules: Mapping[str, Rule]) -> set[tuple[str, int]]:
    """Return the hosts and ports of all ServiceEntries."""
    return {
        (host, port.number)
        for rule in rules.values()
        if isinstance(rule, ExternalService)
        for host in rule.hosts
        for port in rule.ports
    }


def _policies(policy: DestinationPolicy) -> Iterable[TrafficPolicy]:
    yield policy.policy
    for _, settings in policy.ports:
        yield settings
