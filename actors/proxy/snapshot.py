"""What requests decide by: one policy revision, compiled, with the clusters and chains that its routes lead to."""

import random
from collections.abc import Iterable, Mapping

from ..loop.slice import Slices, Steps
from ..messages.instance import Instance
from ..messages.rule import DestinationPolicy, RetryPolicy, Rule
from ..routing.decide import Decision
from ..routing.table import RouteTable
from ..routing.upstream import Upstream, covers
from .ahead import Ahead, Members, Want, members_of, wants
from .chain import Chain, Chains, Wants
from .cluster import Cluster, carries
from .comparison import Subject
from .endpoint import Endpoint
from .filter import Next
from .hearing import Hearing
from .mirror import Copy
from .outlier_policy import detecting, seat
from .rate_limits import Limits, RateLimits
from .route_breaker import RouteBreaker
from .share import NOWHERE, Around
from .topic import Topics

Key = tuple[str, str, tuple[tuple[str, str], ...], str, bool]


class Directory:
    """Everybody who may be called: endpoints by service, and the clusters cut out of them.

    Clusters and endpoints outlive policy revisions: balancers keep their turn, counters their count.
    """

    def __init__(
        self,
        rng: random.Random,
        slices: Slices | None = None,
        around: Around = NOWHERE,
        hearing: Hearing | None = None,
    ) -> None:
        """Begin with nobody.

        Args:
            rng: chance.
            slices: cut what takes long; without them it is done at once.
            around: what this node is in.
            hearing: what outlier detection shares; without it there is none.
        """
        self._rng = rng
        self._hearing = hearing
        self._slices = slices
        self._around = around
        self._ahead = Ahead()
        self._services: dict[str, dict[str, Endpoint]] = {}
        self._clusters: dict[Key, Cluster] = {}
        self._by_service: dict[str, list[tuple[dict[str, str], Cluster]]] = {}
        self.limits = RateLimits()
        """What counts calls; counts outlive revisions, too."""
        self.route_breakers: dict[tuple[str, str, str, str], RouteBreaker] = {}
        """By rule set, route, service and subset."""
        self.topics = Topics(rng)
        """Who is interested in which events."""
        self.revision = 0
        """The newest policy revision that decided calls: older ones lead to what there is, and change nothing."""

    def services(self) -> dict[str, dict[str, Endpoint]]:
        """Return the endpoints by service and instance id."""
        return self._services

    def clusters(self) -> Iterable[Cluster]:
        """Return every destination that calls were sent to so far."""
        return self._clusters.values()

    def route_breaker(self, decision: Decision) -> RouteBreaker | None:
        """Return the breaker of a route to its destination, where there shall be one; revisions share it."""
        policy = decision.upstream.resilience.breaker
        if policy is None or not policy.routes:
            return None
        key = (decision.rule_set, decision.route or f"http[{decision.index}]", decision.service, decision.subset)
        breaker = self.route_breakers.get(key)
        if breaker is not None and decision.revision < self.revision:
            return breaker
        if breaker is None:
            rule_set, route, service, subset = key
            name = f"{rule_set} {route} to {service} {subset}".strip() if rule_set else f"to {service}"
            breaker = self.route_breakers[key] = RouteBreaker(policy, name, self._around.clock)
        breaker.use(policy)
        return breaker

    def put(self, instance: Instance, refresh: bool = True) -> Endpoint | None:
        """Take an instance in; returns the endpoint of an earlier life that it replaces. Without `refresh` calls know
        of it only once its service is refreshed: where many come at once, once for all of them."""
        known = self._services.setdefault(instance.service, {})
        old = known.get(instance.id)
        if old is not None:
            self.topics.remove(old)
            if old.instance.incarnation == instance.incarnation:
                old.renew(instance)
                self.topics.add(old)
                if refresh:
                    self.refresh(instance.service)
                return None
        endpoint = known[instance.id] = Endpoint(instance, self._around.clock())
        self.topics.add(endpoint)
        if refresh:
            self.refresh(instance.service)
        return old

    def take_out(self, service: str, instance: str, refresh: bool = True) -> Endpoint | None:
        """Take an instance out; returns its endpoint. `refresh` as with `put`."""
        old = self._services.get(service, {}).pop(instance, None)
        if old is not None:
            old.gone = True
            self.topics.remove(old)
            if refresh:
                self.refresh(service)
        return old

    def cluster(self, upstream: Upstream, mirrors: bool = False, revision: int | None = None) -> Cluster:
        """Return the cluster of an upstream, balanced as it says; that of its calls, or that of `mirrors` alone.

        What an older `revision` than the newest says no longer counts for a cluster that there is.
        """
        key = (upstream.service, upstream.subset, tuple(sorted(upstream.labels.items())), upstream.owner, mirrors)
        cluster = self._clusters.get(key)
        if cluster is not None and revision is not None and revision < self.revision:
            return cluster
        if cluster is None:
            cluster = self._clusters[key] = Cluster(
                upstream.service, upstream.subset, self._rng, self._slices, self._around
            )
            self._by_service.setdefault(upstream.service, []).append((upstream.labels, cluster))
            self.refresh(upstream.service)
        hashed, made = upstream.policy.hash, None
        if hashed is not None and not cluster.shaped(hashed):
            made = self._ahead.take(upstream.service, upstream.labels, hashed)
        cluster.use(upstream.policy, upstream.resilience, made)
        if self._hearing is not None and not mirrors:  # copies are nobody's loss, and count against nobody
            seat(cluster, detecting(upstream.policy.outlier, upstream.resilience.detection), self._hearing)
        return cluster

    def make_ahead(self, rules: Iterable[DestinationPolicy]) -> Steps[None]:
        """Make what these rules, not yet in force, hash by, where no cluster has it."""
        found: list[tuple[Want, Members]] = []
        for rule in rules:
            for service in [one for one in self._services if covers(rule.service, one)]:
                for want in wants(rule, service):
                    clusters = self._by_service.get(service, ())
                    if any(labels == want.labels and one.shaped(want.policy) for labels, one in clusters):
                        continue
                    known = self._services.get(service, {}).values()
                    those = sorted_by_id(one for one in known if carries(one.instance.labels, want.labels))
                    found.append((want, members_of(those)))
                yield
        yield from self._ahead.make(found)

    def clusters_of(self, service: str) -> tuple[Cluster, ...]:
        """Return the destinations of a service that this node has sent calls to."""
        return tuple(cluster for _, cluster in self._by_service.get(service, ()))

    def refresh(self, service: str) -> None:
        """Have the clusters of a service find anew who may be picked."""
        clusters = self._by_service.get(service)
        if clusters is None:
            return  # nobody calls it
        known = sorted_by_id(self._services.get(service, {}).values())
        for labels, cluster in clusters:
            members = tuple(one for one in known if carries(one.instance.labels, labels)) if labels else known
            cluster.take(members)


