"""Where routes lead: services and subsets of them, with how their instances are used."""

from collections.abc import Mapping

import msgspec

from ..messages.rule import DestinationPolicy, TrafficPolicy


class Upstream(msgspec.Struct, frozen=True):
    """A service or a subset of it, with how its instances are used."""

    service: str
    subset: str
    labels: dict[str, str]
    """Labels that the instances must carry; empty means all instances."""
    policy: TrafficPolicy
    known: bool = True
    """False for a subset that no destination policy defines."""


class Upstreams:
    """Finds the upstream of a service's subset; takes over those of an earlier table whose policy is the same."""

    __slots__ = ("_found", "_old", "_policies")

    def __init__(self, policies: Mapping[str, DestinationPolicy], previous: "Upstreams | None" = None) -> None:
        self._policies = policies
        self._found: dict[tuple[str, str], Upstream] = {}
        self._old: Mapping[tuple[str, str], Upstream] = {}
        if previous is not None:
            before = previous._policies
            changed = {name for name in {*before, *policies} if _differ(before.get(name), policies.get(name))}
            self._old = {key: one for key, one in previous._found.items() if key[0] not in changed}

    def __call__(self, service: str, subset: str) -> Upstream:
        """Return the upstream, known or not."""
        key = (service, subset)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._old.get(key) or self._made(service, subset)
        return found

    def _made(self, service: str, subset: str) -> Upstream:
        policy = self._policies.get(service)
        if policy is None:
            return Upstream(service, subset, {}, TrafficPolicy(), known=not subset)
        if not subset:
            return Upstream(service, "", {}, policy.policy)
        for one in policy.subsets:
            if one.name == subset:
                return Upstream(service, subset, one.labels, one.policy or policy.policy)
        return Upstream(service, subset, {}, policy.policy, known=False)


def _differ(one: DestinationPolicy | None, other: DestinationPolicy | None) -> bool:
    return one is not other and one != other  # mostly it is the same object, and comparing all that is in it takes long
