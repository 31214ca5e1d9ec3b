"""Where routes lead: services and subsets of them, with how their instances are used by whom.

Which destination policy holds is looked up as in Istio: that of the caller's namespace, else that of the service's,
else that of the root namespace; in each the one that names the service itself, else the longest wildcard.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from ..messages.external import PORT_LABEL, ExternalService
from ..messages.name import called_token, host_of
from ..messages.resilience import NOTHING, Resilience, merged
from ..messages.rule import DestinationPolicy
from ..messages.traffic import TrafficPolicy

ROOT = "istio-system"
"""The namespace whose destination policies hold for all services that have none of their own (Istio's default)."""


class Upstream(msgspec.Struct, frozen=True):
    """A service or a subset of it, with how its instances are used."""

    service: str
    subset: str
    labels: dict[str, str]
    """Labels that the instances must carry; empty means all instances."""
    policy: TrafficPolicy
    known: bool = True
    """False for a subset that no destination policy defines."""
    port: int | None = None
    """The port that the route names, where some policy has settings by port."""
    owner: str = ""
    """Tells it from others of the same instances that are used in another way; empty mostly."""
    choices: tuple["Choice", ...] = ()
    """Where it depends on the caller: what `for_caller` chooses from."""
    home: str = "default"
    """The namespace of the service."""
    resilience: Resilience = NOTHING
    """What holds beyond Istio's words, for all callers."""

    def for_caller(self, namespace: str, labels: Mapping[str, str]) -> "Upstream":
        """Return the upstream of a caller; itself, without any policy, where none holds for that caller."""
        for space in dict.fromkeys((namespace, self.home, ROOT)):
            for choice in self.choices:
                if choice.space == space and choice.holds(namespace, labels):
                    return choice.upstream
        return self


class Choice(NamedTuple):
    """One destination policy that holds for some callers."""

    space: str
    """The policy's own namespace."""
    export_to: tuple[str, ...]
    callers: Mapping[str, str]
    upstream: Upstream

    def holds(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Return whether the policy is visible to a caller's namespace and selects the caller."""
        if self.export_to and namespace not in self.export_to:
            return False
        return all(labels.get(name) == value for name, value in self.callers.items())


class Upstreams:
    """Finds the upstream of a service's subset; takes over those of an earlier table whose policies are the same."""

    __slots__ = (
        "_exact",
        "_found",
        "_old",
        "_old_outside",
        "_old_resilient",
        "_old_rules",
        "_ported",
        "_resilience",
        "_resilient",
        "_rules",
        "_wild",
        "outside",
    )

    def __init__(
        self,
        policies: Iterable[DestinationPolicy],
        previous: "Upstreams | None" = None,
        outside: Iterable[ExternalService] = (),
        resilience: Iterable[Resilience] = (),
    ) -> None:
        self.outside: dict[str, ExternalService] = {}
        """Services outside the mesh by token."""
        for service in outside:
            for host in service.hosts:
                self.outside.setdefault(called_token(host), service)
        self._exact: dict[str, list[DestinationPolicy]] = {}
        self._wild: list[DestinationPolicy] = []
        self._ported = bool(self.outside)
        for one in policies:
            if "*" in one.service:
                self._wild.append(one)
            else:
                self._exact.setdefault(one.service, []).append(one)
            self._ported = self._ported or bool(one.ports) or any(subset.ports for subset in one.subsets)
        self._wild.sort(key=_narrow_first)
        for found in self._exact.values():
            found.sort(key=_narrow_first)
        self._rules: dict[str, tuple[DestinationPolicy, ...]] = {}
        self._resilience = sorted(resilience, key=_narrow_subset_first)
        self._resilient: dict[str, tuple[Resilience, ...]] = {}
        self._found: dict[tuple[str, str, int | None], Upstream] = {}
        self._old: Mapping[tuple[str, str, int | None], Upstream] = {}
        self._old_rules: Mapping[str, tuple[DestinationPolicy, ...]] = {}
        self._old_outside: Mapping[str, ExternalService] = {}
        self._old_resilient: Mapping[str, tuple[Resilience, ...]] = {}
        if previous is not None and previous._ported == self._ported:
            self._old, self._old_rules, self._old_outside = previous._found, previous._rules, previous.outside
            self._old_resilient = previous._resilient

    def rules(self, service: str) -> tuple[DestinationPolicy, ...]:
        """Return every policy about a service, whoever it holds for; the narrower one first."""
        found = self._rules.get(service)
        if found is None:
            wild = [one for one in self._wild if covers(one.service, service)] if self._wild else ()
            found = self._rules[service] = (*self._exact.get(service, ()), *wild)
        return found

    def resilience(self, service: str) -> tuple[Resilience, ...]:
        """Return what holds for a service or one of its subsets beyond Istio's words; the narrower one first."""
        found = self._resilient.get(service)
        if found is None:
            home = self._home(service)
            those = [one for one in self._resilience if _space(one) in (home, ROOT) and covers(one.service, service)]
            found = self._resilient[service] = tuple(sorted(those, key=lambda one: _space(one) == ROOT != home))
        return found

    def holds(self, name: str, about: str, service: str) -> bool:
        """Return whether the document `namespace/name` about a service or wildcard holds for `service`: those of the
        service's own namespace and of the root do."""
        return name.partition("/")[0] in (self._home(service), ROOT) and covers(about, service)

    def subsets(self, service: str) -> tuple[str, ...]:
        """Return the names of all subsets that are defined of a service, for whomever."""
        return tuple(dict.fromkeys(subset.name for one in self.rules(service) for subset in one.subsets))

    def __call__(self, service: str, subset: str, port: int | None = None) -> Upstream:
        """Return the upstream, known or not."""
        key = (service, subset, port if self._ported else None)
        found = self._found.get(key)
        if found is None:
            old = self._old.get(key)
            same = (
                old is not None
                and self.outside.get(service) == self._old_outside.get(service)
                and _same(self.rules(service), self._old_rules.get(service, ()))
                and self.resilience(service) == self._old_resilient.get(service, ())
            )
            found = self._found[key] = old if old is not None and same else self._made(*key)
        return found

    def _made(self, service: str, subset: str, port: int | None) -> Upstream:
        rules = self.rules(service)
        outside = self.outside.get(service)
        home = self._home(service)
        at = port if outside is None or port is not None else outside.default_port
        resilient = merged([one for one in self.resilience(service) if one.subset in ("", subset)])
        found = Upstream(service, subset, {}, TrafficPolicy(), not subset, port, home=home, resilience=resilient)
        if all(not one.export_to and not one.callers and _space(one) in (home, ROOT) for one in rules):
            own = [one for one in rules if _space(one) == home] or rules
            if own:
                found = _upstream(own[0], found, at, "")
        else:
            choices = (
                Choice(_space(one), one.export_to, one.callers, _upstream(one, found, at, one.name)) for one in rules
            )
            found = msgspec.structs.replace(found, choices=tuple(choices))
        return found if at is None or outside is None else _at_port(found, at)

    def _home(self, service: str) -> str:
        outside = self.outside.get(service)
        return space_of(service) if outside is None else _space(outside)


def any_callers(upstream: Upstream) -> Upstream:
    """Return it as some callers may have it, where it depends on them: copies and fallbacks are not the caller's own,
    any policy that defines the subset does."""
    return next((choice.upstream for choice in upstream.choices if choice.upstream.known), upstream)


def space_of(service: str) -> str:
    """Return the namespace of a service, given its token."""
    return service.partition("_")[2] or "default"


def _space(policy: DestinationPolicy | ExternalService | Resilience) -> str:
    return policy.name.partition("/")[0]


def _narrow_first(policy: DestinationPolicy) -> tuple[int, bool, str]:
    """The service itself, then the longest wildcard; whoever names its callers first."""
    return -len(policy.service) if "*" in policy.service else 0, not policy.callers, policy.name


def _narrow_subset_first(policy: Resilience) -> tuple[bool, int, str]:
    return not policy.subset, -len(policy.service) if "*" in policy.service else -1000, policy.name


def covers(name: str, service: str) -> bool:
    """Return whether a policy for `name`, a service's token or a wildcard for hosts, is one for `service`."""
    return name in ("*", service) or (name[:1] == "*" and host_of(service).endswith(name[1:]))


def _same(rules: tuple[DestinationPolicy, ...], before: tuple[DestinationPolicy, ...]) -> bool:
    """Whether they are equal; mostly they are the same objects, and comparing all that is in them takes long."""
    return len(rules) == len(before) and all(
        one is other or one == other for one, other in zip(rules, before, strict=True)
    )


def _upstream(rule: DestinationPolicy, nothing: Upstream, port: int | None, owner: str) -> Upstream:
    """What a policy makes of an upstream that none holds for."""
    labels: dict[str, str] = {}
    policy, ports, known = rule.policy, rule.ports, nothing.known
    for one in rule.subsets:
        if one.name == nothing.subset:
            labels, known = one.labels, True
            if one.policy is not None:
                policy, ports = one.policy, one.ports
            break
    if port is not None:
        for number, settings in ports:
            if number == port:
                policy, owner = settings, f"{owner}:{port}"
    return msgspec.structs.replace(nothing, labels=labels, policy=policy, known=known, owner=owner)


def _at_port(upstream: Upstream, port: int) -> Upstream:
    """The upstream at one port of a service outside: each port has instances of its own at the egress nodes."""
    choices = tuple(one._replace(upstream=_at_port(one.upstream, port)) for one in upstream.choices)
    labels = {**upstream.labels, PORT_LABEL: str(port)}
    return msgspec.structs.replace(upstream, labels=labels, owner=f"{upstream.owner}@{port}", choices=choices)