def sorted_by_id(endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """Return endpoints in an order that is the same on every node."""
    return tuple(sorted(endpoints, key=lambda one: one.id))


class Snapshot:
    """One policy revision on one node. What it answers never changes; clusters and chains are made when first used."""

    __slots__ = ("_directory", "_steps", "_ways", "rules", "table")

    def __init__(self, table: RouteTable, rules: Mapping[str, Rule], directory: Directory, steps: Chains) -> None:
        self.table = table
        self.rules = rules
        """What the table was compiled from, by key."""
        self._directory = directory
        self._steps = steps
        self._ways: dict[tuple[str, int, str, str, str], tuple[Cluster, Chain]] = {}

    @property
    def revision(self) -> int:
        """The policy revision."""
        return self.table.revision

    def way(self, decision: Decision) -> tuple[Cluster, Chain]:
        """Return where a decision leads, and the filters that its route wants."""
        key = (decision.rule_set, decision.index, decision.service, decision.subset, decision.upstream.owner)
        way = self._ways.get(key)
        if way is None:
            directory = self._directory
            directory.revision = max(directory.revision, self.revision)
            cluster = directory.cluster(decision.upstream, revision=self.revision)
            way = self._ways[key] = cluster, self._steps.build(self._wants(decision))
        return way

    def _wants(self, decision: Decision) -> Wants:
        mirrors = decision.action.mirrors if decision.action is not None else ()
        upstream = decision.upstream
        copies = [self._copy(decision, percent, one) for percent, one in mirrors]
        fallback = None
        if upstream.resilience.fallbacks:
            find, outdated = self.table.upstream, self.revision < self._directory.revision
            fallback = self._steps.degradation.fallback(decision, find, self._lead, outdated=outdated)
        return Wants(
            decision.fault,
            decision.timeout,
            decision.retries,
            copies,
            upstream.policy,
            upstream.resilience,
            fallback,
            self._rates(decision) if self.table.limits else None,
            self._directory.route_breaker(decision),
        )

    def _copy(self, decision: Decision, percent: float, goal: Upstream) -> Copy:
        diff, upstream = decision.upstream.resilience.mirror_diff, decision.upstream
        comparison = None
        if diff is not None:
            subject = Subject(decision.title, upstream.service, upstream.subset, goal.service, goal.subset)
            comparison = self._steps.mirrors.comparisons.of(subject, diff)
        return Copy(percent, self._directory.cluster(goal, True, self.revision), diff, comparison)

    def _lead(self, goal: Upstream, retries: RetryPolicy | None) -> tuple[Cluster, Next]:
        """Where a fallback leads: its own fallbacks do not count there, so that none leads in a circle."""
        chain = self._steps.build(Wants(None, None, retries, (), goal.policy, goal.resilience))
        return self._directory.cluster(goal, revision=self.revision), chain.proceed

    def _rates(self, decision: Decision) -> Limits | None:
        service, subset, holds = decision.service, decision.subset, self.table.upstream.holds
        those = [one for one in self.table.limits if one.subset in ("", subset)]
        held = [one for one in those if service and holds(one.name, one.service, service)]
        return self._directory.limits.of(held, outdated=self.revision < self._directory.revision)

    def steps(self, decision: Decision) -> tuple[str, ...]:
        """Return the names of the chain's steps, outermost first."""
        action = decision.action
        steps = self._steps.describe(self._wants(decision))
        if action is None:
            return steps
        return action.steps() if action.answer is not None else (*action.steps(), *steps)
