"""The mesh's own actors that a node may run: registry, policy engine, trace store, gateway."""

from collections.abc import Callable, Sequence

from ..actors.bus.bus import Bus
from ..actors.messages.instance import Instance
from ..actors.messages.name import label
from ..actors.policy.engine import PolicyEngine
from ..actors.proxy.call import Caller
from ..actors.proxy.proxy import Proxy
from ..actors.runtime.spec import ChildSpec
from ..gateway.door import Door
from ..gateway.gateway import INGRESS_LIMIT, Gateway, GatewayOptions
from ..registry.registry import Registry
from ..tracing.sampler import HeadSampler
from ..tracing.store.actor import TraceActor
from .link import Link
from .options import Listen, NodeOptions
from .telemetry import Telemetry

OWN = "plait-"
"""What stands before a role's name where the registry lists it: `plait-gateway`."""


def role_instance(role: str, link: Link, labels: dict[str, str], locality: str) -> Instance:
    """Return how a role of this node stands in the registry, so that nodes without services are seen too."""
    name = label(f"{OWN}{role}-{link.node}"[-63:].strip("-"), "instance")
    own = {"app": OWN + role, "version": "v1", **({"istio": "ingressgateway"} if role == "gateway" else {})}
    return Instance(name, OWN + role, "v1", {**own, **labels}, locality, link.node, link.ground.wall_clock_ns())


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


async def policy_spec(link: Link, options: NodeOptions, nodes: Callable[[], set[str]]) -> ChildSpec:
    """Return the policy engine of this node.

    Raises:
        MeshError: JetStream does not give a bucket.
    """
    store = await link.ground.bucket(link, f"plait-{options.mesh}-policy")
    wall_clock = link.ground.wall_clock
    return ChildSpec("policy", lambda: PolicyEngine(link.subjects, link.control, store, nodes, wall_clock=wall_clock))


def traces_spec(link: Link) -> ChildSpec:
    """Return the trace store actor of this node."""
    return ChildSpec("traces", lambda: TraceActor(link.subjects, link.control))


def gateway_spec(
    link: Link, proxy: Proxy, telemetry: Telemetry, options: NodeOptions, instance: Instance
) -> tuple[ChildSpec, Callable[[], Sequence[Door]]]:
    """Return the gateway actor of this node, and what finds its listeners once it runs."""
    caller = Caller(instance.id, instance.service, "default", instance.labels)
    proxy.wire.open(caller)
    running: list[Gateway] = []

    def listeners(gateway: Gateway) -> Sequence[Door]:
        addresses = options.http or (Listen("127.0.0.1", 8080),)
        door = link.ground.listener
        return [door(gateway.application(one.stands_for or None), one.host, one.port) for one in addresses]

    def make() -> Gateway:
        running[:] = [
            Gateway(
                proxy,
                caller,
                listeners,
                HeadSampler(options.sampling, link.rng),
                telemetry.tracer(instance.service, instance.id, instance.version),
                link.rng,
                GatewayOptions(labels=instance.labels, debug=options.debug),
            )
        ]
        return running[0]

    spec = ChildSpec("gateway", make, shutdown=INGRESS_LIMIT + 2.0)
    return spec, lambda: running[0].listeners if running else ()
