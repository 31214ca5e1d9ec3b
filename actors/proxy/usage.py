"""How a node uses the instances of a service, for people: what it sent them, what came of it, what a pick weighs."""

from collections.abc import Iterable
from typing import Any

from ..balancing.least_request import LeastRequest
from ..balancing.peak_ewma import PeakEwma
from ..balancing.reported_load import ReportedLoad, weight_of
from ..messages.load import figures
from .cluster import Cluster
from .endpoint import Endpoint
from .judge import Judge
from .tally import TURN

Item = dict[str, Any]


def usage(endpoints: Iterable[Endpoint], clusters: Iterable[Cluster], now: float) -> list[Item]:
    """Return what a node knows of each of these instances, which are one service's; seconds, and shares from 0 to 1."""
    found: list[Item] = []
    those = tuple(clusters)
    for one in sorted(endpoints, key=lambda one: one.id):
        tally = one.tally
        if tally.turned and now - tally.turned >= TURN:
            tally.turn(now)
        found.append(
            {
                "instance": one.id,
                "weight": round(one.weight, 4),
                "active": one.active,
                "requests": tally.requests,
                "failures": tally.failures,
                "rate": round(tally.rate, 3),
                "failing": round(tally.recent_failures / tally.recent, 4) if tally.recent > 0.01 else 0.0,
                "latency": round(tally.latency, 6),
                "score": round(one.score, 3),
                "load": None if one.load is None else {**figures(one.load), "age": round(now - one.loaded_at, 3)},
                "picks": [_pick(one, cluster, now) for cluster in those if one in cluster.members],
            }
        )
    return found


def _pick(one: Endpoint, cluster: Cluster, now: float) -> Item:
    """How it stands in one destination: what keeps it out, or what a pick just now would weigh."""
    item: Item = {"subset": cluster.subset, "out": _out(one, cluster)}
    if one in cluster.endpoints:
        by, value = weighed(one, cluster, now)
        item |= {"by": by, "value": value}
    return item


def _out(one: Endpoint, cluster: Cluster) -> str:
    """Why it gets no calls; empty where it does."""
    for judge in cluster.judges:
        if not judge.admits(one):
            return _word(judge)
    return "" if one in cluster.endpoints else "not in the first locality, or not healthy"


def _word(judge: Judge) -> str:
    """What a judge does with those that it keeps out; its class says what it is where it has no word."""
    word = getattr(judge, "word", "")
    return word if isinstance(word, str) and word else type(judge).__name__.lower()


def weighed(one: Endpoint, cluster: Cluster, now: float) -> tuple[str, float]:
    """Return what a pick compares of an instance just now, by name, and how much that is."""
    if cluster.hashing is not None:
        return "weight (the key decides)", round(one.weight, 4)
    balancer = cluster.balancer
    if isinstance(balancer, LeastRequest):
        return "in flight / weight (less wins)", round(one.active / one.weight, 4)
    if isinstance(balancer, PeakEwma):
        expected = balancer.estimates.of(one, now) * (one.active / one.weight + 1.0)
        return "seconds until an answer (less wins)", round(expected, 6)
    if isinstance(balancer, ReportedLoad) and (weight := weight_of(one.load)):
        return "requests per second at full load", round(weight, 4)
    return "weight", round(one.weight, 4)
