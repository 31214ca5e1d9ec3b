"""The mesh's own actors that a node may run: registry, policy engine, trace store, gateway, DNS server."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..actors.bus.bus import Bus
from ..actors.messages.error import StartFailed
from ..actors.messages.instance import Instance
from ..actors.messages.name import label
from ..actors.policy.engine import PolicyEngine
from ..actors.policy.world import UNKNOWN, World, world_of
from ..actors.proxy.call import Caller
from ..actors.proxy.proxy import Proxy
from ..actors.runtime.spec import ChildSpec
from ..actors.runtime.supervisor import Supervisor
from ..actors.table.follower import Follower
from ..gateway.door import Door
from ..gateway.gateway import INGRESS_LIMIT, Gateway, GatewayOptions
from ..gateway.recording import Recording
from ..registry.registry import Registry
from ..tracing.access import AccessFile
from ..tracing.sampler import HeadSampler
from ..tracing.store.actor import TraceActor
from ..tracing.store.jaeger import answer
from ..tracing.store.memory import TraceStore
from .link import Link
from .options import DNS, Listen, NodeOptions
from .resident import Place
from .telemetry import Telemetry

if TYPE_CHECKING:
    from ..actors.runtime.cell import Cell
    from ..registry.dns import Dns
    from ..registry.dns_door import NameDoor
    from ..registry.dns_zone import Zone
    from ..tracing.metrics import Metrics

OWN = "plait-"
"""What stands before a role's name where the registry lists it: `plait-gateway`."""

TRACES = "traces"
"""The trace store's name among a node's actors."""

HTTP = Listen("127.0.0.1", 8080)
"""Where a gateway listens unless it is told otherwise."""


def role_instance(role: str, place: Place, options: NodeOptions) -> Instance:
    """Return how a role of this node stands in the registry, so that nodes without services are seen too."""
    link = place.link
    name = label(f"{OWN}{role}-{link.node}"[-63:].strip("-"), "instance")
    own = {"app": OWN + role, "version": "v1", **({"istio": "ingressgateway"} if role == "gateway" else {})}
    return Instance(
        name,
        OWN + role,
        "v1",
        {**own, **place.labels},
        place.locality,
        link.node,
        link.ground.wall_clock_ns(),
        address=place.address,
        port=_port(role, options),
    )


def _port(role: str, options: NodeOptions) -> int:
    """The port that clients are to be told; one that is yet to be chosen is not known when a role joins."""
    listens = {"gateway": options.http[0] if options.http else HTTP, "dns": options.dns or DNS}
    return listens[role].port if role in listens else 0


async def registry_spec(link: Link, options: NodeOptions, system: Bus | None) -> ChildSpec:
    """Return the registry actor of this node.

    Raises:
        MeshError: JetStream does not give a bucket.
    """
    store = await link.ground.bucket(link, f"plait-{options.mesh}-registry")
    return ChildSpec(
        "registry",
        lambda: Registry(link.node, link.subjects, link.control, store, system, wall_clock=link.ground.wall_clock),
        concurrency=64,
        mailbox=10_000,
    )


async def policy_spec(link: Link, options: NodeOptions, proxy: Proxy) -> ChildSpec:
    """Return the policy engine of this node; who is alive it learns from the node's `proxy`.

    Raises:
        MeshError: JetStream does not give a bucket.
    """
    store = await link.ground.bucket(link, f"plait-{options.mesh}-policy")
    wall_clock = link.ground.wall_clock

    def nodes() -> set[str]:
        return {one.node for one in proxy.instances.values()}

    def world() -> World:
        instances = ((one.service, {"version": one.version, **one.labels}) for one in proxy.instances.values())
        found = world_of(instances, wall_clock())
        return found if found.services else UNKNOWN  # a mesh that only begins: nothing can be concluded

    return ChildSpec(
        "policy", lambda: PolicyEngine(link.subjects, link.control, store, nodes, wall_clock=wall_clock, world=world)
    )


def traces_spec(link: Link) -> ChildSpec:
    """Return the trace store actor of this node."""
    return ChildSpec(TRACES, lambda: TraceActor(link.subjects, link.control))


def count_traces(metrics: "Metrics", traces: "Cell") -> None:
    """Have a node's metrics tell what its trace store holds and what it had to give up."""

    def store() -> TraceStore | None:
        return traces.actor.store if isinstance(traces.actor, TraceActor) else None

    def held() -> list[tuple[tuple[str, ...], float]]:
        kept = store()
        return [] if kept is None else [(("traces",), len(kept)), (("spans",), kept.spans), (("bytes",), kept.size)]

    def lost() -> list[tuple[tuple[str, ...], float]]:
        kept = store()
        return [] if kept is None else [(("trace_evicted",), kept.evicted), (("span_dropped",), kept.dropped)]

    metrics.read_gauge("plait_trace_store", "What the trace store holds.", ("what",), held)
    metrics.read_counter("plait_trace_store_lost", "What made room, or did not fit its trace.", ("what",), lost)


