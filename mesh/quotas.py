"""Mesh-wide limits in a node: the quota actor of a control-plane node, and what renews every node's leases."""

from collections.abc import Iterator, Sequence

from ..actors.proxy.proxy import Proxy
from ..actors.quota.owner import NAME
from ..actors.quota.quota import Quota
from ..actors.quota.renewal import Renewal
from ..actors.runtime.spec import ChildSpec

POLICY = "plait-policy"
"""How the nodes with a quota actor stand in the registry: where the policy engines run."""


def quotas(node: str, proxy: Proxy, targets: Sequence[str]) -> Iterator[ChildSpec]:
    """Return what renews a node's leases, and its quota actor where it runs a policy engine."""
    yield ChildSpec("leases", lambda: Renewal(node, proxy.limits, lambda: peers(proxy)), concurrency=64)
    if "policy" in targets:
        yield ChildSpec(NAME, lambda: Quota(lambda: peers(proxy)), mailbox=10_000)


def peers(proxy: Proxy) -> frozenset[str]:
    """Return the nodes that have a quota actor, as far as this node knows."""
    return frozenset(one.instance.node for one in proxy.directory.services().get(POLICY, {}).values())
