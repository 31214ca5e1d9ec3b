"""How a destination's instances are used: balanced, limited, ejected, as travels with the traffic rules.

A block that is None is not set: what holds then is the block's own defaults, or nothing where the block says so.
"""

import enum

import msgspec

from .external import ClientTls
from .hashing import ConsistentHash


class Balancer(enum.IntEnum):
    """How an instance is picked."""

    LEAST_REQUEST = 0
    ROUND_ROBIN = 1
    RANDOM = 2
    PEAK_EWMA = 3
    REPORTED_LOAD = 4


class Locality(msgspec.Struct, frozen=True, array_like=True):
    """Which localities calls go to; a locality is `region/zone/subzone`, or the beginning of one."""

    enabled: bool = True
    distribute: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()
    """(the caller's locality, (locality, percent) of each that gets a share)."""
    failover: tuple[tuple[str, str], ...] = ()
    """(region, the region that takes its calls)."""
    priority: tuple[str, ...] = ()
    """Labels, `name` or `name=value`, by which instances are ranked: the more of the first in common, the earlier."""


class Warmup(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Instances that are new get their share of the calls little by little."""

    duration: float
    """Seconds."""
    minimum_percent: float = 10.0
    aggression: float = 1.0


class Outlier(msgspec.Struct, frozen=True, array_like=True):
    """When an instance that fails gets no calls for a while. 0 turns a condition off."""

    consecutive_5xx: int = 5
    consecutive_gateway_errors: int = 0
    consecutive_local_failures: int = 5
    """Counted where `split` is set."""
    split: bool = False
    """Failures of the mesh count apart from answers of the service."""
    interval: float = 10.0
    """Seconds between two looks at rates, and at who may return."""
    base_ejection: float = 30.0
    """Seconds of the first ejection; each further one is longer by as much."""
    longest_ejection: float = 300.0
    max_ejection_percent: float = 50.0
    min_health_percent: float = 0.0
    """With fewer healthy instances than this, calls go to all of them."""
    codes: tuple[tuple[int, int], ...] = ()
    """(first, last) statuses that are failures beside 500 to 599."""
    enabled: bool = True
    success_rate_hosts: int = 5
    """With fewer instances than this success rates are not compared; 0: never."""
    success_rate_requests: int = 100
    """Calls that an instance must have had within an interval for its rate to count."""
    success_rate_deviations: float = 1.9
    success_rate_gap: float = 5.0
    """Points that a rate must lie below the average, beside the standard deviations."""
    failure_percentage: float = 85.0
    """Share of failed calls in an interval; 0: never looked at."""
    failure_percentage_hosts: int = 5
    failure_percentage_requests: int = 50
    shared: bool = True
    """Callers pool the failures that they see."""


class Pool(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Limits of what one caller has under way."""

    per_instance: int = 100
    """Calls in the hands of one instance."""
    pending: int = 1024
    """Calls that wait for a place."""
    requests: int = 1024
    """Calls to the destination."""
    retries: int = 1024
    """Retries under way to the destination."""


class RetryBudget(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How many retries a destination gets, in proportion to its calls."""

    percent: float = 20.0
    """Of the calls of the last `interval` seconds."""
    min_concurrency: int = 3
    """So many retries may be under way at once, whatever the share says."""
    interval: float = 0.0
    """Seconds; 0 means 10."""
    per_second: float = 0.0
    """Retries that are allowed besides the share."""


DEFAULT_BUDGET = RetryBudget(min_concurrency=0, per_second=10.0)
"""Where no rule says anything: a fifth of the calls of the last 10 s, and 10 a second, for where there are few calls.
No minimum of retries under way: where calls fail at once, three of those are thousands a second."""


class TrafficPolicy(msgspec.Struct, frozen=True, array_like=True):
    """How a destination's instances are used."""

    balancer: Balancer = Balancer.LEAST_REQUEST
    hash: ConsistentHash | None = None
    """Where it is set, `balancer` picks for requests without a key."""
    tls: ClientTls | None = None
    """None leaves connections to services outside the mesh plain, where the port does not say otherwise."""
    locality: Locality | None = None
    warmup: Warmup | None = None
    outlier: Outlier | None = None
    pool: Pool | None = None
    budget: RetryBudget | None = None
