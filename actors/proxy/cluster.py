"""The instances that one destination (service and subset) may be sent to, with the balancer's state."""

import random
from collections.abc import Mapping, Sequence

from ..messages.error import NoEndpoints
from ..messages.rule import Balancer
from .balancer import Picker, picker
from .endpoint import Endpoint


class Cluster:
    """One destination. The set of endpoints is replaced as a whole; balancer and counters stay."""

    def __init__(self, service: str, subset: str, rng: random.Random) -> None:
        self.service = service
        self.subset = subset
        self.endpoints: tuple[Endpoint, ...] = ()
        self._rng = rng
        self._kind: Balancer | None = None
        self._picker: Picker = picker(Balancer.LEAST_REQUEST, rng)

    def use(self, kind: Balancer) -> None:
        """Balance in this way from now on; a balancer that stays keeps its state."""
        if kind is not self._kind:
            self._kind = kind
            self._picker = picker(kind, self._rng)

    def pick(self, tried: Sequence[Endpoint]) -> Endpoint:
        """Return the endpoint for the next attempt, one that was not tried yet where there is one, on another node than
        those where there is one: instances that share a process stand still, drain and die together.

        Raises:
            NoEndpoints: the destination has none.
        """
        endpoints = self.endpoints
        if tried:
            fresh = tuple(e for e in endpoints if e not in tried)
            nodes = {e.instance.node for e in tried}
            endpoints = tuple(e for e in fresh if e.instance.node not in nodes) or fresh or endpoints
        if not endpoints:
            raise NoEndpoints
        return self._picker.pick(endpoints)


def carries(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Return whether `labels` hold every one of the `wanted` labels."""
    return all(labels.get(key) == value for key, value in wanted.items())
