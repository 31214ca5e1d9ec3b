"""By which policy a cluster's outliers are detected: what a traffic policy says, and what a Resilience adds to it."""

from typing import Protocol

from msgspec.structs import replace

from ..messages.resilience import Detection
from ..messages.traffic import Outlier
from .hearing import Hearing
from .judge import Judge
from .outlier import Judged, OutlierJudge

OUTLIER = Outlier()
"""Where no rule says anything."""


def detecting(policy: Outlier | None, more: Detection | None) -> Outlier:
    """Return the policy that holds. Rates that a Resilience asks for are compared, also where a traffic policy turned
    everything else off."""
    found = policy or OUTLIER
    if more is None:
        return found
    if more.success is not None:
        one = more.success
        found = replace(
            found,
            success_rate_hosts=one.hosts,
            success_rate_requests=one.requests,
            success_rate_deviations=one.deviations,
            success_rate_gap=one.gap,
            enabled=found.enabled or one.hosts > 0,
        )
    if more.failure is not None:
        share = more.failure
        found = replace(
            found,
            failure_percentage=share.percent,
            failure_percentage_hosts=share.hosts,
            failure_percentage_requests=share.requests,
            enabled=found.enabled or share.percent > 0.0,
        )
    return found if more.shared is None else replace(found, shared=more.shared)


class Bench(Judged, Protocol):
    """A cluster, with the place of its judge."""

    judges: tuple[Judge, ...]
    outlier: OutlierJudge | None


def seat(cluster: Bench, policy: Outlier, hearing: Hearing) -> None:
    """Have a cluster judged by this policy from now on, or not at all where it is off."""
    judge = cluster.outlier
    if judge is not None and not policy.enabled:
        judge.end()
        hearing.dismiss(cluster.service, judge)
        cluster.judges = tuple(one for one in cluster.judges if one is not judge)
        cluster.outlier = None
        cluster.refresh()
    elif judge is not None:
        if judge.policy != policy:
            judge.use(policy)
    elif policy.enabled:
        judge = cluster.outlier = OutlierJudge(cluster, policy, hearing)
        cluster.judges = (*cluster.judges, judge)
        hearing.seat(cluster.service, judge)
