"""`loadBalancer` of a Resilience → how instances are picked, beyond Istio's ways."""

from msgspec import UNSET, UnsetType

from ..messages.resilience import Balancing
from ..messages.traffic import Balancer
from .plait_resilience import Algorithm, LoadBalancer

ALGORITHMS = {Algorithm.PEAK_EWMA: Balancer.PEAK_EWMA, Algorithm.REPORTED_LOAD: Balancer.REPORTED_LOAD}


def balancing(block: LoadBalancer | UnsetType) -> Balancing | None:
    """Return what the block says, None where it says nothing."""
    if block is UNSET or (block.algorithm is UNSET and block.bounded_load is UNSET):
        return None
    return Balancing(
        None if block.algorithm is UNSET else ALGORITHMS.get(block.algorithm),
        block.algorithm is Algorithm.RENDEZVOUS,
        0.0 if block.bounded_load is UNSET else block.bounded_load / 100.0,
    )
