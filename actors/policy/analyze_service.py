"""Findings about services: hosts that are none of the mesh, subsets that no instance belongs to."""

from collections.abc import Sequence

from ..messages.disruption import Disruption
from ..messages.error import InvalidName
from ..messages.external import ExternalService
from ..messages.fallback import Elsewhere
from ..messages.name import called_token, host_of
from ..messages.rate_limit import RateLimit
from ..messages.resilience import Resilience
from ..messages.rule import DestinationPolicy, Rule, RuleSet
from .analyze_outside import tokens
from .hint import did_you_mean
from .problem import Path, ProblemCode, Report
from .world import OWN, Labels, World, carries


class Services:
    """The services that there are: of the mesh, or, without one, those that the files speak about."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known = set(world.services or ())
        self._outside: dict[str, ExternalService] = {}
        self._learns = world.services is None and world.from_files

    def add(self, rule: Rule) -> None:
        """Take a rule in: whoever writes one about a service says that it is there."""
        if isinstance(rule, ExternalService):
            self._known |= tokens(rule)
            self._outside |= dict.fromkeys(tokens(rule), rule)
        if not self._learns:
            return
        if isinstance(rule, DestinationPolicy | Resilience | RateLimit | Disruption):
            self._known.add(rule.service)
        elif isinstance(rule, RuleSet):
            self._known |= _named(rule)

    def destinations(self, rules: RuleSet, report: Report) -> None:
        """Warn of destinations and mirrors that are no service."""
        if self._world.services is None and not self._learns:
            return
        for number, route in enumerate(rules.routes):
            path: Path = ("spec", "http", number)
            for place, goal in enumerate(route.destinations):
                self._judge(goal.service, (*path, "route", place, "destination", "host"), report)
            for copy in route.mirrors:
                self._judge(copy.service, (*path, "mirror"), report)

    def rule(self, policy: DestinationPolicy, report: Report) -> None:
        """Warn of a destination rule about nobody, and of subsets that nobody belongs to."""
        if self._world.services is None or "*" in policy.service:
            return
        outside = self._outside.get(policy.service)
        # Who stands for a service outside comes and goes with the egress nodes: its entry says what there is.
        instances: Sequence[Labels] | None = (
            [one.labels for one in outside.endpoints] or [{}]
            if outside is not None
            else self._world.services.get(policy.service)
        )
        if instances is None:
            self._nobody(policy.service, report)
            return
        for place, subset in enumerate(policy.subsets):
            if not any(carries(one, subset.labels) for one in instances):
                labels = ", ".join(f"{name}={value}" for name, value in sorted(subset.labels.items()))
                message = f"no instance of {policy.service!r} carries {labels}: subset {subset.name!r} is empty"
                versions = sorted({one.get("version", "") for one in instances} - {""})
                hint = "versions: " + ", ".join(versions) if versions else ""
                report.warn(ProblemCode.EMPTY_SUBSET, ("spec", "subsets", place), message, hint)

    def about(self, rule: Resilience | RateLimit | Disruption, report: Report) -> None:
        """Warn of a rule about nobody, and of services that it names and that are not there."""
        if self._world.services is None and not self._learns:
            return
        if rule.service not in self._known and "*" not in rule.service:
            self._nobody(rule.service, report)
        if isinstance(rule, Resilience):
            for place, one in enumerate(rule.fallbacks or ()):
                if isinstance(one.to, Elsewhere):
                    self._judge(one.to.service, ("spec", "fallbacks", place, "destination", "host"), report)
        elif isinstance(rule, RateLimit):
            for place, limit in enumerate(rule.limits):
                for number, caller in enumerate(limit.callers):
                    self._caller(caller, ("spec", "limits", place, "callers", number), report)
        elif rule.source:
            self._caller(rule.source, ("spec", "source", "host"), report)

    def _caller(self, service: str, path: Path, report: Report) -> None:
        if not service.startswith(OWN):  # a gateway calls, too
            self._judge(service, path, report)

    def _nobody(self, service: str, report: Report) -> None:
        message = f"no service {service!r} is in the mesh"
        report.warn(ProblemCode.UNKNOWN_RULE_HOST, ("spec", "host"), message, self._near(service))

    def _judge(self, service: str, path: Path, report: Report) -> None:
        if service in self._known or "*" in service:
            return
        where = "is in the mesh" if self._world.services is not None else "is named by these files"
        report.warn(ProblemCode.UNKNOWN_HOST, path, f"no service {service!r} {where}", self._near(service))

    def _near(self, service: str) -> str:
        return did_you_mean(service, self._known)


def _named(rules: RuleSet) -> set[str]:
    """Services that a rule set is about."""
    found: set[str] = set()
    for host in rules.hosts:
        if host.endswith(".svc.cluster.local") and not host.startswith("*"):
            try:
                token = called_token(host)
            except InvalidName:
                continue
            if host_of(token) == host:
                found.add(token)
    return found
