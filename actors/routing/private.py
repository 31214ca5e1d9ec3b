"""Rule sets for the mesh that only some namespaces see: an index of hosts for each of these namespaces."""

from ..messages.error import InvalidName
from ..messages.name import called_token
from ..messages.rule import RuleSet
from .host import HostIndex, HostRoutes


class Private:
    """Collects rule sets, the oldest first."""

    def __init__(self) -> None:
        self._own: dict[str, dict[str, HostRoutes]] = {}
        self._named: dict[str, dict[str, HostRoutes]] = {}
        self.limited: dict[str, list[str]] = {}
        """Services and wildcards, with the names of their rule sets, for explanations."""

    def add(self, one: RuleSet, routes: HostRoutes) -> None:
        """Take in a rule set with an `export_to`; one for its own namespace alone comes before others (as in Istio)."""
        own = one.export_to == (one.name.partition("/")[0],)
        for space in one.export_to:
            hosts = (self._own if own else self._named).setdefault(space, {})
            for host in one.hosts:
                hosts.setdefault(host, routes)
        for host in one.hosts:
            self.limited.setdefault(_service(host), []).append(one.name)

    def indexes(self) -> dict[str, HostIndex]:
        """Return the hosts that each namespace sees besides those that all see."""
        return {
            space: HostIndex({**self._named.get(space, {}), **self._own.get(space, {})})
            for space in sorted({*self._own, *self._named})
        }


def _service(host: str) -> str:
    try:
        return called_token(host)
    except InvalidName:
        return host
