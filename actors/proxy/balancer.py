"""Which balancer a policy names, and how those that learn from outcomes hear of them."""

import random
from collections.abc import Callable, Sequence

from ..balancing.least_request import LeastRequest
from ..balancing.peak_ewma import Estimates, PeakEwma
from ..balancing.picker import Picker as Balances
from ..balancing.random_choice import RandomChoice
from ..balancing.reported_load import ReportedLoad
from ..balancing.round_robin import RoundRobin
from ..messages.traffic import Balancer
from .endpoint import Endpoint
from .judge import Outcome

Picker = Balances[Endpoint]
"""Picks one of several endpoints."""


def maker(kind: Balancer, rng: random.Random, clock: Callable[[], float]) -> Callable[[], Picker]:
    """Return what makes pickers of the kind that a policy names, for one destination: what they learn they share."""
    if kind is Balancer.ROUND_ROBIN:
        return lambda: RoundRobin(rng)
    if kind is Balancer.RANDOM:
        return lambda: RandomChoice(rng)
    if kind is Balancer.PEAK_EWMA:
        estimates = Estimates(clock)
        return lambda: PeakEwma(rng, estimates)
    if kind is Balancer.REPORTED_LOAD:
        return lambda: ReportedLoad(rng, clock)
    return lambda: LeastRequest(rng)


class Ear:
    """Hears outcomes for a balancer, as a judge that has nothing against anybody."""

    def __init__(self, estimates: Estimates) -> None:
        self._estimates = estimates

    def record(self, endpoint: Endpoint, outcome: Outcome, seconds: float) -> None:
        """Hand it on."""
        self._estimates.record(endpoint, outcome, seconds)

    def admits(self, endpoint: Endpoint) -> bool:
        """Admit everybody."""
        return True

    def follow(self, members: Sequence[Endpoint]) -> None:
        """Keep nothing: what is learnt stands on the endpoints."""


def ear(one: Picker) -> tuple[Ear, ...]:
    """Return what is to hear outcomes for a picker: nobody for those that learn nothing."""
    return (Ear(one.estimates),) if isinstance(one, PeakEwma) else ()
