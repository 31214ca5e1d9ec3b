"""The analyzer: all findings about the documents of a bundle, in the policy as it would be with them."""

from ..loop.slice import Steps
from ..messages.disruption import Disruption
from ..messages.external import ExternalService
from ..messages.rate_limit import RateLimit
from ..messages.resilience import Resilience
from ..messages.rule import DestinationPolicy, GatewayPolicy, RuleSet
from ..routing.route import MESH
from .analyze_gateway import Gateways
from .analyze_outside import Outside
from .analyze_resilience import Resiliences
from .analyze_route import MeshOnly, unreachable
from .analyze_service import Services
from .delegation import Delegates
from .problem import Path, Problem, ProblemCode, Report
from .scene import Scene
from .world import World

_MANY = 128
"""Rules that are looked at before the loop has its turn."""


def analyze(scene: Scene, world: World) -> Steps[list[Problem]]:
    """Return what is probably wrong with the bundle's documents; what is in force already is not told again."""
    gateways, services, outside = Gateways(), Services(world), Outside(world)
    mesh_only, oldest, delegates, resiliences = MeshOnly(), Oldest(), Delegates(), Resiliences()
    for number, rule in enumerate(scene.after.values()):
        if number % _MANY == 0:
            yield
        if isinstance(rule, RuleSet):
            mesh_only.add(rule)
            oldest.add(rule)
            delegates.add(rule)
        elif isinstance(rule, GatewayPolicy):
            gateways.add(rule)
        elif isinstance(rule, ExternalService):
            outside.add(rule)
        elif isinstance(rule, DestinationPolicy):
            mesh_only.count(rule)
        services.add(rule)
        resiliences.add(rule)
    found: list[Problem] = []
    for key in scene.sources:
        if key in scene.unsound or key not in scene.after:
            continue
        yield
        rule = scene.after[key]
        report = scene.report(key)
        if isinstance(rule, RuleSet):
            oldest.tell(rule, report)
            delegates.tell(rule, report)
            gateways.hosts(rule, report)
            gateways.exports(rule, report)
            unreachable(rule, report)
            mesh_only.tell(rule, report)
            services.destinations(rule, report)
            outside.hosts(rule, report)
        elif isinstance(rule, GatewayPolicy):
            gateways.conflicts(rule, report)
            gateways.selector(rule, world.gateways, report)
        elif isinstance(rule, ExternalService):
            outside.tell(rule, report)
        elif isinstance(rule, DestinationPolicy):
            services.rule(rule, report)
        elif isinstance(rule, Resilience | RateLimit | Disruption):
            services.about(rule, report)
            if isinstance(rule, Resilience):
                resiliences.tell(rule, report)
            elif isinstance(rule, RateLimit):
                resiliences.limits(rule, report)
            else:
                resiliences.fault(rule, world.now, report)
        found += report.warnings
    return found


class Oldest:
    """Which rule set counts inside the mesh, by host: the oldest does, as in Istio."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, tuple[str, ...]], tuple[int, str]] = {}

    def add(self, rules: RuleSet) -> None:
        """Take a rule set in."""
        if MESH in rules.gateways:
            for host in rules.hosts:
                key, own = (host, rules.export_to), (rules.order, rules.name)  # callers see others' or their own
                self._first[key] = min(self._first.get(key, own), own)

    def tell(self, rules: RuleSet, report: Report) -> None:
        """Warn of hosts for which another rule set counts."""
        if MESH not in rules.gateways:
            return
        for place, host in enumerate(rules.hosts):
            older = self._first[host, rules.export_to][1]
            if older != rules.name:
                path: Path = ("spec", "hosts", place)
                message = f"inside the mesh VirtualService {older!r}, which is older, counts alone for {host}"
                report.warn(ProblemCode.CONFLICTING_HOSTS, path, message, f"put its routes into {older!r}")
