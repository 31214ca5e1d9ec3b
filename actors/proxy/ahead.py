"""Rings and tables made ahead: while a policy revision is prepared, for rules that are not in force yet.

Without it the first requests after a rule came into force would go anywhere until its table is full.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeGuard

from ..balancing.maglev import Maglev
from ..balancing.picker import alike
from ..balancing.places import Places
from ..balancing.rendezvous import Rendezvous
from ..balancing.ring import Ring
from ..loop.slice import Steps
from ..messages.hashing import ConsistentHash
from ..messages.resilience import Balancing
from ..messages.rule import DestinationPolicy, Rule
from ..messages.traffic import TrafficPolicy
from .endpoint import Endpoint

Shape = tuple[int, int]
"""What two policies must have in common to share places: the least number of points, and the table's size."""
Key = tuple[str, tuple[tuple[str, str], ...], Shape]


Members = tuple[tuple[str, float], ...]
"""Ids and weights."""

RENDEZVOUS: Shape = (-1, 0)


class Placed(NamedTuple):
    """Places, and the members that have them."""

    places: Places
    members: Members


class Want(NamedTuple):
    """Instances that some rule hashes over."""

    service: str
    labels: Mapping[str, str]
    policy: ConsistentHash

    @property
    def key(self) -> Key:
        """What tells their places from others."""
        return self.service, tuple(sorted(self.labels.items())), shape(self.policy)


def shape(policy: ConsistentHash, balancing: Balancing | None = None) -> Shape:
    """Return what its places depend on besides their members."""
    if balancing is not None and balancing.rendezvous:
        return RENDEZVOUS
    return policy.minimum_ring, policy.table


def places_of(wanted: Shape) -> Places:
    """Return empty places of a shape."""
    if wanted == RENDEZVOUS:
        return Rendezvous()
    minimum, table = wanted
    return Maglev(table) if table else Ring(minimum)


def members_of(endpoints: Iterable[Endpoint]) -> Members:
    """Return what places depend on of instances."""
    return tuple((one.id, one.instance.weight) for one in endpoints)


def put(members: Members, places: Places) -> Steps[None]:
    """Have `places` follow these members from the end of the steps on."""
    weights = dict(members)
    return places.follow(weights, None if alike(list(weights.values())) is None else weights)


def wants(rule: DestinationPolicy, service: str) -> Iterable[Want]:
    """Return what a rule that covers `service` hashes over there."""
    yield from _hashed(service, {}, rule.policy, rule.ports)
    for one in rule.subsets:
        if one.policy is None:
            yield from _hashed(service, one.labels, rule.policy, rule.ports)
        else:
            yield from _hashed(service, one.labels, one.policy, one.ports)


def _hashed(
    service: str, labels: Mapping[str, str], whole: TrafficPolicy, ports: Iterable[tuple[int, TrafficPolicy]]
) -> Iterable[Want]:
    for policy in (whole, *(of_port for _, of_port in ports)):
        if policy.hash is not None:
            yield Want(service, labels, policy.hash)


def hashes(rule: Rule) -> TypeGuard[DestinationPolicy]:
    """Return whether a rule has anything hashed."""
    return isinstance(rule, DestinationPolicy) and any(wants(rule, rule.service))


class Ahead:
    """Keeps what was made until the first call takes it."""

    def __init__(self) -> None:
        self._made: dict[Key, Placed] = {}

    def make(self, wanted: Iterable[tuple[Want, Members]]) -> Steps[None]:
        """Make places for these members each, and forget what nobody wants any more."""
        found = {want.key: (want.policy, members) for want, members in wanted}
        for key in [key for key in self._made if key not in found]:
            del self._made[key]
        for key, (policy, members) in found.items():
            known = self._made.get(key)
            if known is None or known.members != members:
                places = places_of(shape(policy))
                yield from put(members, places)
                self._made[key] = Placed(places, members)

    def take(self, service: str, labels: Mapping[str, str], policy: ConsistentHash) -> Placed | None:
        """Return the places of these instances, once: whoever has them changes them."""
        return self._made.pop(Want(service, labels, policy).key, None)
