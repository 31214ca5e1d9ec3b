"""Findings about hosts outside the mesh: nobody carries calls there, or no ServiceEntry has a rule's host."""

from ..messages.error import InvalidName
from ..messages.external import ExternalService
from ..messages.name import called_token
from ..messages.rule import RuleSet
from ..routing.host import covers
from ..routing.route import MESH
from .problem import ProblemCode, Report
from .world import World


class Outside:
    """The hosts of all ServiceEntries."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._hosts: set[str] = set()

    def add(self, service: ExternalService) -> None:
        """Take a service outside the mesh in."""
        self._hosts.update(service.hosts)

    def tell(self, service: ExternalService, report: Report) -> None:
        """Warn of hosts to which no egress node carries calls."""
        if self._world.services is not None and not self._world.egress:
            message = f"no egress node carries calls to {', '.join(service.hosts)}: they fail"
            hint = "`plait node egress` starts one"
            report.warn(ProblemCode.NO_EGRESS, ("spec", "hosts"), message, hint)

    def hosts(self, rules: RuleSet, report: Report) -> None:
        """Warn of hosts of rules for the mesh that are neither of the mesh nor of a ServiceEntry."""
        if MESH not in rules.gateways:
            return
        for place, host in enumerate(rules.hosts):
            if not host.endswith(".svc.cluster.local") and not self._knows(host):
                message = f"{host!r} is no service of the mesh: the rule has no effect on calls between services"
                hint = "a host outside the mesh needs a ServiceEntry"
                report.warn(ProblemCode.NO_EFFECT, ("spec", "hosts", place), message, hint)

    def _knows(self, host: str) -> bool:
        return host in self._hosts or (host.startswith("*") and any(covers(host, one) for one in self._hosts))


def tokens(service: ExternalService) -> set[str]:
    """Return the subject tokens of a service outside the mesh."""
    found: set[str] = set()
    for host in service.hosts:
        try:
            found.add(called_token(host))
        except InvalidName:
            continue
    return found
