"""The route table: rules compiled into plain immutable objects, indexed by service, gateway and host.

Inside the mesh the oldest rule set of a service counts alone; at a gateway all rule sets of a host are joined, the
oldest first and what matches everything last. Both are Istio's ways.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence

from ..messages.error import InvalidName
from ..messages.external import ExternalService
from ..messages.name import called_token, host_of
from ..messages.rate_limit import RateLimit
from ..messages.resilience import Resilience
from ..messages.rule import DestinationPolicy, GatewayPolicy, Rule, RuleSet
from .delegate import expand
from .host import HostIndex, HostRoutes, narrower, narrowness, spellings
from .private import Private
from .route import MESH, TO_HTTPS, Clause, Prepared, prepare
from .upstream import Upstreams

Steps = Generator[None, None, None]
"""Work that yields where it may rest: a large table is compiled in slices beside the traffic."""


Joined = dict[str, tuple[int, dict[tuple[int, str, str], tuple[Clause, ...]]]]
"""By host: how narrowly its rule sets name it, and their clauses by (order, rule set, gateway)."""


class RouteTable:
    """All routes of one policy revision. Made by `compile_table`; never changes what it answers."""

    __slots__ = (
        "_attached",
        "_indexes",
        "_mesh",
        "_prepared",
        "_private",
        "_wild",
        "bound",
        "gateways",
        "limited",
        "limits",
        "revision",
        "upstream",
    )

    def __init__(self, revision: int, gateways: dict[str, GatewayPolicy], upstream: Upstreams) -> None:
        self.revision = revision
        self.limits: list[RateLimit] = []
        """All rate limits, by name."""
        self.gateways = gateways
        """The gateways' policies by `namespace/name`."""
        self.upstream = upstream
        """(service, subset) → the upstream, known or not."""
        self.bound: dict[str, list[str]] = {}
        """Services with rule sets that hold at gateways only, for explanations."""
        self._prepared: dict[tuple[str, str], Prepared] = {}
        self._attached: dict[str, list[RuleSet]] = {name: [] for name in gateways}
        self._mesh: dict[str, HostRoutes] = {}
        self._wild: HostIndex | None = None
        self._private: dict[str, HostIndex] = {}
        self.limited: dict[str, list[str]] = {}
        """Services (and wildcards) with rule sets that not all namespaces see; empty where there are none."""
        self._indexes: dict[tuple[str | Sequence[str], int | None], HostIndex] = {}

    def fill(
        self, rule_sets: Sequence[RuleSet], delegates: Mapping[str, RuleSet], previous: "RouteTable | None"
    ) -> Steps:
        """Compile `rule_sets`, sorted; nothing is asked of the table before this has ended."""
        wild: dict[str, HostRoutes] = {}
        private = Private()
        old = previous._prepared if previous is not None else {}
        for each in rule_sets:
            one = expand(each, delegates)
            for place in one.gateways:
                if place == MESH:
                    routes = yield from self._in_mesh(one, old)
                    if routes is not None and one.export_to:
                        private.add(one, routes)
                    elif routes is not None:
                        self._join_mesh(one, routes, wild)
                elif place in self._attached:
                    self._attached[place].append(one)
                    yield from self._clauses(one, place, old)
            if MESH not in one.gateways:
                for host in one.hosts:
                    if host.endswith(".svc.cluster.local") and (service := _service(host)):
                        self.bound.setdefault(service, []).append(one.name)
            yield
        self._wild = HostIndex(wild) if wild else None
        self._private, self.limited = private.indexes(), private.limited
        keys: dict[tuple[str | Sequence[str], int | None], None] = {((name,), None): None for name in self.gateways}
        if previous is not None:  # what requests ask for is there before the first of them asks
            keys.update({key: None for key in previous._indexes if self._knows(key[0])})
        for names, port in keys:
            yield from self._index(names, port)

    def _clauses(
        self, one: RuleSet, place: str, old: Mapping[tuple[str, str], Prepared]
    ) -> Generator[None, None, tuple[Clause, ...]]:
        """The clauses of a rule set at a place; taken over from the table before where nothing they need changed."""
        key = (one.name, place)
        kept = self._prepared.get(key) or old.get(key)
        unnamed = self._unnamed(one) if place == MESH else None
        if (
            kept is not None
            and kept.unnamed == unnamed
            and (kept.rule_set is one or kept.rule_set == one)
            and all(was is self.upstream(was.service, was.subset, was.port) for was in kept.upstreams)
        ):
            self._prepared[key] = kept
            return kept.clauses
        self._prepared[key] = made = yield from prepare(one, place, self.upstream, unnamed)
        return made.clauses

    def _unnamed(self, one: RuleSet) -> int | None:
        """The port of calls inside the mesh that name none: only services outside it have ports."""
        outside = self.upstream.outside
        found = (outside.get(_service(host)) for host in one.hosts) if outside else ()
        return next((service.default_port for service in found if service is not None), None)

    def _in_mesh(
        self, one: RuleSet, old: Mapping[tuple[str, str], Prepared]
    ) -> Generator[None, None, HostRoutes | None]:
        clauses = yield from self._clauses(one, MESH, old)
        return HostRoutes(clauses) if clauses else None

    def _join_mesh(self, one: RuleSet, routes: HostRoutes, wild: dict[str, HostRoutes]) -> None:
        for host in one.hosts:
            if host.startswith("*"):
                wild.setdefault(host, routes)
            elif service := _service(host):
                self._mesh.setdefault(service, routes)

    def of_service(self, service: str, namespace: str = "") -> HostRoutes | None:
        """Return the routes of a service inside the mesh for callers of a namespace, None where no rule set names it.

        What is exported to that namespace by name comes before what all of them see.
        """
        private = self._private.get(namespace) if self._private else None
        found = self._mesh.get(service) if private is None else None
        if found is None and (private is not None or self._wild is not None):
            found = self._of_host(host_of(service), private)
        return found

    def _of_host(self, host: str, private: HostIndex | None) -> HostRoutes | None:
        found: HostRoutes | None = None
        if private is not None:
            found = private.exactly(host) or self._mesh.get(_service(host)) or private.find(host)
        if found is None and self._wild is not None:
            found = self._wild.find(host)
        return found

    def at(self, gateway: str | Sequence[str], port: int | None) -> HostIndex:
        """Return the hosts of one gateway, or of several that share a listener (a tuple of their names).

        `port` leaves out the servers of other ports; None takes all.
        """
        found = self._indexes.get((gateway, port))
        if found is None:
            for _ in self._index(gateway, port):
                pass
            found = self._indexes[gateway, port]
        return found

    def _knows(self, gateway: str | Sequence[str]) -> bool:
        return any(name in self.gateways for name in ((gateway,) if isinstance(gateway, str) else gateway))

    def _index(self, gateway: str | Sequence[str], port: int | None) -> Steps:
        names = (gateway,) if isinstance(gateway, str) else tuple(gateway)
        joined: Joined = {}
        secured: set[str] = set()
        for name in names:
            policy = self.gateways.get(name)
            if policy is None:
                continue
            served = list(_served(policy, port))
            secured.update(pattern for pattern, _, secure in served if secure)
            own = name.partition("/")[0]
            for one in self._attached[name]:
                if one.export_to and own not in one.export_to:
                    continue
                clauses = self._prepared[one.name, name].clauses
                for host in one.hosts:
                    for spelling in spellings(host):
                        for pattern, space, secure in served:
                            common = narrower(pattern, spelling)
                            if common is not None and space in ("*", one.name.partition("/")[0]):
                                _join(joined, common, spelling, (one.order, one.name, name), clauses)
                                if secure:
                                    secured.add(common)
                yield
        hosts: dict[str, HostRoutes] = {}
        for host, (_, sets) in joined.items():
            found = _in_order(sets)
            hosts[host] = HostRoutes((TO_HTTPS, *found) if host in secured else found)
            yield
        for host in sorted(secured):
            hosts.setdefault(host, HostRoutes((TO_HTTPS,)))
        self._indexes[gateway, port] = HostIndex(hosts)

    def selected(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Return the names of the gateways whose selector holds for a gateway actor with `labels`, sorted."""
        return tuple(
            sorted(
                name
                for name, policy in self.gateways.items()
                if all(labels.get(key) == value for key, value in policy.selector.items())
            )
        )


def _service(host: str) -> str:
    try:
        return called_token(host)
    except InvalidName:
        return ""


def _served(policy: GatewayPolicy, port: int | None) -> Iterator[tuple[str, str, bool]]:
    """(host pattern, namespace whose rule sets may attach, whether HTTPS is asked for) of a gateway's servers."""
    own = policy.name.partition("/")[0]
    for server in policy.servers:
        if port is None or server.port == port:
            for number, host in enumerate(server.hosts):
                space = server.namespaces[number] if number < len(server.namespaces) else "*"
                yield host.lower(), own if space == "." else space, server.https_redirect


def _join(joined: Joined, common: str, spelling: str, key: tuple[int, str, str], clauses: tuple[Clause, ...]) -> None:
    """File clauses under a host that a server and a rule set have in common.

    A server's narrow host makes `*` and `shop.example` the same one: there, too, the narrower of the two counts alone.
    """
    size, sets = joined.get(common, (-1, {}))
    own = narrowness(spelling)
    if own > size:
        sets = {}
        joined[common] = own, sets
    if own >= size:
        sets[key] = clauses


def _in_order(sets: dict[tuple[int, str, str], tuple[Clause, ...]]) -> Sequence[Clause]:
    if len(sets) == 1:
        return next(iter(sets.values()))
    clauses = [clause for key in sorted(sets) for clause in sets[key]]
    clauses.sort(key=lambda clause: clause.catch_all)
    return clauses


def compile_table(rules: Mapping[str, Rule], revision: int = 0, previous: RouteTable | None = None) -> RouteTable:
    """Return the table of `rules` (the policy table's entries by key).

    With `previous`, compiled routes are taken over from it where rule and destinations are the same, which makes a
    small change to a large table cheap. Both tables stay valid.

    Raises:
        BadPattern: a regex is no RE2.
        BadRule: a route leads nowhere.
    """
    table, steps = begin_table(rules, revision, previous)
    for _ in steps:
        pass
    return table


def begin_table(
    rules: Mapping[str, Rule], revision: int = 0, previous: RouteTable | None = None
) -> tuple[RouteTable, Steps]:
    """Return a table that is not yet to be asked, and the work that compiles it; see `compile_table`."""
    policies: list[DestinationPolicy] = []
    gateways: dict[str, GatewayPolicy] = {}
    rule_sets: list[RuleSet] = []
    delegates: dict[str, RuleSet] = {}
    outside: list[ExternalService] = []
    resilience: list[Resilience] = []
    for key in sorted(rules):
        rule = rules[key]
        if isinstance(rule, RuleSet):
            if rule.hosts:
                rule_sets.append(rule)
            else:
                delegates[rule.name] = rule
        elif isinstance(rule, DestinationPolicy):
            policies.append(rule)
        elif isinstance(rule, ExternalService):
            outside.append(rule)
        elif isinstance(rule, Resilience):
            resilience.append(rule)
        elif isinstance(rule, GatewayPolicy):
            gateways[rule.name] = rule
    rule_sets.sort(key=lambda one: (one.order, one.name))
    found = Upstreams(policies, previous.upstream if previous is not None else None, outside, resilience)
    table = RouteTable(revision, gateways, found)
    table.limits += [rule for _, rule in sorted(rules.items()) if isinstance(rule, RateLimit)]
    return table, table.fill(rule_sets, delegates, previous)
