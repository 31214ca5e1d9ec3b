"""Rings and tables made ahead: while a policy revision is prepared, for rules that are not in force yet.

Without it the first requests after a rule came into force would go anywhere until its table is full.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeGuard

from ..balancing.maglev import Maglev
from ..balancing.places import Places
from ..balancing.ring import Ring
from ..loop.slice import Steps
from ..messages.hashing import ConsistentHash
from ..messages.rule import DestinationPolicy, Rule
from ..messages.traffic import TrafficPolicy

Shape = tuple[int, int]
"""What two policies must have in common to share places: the least number of points, and the table's size."""
Key = tuple[str, tuple[tuple[str, str], ...], Shape]


class Placed(NamedTuple):
    """Places, and the members that have them."""

    places: Places
    members: tuple[str, ...]


class Want(NamedTuple):
    """Instances that some rule hashes over."""

    service: str
    labels: Mapping[str, str]
    policy: ConsistentHash

    @property
    def key(self) -> Key:
        """What tells their places from others."""
        return self.service, tuple(sorted(self.labels.items())), shape(self.policy)


def shape(policy: ConsistentHash) -> Shape:
    """Return what its places depend on besides their members."""
    return policy.minimum_ring, policy.table


def places_of(policy: ConsistentHash) -> Places:
    """Return empty places of the kind that a policy asks for."""
    return Maglev(policy.table) if policy.table else Ring(policy.minimum_ring)


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

    def make(self, wanted: Iterable[tuple[Want, tuple[str, ...]]]) -> Steps[None]:
        """Make places for these members each, and forget what nobody wants any more."""
        found = {want.key: (want.policy, members) for want, members in wanted}
        for key in [key for key in self._made if key not in found]:
            del self._made[key]
        for key, (policy, members) in found.items():
            known = self._made.get(key)
            if known is None or known.members != members:
                places = places_of(policy)
                yield from places.follow(members)
                self._made[key] = Placed(places, members)

    def take(self, service: str, labels: Mapping[str, str], policy: ConsistentHash) -> Placed | None:
        """Return the places of these instances, once: whoever has them changes them."""
        return self._made.pop(Want(service, labels, policy).key, None)
