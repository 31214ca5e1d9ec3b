"""The instances that one destination (service and subset) may be sent to, with the balancer's state."""

import random
from collections.abc import Mapping, Sequence

from ..loop.slice import Slices
from ..messages.error import NoEndpoints
from ..messages.hashing import ConsistentHash
from ..messages.rule import Balancer
from .ahead import Placed, shape
from .balancer import Picker, picker
from .call import Call
from .endpoint import Endpoint
from .hashing import Hashing


class Cluster:
    """One destination. The set of endpoints is replaced as a whole; balancer and counters stay."""

    def __init__(self, service: str, subset: str, rng: random.Random, slices: Slices | None = None) -> None:
        self.service = service
        self.subset = subset
        self.endpoints: tuple[Endpoint, ...] = ()
        self.hashing: Hashing | None = None
        """Picks by a key of the call, where the policy asks for that."""
        self._members: tuple[Endpoint, ...] = ()
        self._rng = rng
        self._slices = slices
        self._kind: Balancer | None = None
        self._picker: Picker = picker(Balancer.LEAST_REQUEST, rng)

    def use(self, kind: Balancer, hashed: ConsistentHash | None = None, made: Placed | None = None) -> None:
        """Balance in this way from now on, and by hash where that is asked; what stays keeps its state.

        `made` are places that were made ahead, for a cluster that is not yet hashed in this shape.
        """
        if kind is not self._kind:
            self._kind = kind
            self._picker = picker(kind, self._rng)
        if hashed is None:
            self.hashing = None
        elif self.hashing is None or not self.shaped(hashed):
            self.hashing = Hashing(hashed, self._rng, self._slices, made)
            self.hashing.follow(self._members, self.endpoints)
        elif self.hashing.policy != hashed:
            self.hashing.use(hashed)

    def shaped(self, hashed: ConsistentHash) -> bool:
        """Return whether it has the places that this policy leads by."""
        return self.hashing is not None and shape(self.hashing.policy) == shape(hashed)

    def take(self, members: tuple[Endpoint, ...], endpoints: tuple[Endpoint, ...]) -> None:
        """Have these members from now on, of whom `endpoints` may be called."""
        self._members, self.endpoints = members, endpoints
        if self.hashing is not None:
            self.hashing.follow(members, endpoints)

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

    def choose(self, call: Call, avoided: Sequence[Endpoint]) -> Endpoint:
        """Return the endpoint for an attempt of `call`, by its key where calls are hashed, else as `pick`.

        Raises:
            NoEndpoints: the destination has none.
        """
        return self.pick(avoided) if self.hashing is None else self.hashing.pick(call, avoided, self)


def carries(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Return whether `labels` hold every one of the `wanted` labels."""
    return all(labels.get(key) == value for key, value in wanted.items())
