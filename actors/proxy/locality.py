"""Where a caller is, and how near instances are to it: the ranks by which localities take over from each other."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from ..messages.instance import Instance
from ..messages.traffic import Locality

REGION = "topology.kubernetes.io/region"
ZONE = "topology.kubernetes.io/zone"
SUBZONE = "topology.istio.io/subzone"
HOSTNAME = "kubernetes.io/hostname"
"""Here the node: `failoverPriority: [kubernetes.io/hostname]` prefers instances of the caller's own process."""

T = TypeVar("T")


class Place(NamedTuple):
    """Where somebody is: region, zone and subzone, each empty where it is not known."""

    region: str = ""
    zone: str = ""
    subzone: str = ""


def place(text: str) -> Place:
    """Return the place that `region/zone/subzone`, or the beginning of one, names."""
    return Place(*text.split("/", 2))


class Here(NamedTuple):
    """The caller, as far as the choice of instances depends on it."""

    place: Place = Place()
    labels: Mapping[str, str] = {}
    """Those of the node, with its topology; see `labels_at`."""


NOT_KNOWN = Here()


def labels_at(labels: Mapping[str, str], locality: str, node: str) -> dict[str, str]:
    """Return labels with those by which Kubernetes and Istio name a place, and the node for the host."""
    names = zip((REGION, ZONE, SUBZONE, HOSTNAME), (*place(locality), node), strict=True)
    return {**labels, **{name: value for name, value in names if value}}


def here(locality: str, node: str, labels: Mapping[str, str]) -> Here:
    """Return the caller that a node is."""
    return Here(place(locality), labels_at(labels, locality, node))


def matches(one: Place, pattern: str) -> bool:
    """Return whether a place lies in a locality as rules write it: `*`, `eu`, `eu/*`, `eu/a`, `eu/a/*`, `eu/a/1`."""
    region, zone, subzone = place(pattern)
    return (
        region in ("*", one.region)
        and (zone in ("", "*") or zone == one.zone)
        and (subzone in ("", "*") or subzone == one.subzone)
    )


def distance(caller: Place, one: Place) -> int:
    """Return 0 for the same subzone, 1 for the same zone, 2 for the same region, 3 for another."""
    if caller.region != one.region:
        return 3
    if caller.zone != one.zone:
        return 2
    return 0 if caller.subzone == one.subzone else 1


def rank(caller: Here, instance: Instance, policy: Locality) -> int:
    """Return how late an instance gets calls of `caller`: 0 is first.

    Without labels it is the distance, 4 for a region that `failover` passes over. With labels (`failoverPriority`) it
    is how many of them, from the first that differs on, it lacks; `failover` beside them decides among equals.
    """
    by_labels = 0
    if policy.priority:
        by_labels = _differing(caller, labels_at(instance.labels, instance.locality, instance.node), policy.priority)
        if not policy.failover:
            return by_labels
    at = place(instance.locality)
    far = distance(caller.place, at)
    if far == 3:
        to = next((to for start, to in policy.failover if start == caller.place.region), None)
        far = 3 if to is None or to == at.region else 4
    return by_labels * 5 + far


def ranks(caller: Here, instances: Iterable[Instance], policy: Locality) -> list[int]:
    """Return the rank of each; those that are alike in all that counts are compared once."""
    names = [one.partition("=")[0] for one in policy.priority]
    by_node = HOSTNAME in names
    known: dict[tuple[str | None, ...], int] = {}
    found: list[int] = []
    for one in instances:
        key = (one.locality, one.node if by_node else "", *map(one.labels.get, names))
        number = known.get(key)
        if number is None:
            number = known[key] = rank(caller, one, policy)
        found.append(number)
    return found


def _differing(caller: Here, labels: Mapping[str, str], wanted: Sequence[str]) -> int:
    for number, one in enumerate(wanted):
        name, equals, value = one.partition("=")
        if labels.get(name, "") != (value if equals else caller.labels.get(name, "")):
            return len(wanted) - number
    return 0


def shares_of(caller: Place, policy: Locality) -> tuple[tuple[str, int], ...] | None:
    """Return the (locality, percent) that `distribute` says for a caller; None where it says nothing of it."""
    return next((to for start, to in policy.distribute if matches(caller, start)), None)


def grouped(members: Iterable[tuple[int, T]]) -> list[list[T]]:
    """Return members by rank, the first first; ranks that nobody has are left out."""
    groups: dict[int, list[T]] = {}
    for number, one in members:
        groups.setdefault(number, []).append(one)
    return [groups[number] for number in sorted(groups)]
