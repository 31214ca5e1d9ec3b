"""Binds a node's gauges to what they measure: read when somebody looks, not kept up."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from ..actors.bus.bus import Bus, BusState
from ..actors.messages.health import OWN
from ..actors.messages.instance import Instance
from ..actors.messages.priority import Priority
from ..actors.proxy.proxy import Proxy
from ..actors.proxy.revision import PolicyFollower
from ..actors.runtime.call_box import CallBox
from ..actors.runtime.supervisor import Supervisor
from ..actors.table.follower import Follower
from ..tracing.metrics import Metrics
from .link import Link
from .resilience_gauge import measure_resilience

if TYPE_CHECKING:
    from prometheus_client import Counter


def measure(
    metrics: Metrics,
    link: Link,
    supervisor: Supervisor,
    proxy: Proxy,
    registry: Follower,
    policy: PolicyFollower,
    members: Mapping[str, Instance],
) -> None:
    """Bind mailboxes, connections and replicas of one node to its metrics."""
    node = link.node
    metrics.mailboxes(lambda: [((node, cell.path), len(cell.mailbox)) for cell in supervisor.cells()])
    metrics.read_counter(
        "plait_mailbox_handled",
        "Messages taken out of a mailbox.",
        ("service", "instance"),
        lambda: [((node, cell.path), float(cell.mailbox.handled)) for cell in supervisor.cells()],
    )
    metrics.read_counter(
        "plait_mailbox_waited_seconds",
        "Time that these messages waited, together.",
        ("service", "instance"),
        lambda: [((node, cell.path), cell.mailbox.waited) for cell in supervisor.cells()],
    )
    for name, bus in (("data", link.data), ("control", link.control)):
        metrics.bus_connected.labels(name).set_function(partial(_connected, bus))
        bus.listen(partial(_count_reconnect, metrics.bus_reconnects.labels(name)))
    metrics.read_counter(
        "plait_mirrored",
        "Copies of requests, by what became of them.",
        ("destination", "outcome"),
        lambda: list(proxy.mirrored.items()),
    )
    metrics.read_counter(
        "plait_fault_strikes",
        "Attempts that a Fault has struck.",
        ("fault", "destination"),
        lambda: list(proxy.disruptions.struck.items()),
    )
    metrics.read_counter(
        "plait_overflow",
        "Calls and retries refused by a destination's limits, by the limit.",
        ("destination", "limit"),
        lambda: list(proxy.counts.overflowed.items()),
    )
    metrics.read_counter(
        "plait_breaker_opened",
        "How often circuit breakers have opened, by what they stand before: an instance or a route.",
        ("destination", "scope"),
        lambda: list(proxy.counts.opened.items()),
    )
    metrics.read_gauge(
        "plait_breaker_open",
        "1 for an instance that a circuit breaker leaves out.",
        ("service", "instance"),
        lambda: [((one.instance.service, one.id), 1.0) for one in proxy.counts.tripped],
    )
    metrics.read_gauge(
        "plait_pending_calls",
        "Calls that wait for a place at an instance.",
        ("destination",),
        lambda: [((service,), float(count)) for service, count in proxy.counts.queued.items()],
    )
    measure_resilience(metrics, link, proxy)
    metrics.read_counter(
        "plait_rate_limited",
        "Calls that a rate limit counted, by what became of them.",
        ("limit", "outcome"),
        proxy.limits.counts,
    )
    metrics.read_counter(
        "plait_shed",
        "Calls that were refused because too many waited, by their priority.",
        ("instance", "priority"),
        lambda: [
            ((cell.name, one.name.lower()), float(cell.mailbox.shed[one]))
            for cell in supervisor.cells()
            if isinstance(cell.mailbox, CallBox)
            for one in Priority
        ],
    )
    metrics.read_counter(
        "plait_ejections",
        "Instances that outlier detection took out of rotation.",
        ("destination", "subset", "cause"),
        lambda: list(proxy.hearing.ejections.items()),
    )
    metrics.read_counter(
        "plait_ejections_withheld",
        "Ejections that were due and were not carried out, by why not.",
        ("destination", "subset", "reason"),
        lambda: list(proxy.hearing.withheld.items()),
    )
    metrics.read_gauge(
        "plait_ejected",
        "Instances out of rotation just now.",
        ("destination", "subset"),
        lambda: [
            ((one.service, one.subset), float(len(one.outlier.ejected)))
            for one in proxy.directory.clusters()
            if one.outlier is not None
        ],
    )
    metrics.read_gauge(
        "plait_instance_health",
        "1 for the health that an instance of this node has, 0 for the others.",
        ("service", "instance", "health"),
        lambda: [
            ((one.service, one.id, health), float(one.health == health)) for one in members.values() for health in OWN
        ],
    )
    metrics.policy_revision.set_function(lambda: float(proxy.snapshot.revision))
    metrics.policy_stale.set_function(lambda: float(policy.stale))
    metrics.registry_stale.set_function(lambda: float(registry.stale))
    metrics.read_counter(
        "plait_mirror_compared",
        "Answers compared with those to copies of their requests, by what came of it.",
        ("destination", "mirror", "route", "outcome"),
        lambda: list(proxy.chains.mirrors.comparisons.totals().items()),
    )
    metrics.read_gauge(
        "plait_last_good_bytes",
        "Bytes of the last good answers that this node keeps for fallbacks.",
        ("destination", "subset"),
        lambda: [((service, subset), float(size)) for service, subset, _, size in proxy.chains.degradation.sizes()],
    )


def _count_reconnect(counter: "Counter", state: BusState) -> None:
    if state is BusState.CONNECTED:
        counter.inc()


def _connected(bus: Bus) -> float:
    return float(bus.state is BusState.CONNECTED)
