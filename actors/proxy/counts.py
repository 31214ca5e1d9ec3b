"""What limits and breakers have done on one node, summed over its destinations: for metrics and for people."""

from collections import Counter
from collections.abc import Mapping

from .breaker import State
from .breakers import tripped
from .endpoint import Endpoint
from .snapshot import Directory


class Counts:
    """Looks when it is asked; nothing is kept up."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    @property
    def overflowed(self) -> Mapping[tuple[str, str], int]:
        """Attempts and retries that limits have refused, by (service, limit)."""
        found: Counter[tuple[str, str]] = Counter()
        for cluster in self._directory.clusters():
            for limit, count in cluster.pool.overflowed.items():
                found[cluster.service, limit] += count
        return found

    @property
    def opened(self) -> Mapping[tuple[str, str], int]:
        """How often breakers have opened, by (service, `instance` or `route`)."""
        found: Counter[tuple[str, str]] = Counter()
        for cluster in self._directory.clusters():
            if cluster.breakers is not None:
                found[cluster.service, "instance"] += cluster.breakers.opened
        for (_, _, service, _), breaker in self._directory.route_breakers.items():
            found[service, "route"] += breaker.opened
        return found

    @property
    def tripped(self) -> Mapping[Endpoint, State]:
        """The state of each instance that a breaker leaves out; instances whose breakers are closed are not in it."""
        return tripped(self._directory.clusters())

    @property
    def second_attempts(self) -> Mapping[tuple[str, str], int]:
        """Attempts beside one that lasted too long, by (service, `begun` or `refused`)."""
        found: Counter[tuple[str, str]] = Counter()
        for cluster in self._directory.clusters():
            found[cluster.service, "begun"] += cluster.pace.begun
            found[cluster.service, "refused"] += cluster.pace.refused
        return found

    @property
    def unbudgeted(self) -> Mapping[str, int]:
        """Retries and second attempts that a destination's budget did not allow, by service."""
        found: Counter[str] = Counter()
        for cluster in self._directory.clusters():
            found[cluster.service] += cluster.budget.refused
        return found

    @property
    def not_admitted(self) -> Mapping[str, int]:
        """Calls that admission control did not send, by service; services without it are left out."""
        found: Counter[str] = Counter()
        for cluster in self._directory.clusters():
            if cluster.admission is not None:
                found[cluster.service] += cluster.admission.refused
        return found

    @property
    def queued(self) -> Mapping[str, int]:
        """Calls that wait for a place, by service; services without any are left out."""
        found: Counter[str] = Counter()
        for cluster in self._directory.clusters():
            if cluster.pool.queue:
                found[cluster.service] += len(cluster.pool.queue)
        return found