def read_traces(supervisor: Supervisor) -> Callable[[str, str], tuple[int, bytes]]:
    """Return what answers Jaeger's query API from the trace store actor of this node."""

    def read(path: str, query: str) -> tuple[int, bytes]:
        cell = supervisor.find(TRACES)
        actor = None if cell is None else cell.actor
        if not isinstance(actor, TraceActor):
            return 503, b'{"error":{"httpCode":503,"message":"the trace store is being restarted"}}'
        return answer(actor.store, path, query)

    return read


def gateway_spec(
    link: Link, proxy: Proxy, telemetry: Telemetry, options: NodeOptions, instance: Instance
) -> tuple[ChildSpec, Callable[[], Sequence[Door]]]:
    """Return the gateway actor of this node, and what finds its listeners once it runs."""
    tracer = telemetry.tracer(instance.service, instance.id, instance.version)
    caller = Caller(instance.id, instance.service, "default", instance.labels, tracer)
    proxy.wire.open(caller)
    running: list[Gateway] = []
    recordings: list[AccessFile] = []
    if options.access_log:
        telemetry.metrics.read_counter(
            "plait_access_log_dropped",
            "Lines of the access log that were lost.",
            (),
            lambda: [((), float(sum(one.dropped for one in recordings)))],
        )

    def recording() -> Recording | None:
        """Open the access log anew for each life of the gateway, which closes it."""
        if not options.access_log:
            return None
        recordings.append(open_log(options.access_log, options.access_log_format))
        return Recording(recordings[-1], link.ground.clock, link.ground.wall_clock)

    def listeners(gateway: Gateway) -> Sequence[Door]:
        addresses = options.http or (HTTP,)
        door = link.ground.listener
        return [door(gateway.application(one.stands_for or None), one.host, one.port) for one in addresses]

    def make() -> Gateway:
        running[:] = [
            Gateway(
                proxy,
                caller,
                listeners,
                HeadSampler(options.sampling, link.rng),
                tracer,
                link.rng,
                GatewayOptions(labels=instance.labels, debug=options.debug, trusted_hops=options.trusted_hops),
                recording=recording(),
            )
        ]
        return running[0]

    spec = ChildSpec("gateway", make, shutdown=INGRESS_LIMIT + 2.0)
    return spec, lambda: running[0].listeners if running else ()


def open_log(path: str, form: str) -> AccessFile:
    """Open the access log.

    Raises:
        StartFailed: the file cannot be written.
    """
    try:
        return AccessFile(path, as_json=form == "json")
    except OSError as error:
        raise StartFailed(f"the access log {path} cannot be written: {error.strerror}") from error


def dns_zone(options: NodeOptions, registry: Follower) -> "Zone":
    """Return the names that DNS answers for, as the node's replica of the registry has them now."""
    from ..registry.dns_zone import Zone  # here and below: gateways and engines have no use for what it loads

    zone = Zone(options.locality)
    zone.apply(dict(registry.replica.entries), whole=True)
    return zone


def dns_spec(link: Link, options: NodeOptions, zone: "Zone", registry: Follower) -> "tuple[ChildSpec, NameDoor]":
    """Return the DNS actor of this node, and its address: it outlives the actor's lives.

    Raises:
        StartFailed: nodes on this ground answer no names.
    """
    from ..registry.dns import Dns
    from ..registry.dns_door import DnsOptions

    at, to = options.dns or DNS, options.dns_forward
    door = link.ground.name_door(at.host, at.port, None if to is None else (to.host, to.port))
    how = DnsOptions(ttl=options.dns_ttl, forward=to is not None)

    def make() -> Dns:
        return Dns(door, zone, lambda: registry.revision, link.node, link.rng, link.ground.clock, how)

    return ChildSpec("dns", make), door


def count_names(metrics: "Metrics", dns: "Cell") -> None:
    """Have a node's metrics tell what became of the DNS questions that came to it."""

    def read() -> list[tuple[tuple[str, ...], float]]:
        actor: Dns | None = dns.actor  # type: ignore[assignment]
        return [] if actor is None else [((word,), float(count)) for word, count in sorted(actor.tally().items())]

    metrics.read_counter("plait_dns", "DNS questions, and what became of some of them.", ("outcome",), read)
