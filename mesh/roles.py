"""The mesh's own actors that a node may run: registry, policy engine, trace store, gateway."""

import time
from collections.abc import Callable, Sequence

from ..actors.bus import lean
from ..actors.bus.bus import Bus
from ..actors.messages.instance import Instance
from ..actors.messages.name import label
from ..actors.policy.engine import PolicyEngine
from ..actors.proxy.call import Caller
from ..actors.proxy.proxy import Proxy
from ..actors.runtime.spec import ChildSpec
from ..actors.table.jetstream import open_bucket
from ..gateway.gateway import INGRESS_LIMIT, Gateway, GatewayOptions
from ..gateway.listener import Listener
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
    return Instance(name, OWN + role, "v1", {**own, **labels}, locality, link.node, time.time_ns())


async def system_bus(url: str, link: Link) -> Bus | None:
    """Return a connection that sees the bus's own events; None without credentials.

    Raises:
        BusUnavailable: the credentials are not taken.
    """
    return await lean.connect(url, f"plait {link.node} system", rng=link.rng) if url else None


async def registry_spec(link: Link, options: NodeOptions, system: Bus | None) -> ChildSpec:
    """Return the registry actor of this node.

    Raises:
        MeshError: JetStream does not give a bucket.
    """
    store = await open_bucket(link.asker, f"plait-{options.mesh}-registry")
    return ChildSpec(
        "registry",
        lambda: Registry(link.node, link.subjects, link.control, store, system),
        concurrency=64,
        mailbox=10_000,
    )


async def policy_spec(link: Link, options: NodeOptions, nodes: Callable[[], set[str]]) -> ChildSpec:
    """Return the policy engine of this node.

    Raises:
        MeshError: JetStream does not give a bucket.
    """
    store = await open_bucket(link.asker, f"plait-{options.mesh}-policy")
    return ChildSpec("policy", lambda: PolicyEngine(link.subjects, link.control, store, nodes))


def traces_spec(link: Link) -> ChildSpec:
    """Return the trace store actor of this node."""
    return ChildSpec("traces", lambda: TraceActor(link.subjects, link.control))


def gateway_spec(
    link: Link, proxy: Proxy, telemetry: Telemetry, options: NodeOptions, instance: Instance
) -> tuple[ChildSpec, Callable[[], Sequence[Listener]]]:
    """Return the gateway actor of this node, and what finds its listeners once it runs."""
    caller = Caller(instance.id, instance.service, "default", instance.labels)
    proxy.wire.open(caller)
    running: list[Gateway] = []

    def listeners(gateway: Gateway) -> Sequence[Listener]:
        addresses = options.http or (Listen("127.0.0.1", 8080),)
        return [Listener(gateway.application(one.stands_for or None), one.host, one.port) for one in addresses]

    def make() -> Gateway:
        running[:] = [
            Gateway(
                proxy,
                caller,
                listeners,
                HeadSampler(options.sampling, link.rng),
                telemetry.tracer(instance.service, instance.id, instance.version),
                GatewayOptions(labels=instance.labels, debug=options.debug),
                rng=link.rng,
            )
        ]
        return running[0]

    spec = ChildSpec("gateway", make, shutdown=INGRESS_LIMIT + 2.0)
    return spec, lambda: running[0].listeners if running else ()
