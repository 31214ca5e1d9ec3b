"""The instances that one destination (service and subset) may be sent to, with the balancer's state."""

import random
from collections.abc import Mapping, Sequence

from ..balancing.picker import alike
from ..loop.slice import Slices
from ..messages.error import BreakerOpen, NoEndpoints
from ..messages.hashing import ConsistentHash
from ..messages.health import ROUTABLE, SUSPECTED
from ..messages.resilience import NOTHING, Admission, Balancing, Breaker, Resilience
from ..messages.traffic import DEFAULT_BUDGET, Balancer, TrafficPolicy
from .admission import Admissions
from .ahead import Placed, shape
from .balancer import Ear, Picker, ear, maker
from .breakers import Breakers
from .budget import Budget
from .call import Call
from .ejection import Ejection
from .endpoint import Endpoint
from .hashing import Hashing
from .judge import Judge, Outcome
from .outlier import OutlierJudge
from .pace import PATIENCE, Pace, patience
from .pool import DEFAULT, Pool
from .share import NOWHERE, Around, Shares

BALANCING = Balancing()
"""Says nothing."""


class Cluster:
    """One destination. The set of endpoints is replaced as a whole; balancer and counters stay."""

    def __init__(
        self, service: str, subset: str, rng: random.Random, slices: Slices | None = None, around: Around = NOWHERE
    ) -> None:
        self.service = service
        self.subset = subset
        self.endpoints: tuple[Endpoint, ...] = ()
        """Who may be picked just now."""
        self.members: tuple[Endpoint, ...] = ()
        """All that are known, whatever their health, in the same order on every node."""
        self.judges: tuple[Judge, ...] = ()
        self.pool = Pool()
        """What is under way, its limits, and who waits for a place."""
        self.outlier: OutlierJudge | None = None
        """The judge that ejects outliers, one of `judges`."""
        self.breakers: Breakers | None = None
        self.tripped: Breakers | None = None
        """They, while one of them is not closed: then some call has to look how the instance does."""
        self.admission: Admissions | None = None
        """Says which part of the calls is sent, where a policy asks for that."""
        self.hashing: Hashing | None = None
        """Picks by a key of the call, where the policy asks for that."""
        self.budget = Budget(DEFAULT_BUDGET)
        """How many retries its calls may have."""
        self.pace = Pace()
        """When a second attempt begins beside the first."""
        self._rng = rng
        self._slices = slices
        self.shares = Shares(around, self.refresh)
        """Localities, weights and warm-up."""
        self._clock = around.clock
        self._kind = Balancer.LEAST_REQUEST
        self._make = maker(self._kind, rng, around.clock)
        self._balancer: Picker = self._make()
        self._picker = self._balancer

    @property
    def balancer(self) -> Picker:
        """What picks an instance where no key of the call does; one of several alike, where localities come first."""
        return self._balancer

    def use(self, policy: TrafficPolicy, resilience: Resilience = NOTHING, made: Placed | None = None) -> None:
        """Treat its instances in this way from now on; what stays keeps its state.

        `made` are places that were made ahead, for a cluster that is not yet hashed in this shape.
        """
        self.pool.use(policy.pool or DEFAULT)
        self._admit(resilience.admission)
        balancing = resilience.balancing or BALANCING
        kind = policy.balancer if balancing.balancer is None else balancing.balancer
        if kind is not self._kind:
            self._kind = kind
            self._make = maker(kind, self._rng, self._clock)
            self._balancer = self._make()
            self.judges = (*(one for one in self.judges if not isinstance(one, Ear)), *ear(self._balancer))
        picker = self.shares.use(policy, self._rng, self._make, self._balancer)
        if picker is not self._picker:
            self._picker = picker
            self._weigh()
        self.budget.use(policy.budget or DEFAULT_BUDGET)
        self.pace.use(PATIENCE if resilience.hedge is None else patience(resilience.hedge))
        hashed = policy.hash
        if hashed is None:
            self.hashing = None
        elif self.hashing is None or self.hashing.shape != shape(hashed, balancing):
            fitting = None if balancing.rendezvous else made
            self.hashing = Hashing(hashed, self._rng, self._slices, fitting, balancing)
            self.hashing.follow(self.members, self.endpoints, self.shares.leveled)
        else:
            self.hashing.use(hashed, balancing)
        self._break(resilience.breaker)

    def _break(self, policy: Breaker | None) -> None:
        """Have breakers of this policy; another policy begins anew."""
        wanted = policy if policy is not None and policy.instances else None
        if wanted == (None if self.breakers is None else self.breakers.policy):
            return
        judges = tuple(one for one in self.judges if one is not self.breakers)
        self.breakers = self.tripped = None
        if wanted is not None:
            self.breakers = Breakers(wanted, self, self._clock)
            judges = (*judges, self.breakers)
        self.judges = judges
        self.refresh()

    def _admit(self, asked: Admission | None) -> None:
        if asked != (None if self.admission is None else self.admission.asked):
            self.judges = tuple(one for one in self.judges if one is not self.admission)
            self.admission = None
            if asked is not None:
                self.admission = Admissions(asked, self._clock, self._rng.random)
                self.judges = (*self.judges, self.admission)

    def shaped(self, hashed: ConsistentHash) -> bool:
        """Return whether it has the places that this policy leads by, where nothing else is said."""
        return self.hashing is not None and self.hashing.shape == shape(hashed)

    def take(self, members: tuple[Endpoint, ...]) -> None:
        """Have these members from now on."""
        self.members = members
        for judge in self.judges:
            judge.follow(members)
        self.refresh()

    def refresh(self) -> None:
        """Find anew who may be picked: whenever a member's health or a judge's mind has changed."""
        endpoints = reachable(self.members)
        for judge in self.judges:
            endpoints = tuple(one for one in endpoints if judge.admits(one))
        self.endpoints = endpoints = self.shares.follow(self.members, endpoints)
        self._weigh()
        if self.hashing is not None:
            self.hashing.follow(self.members, endpoints, self.shares.leveled)
        self.pool.follow(endpoints)

    def _weigh(self) -> None:
        """Tell the picker who there is, and what they weigh now."""
        self._picker.follow(self.endpoints, alike([one.weight for one in self.endpoints]))

    def record(self, endpoint: Endpoint, outcome: Outcome, seconds: float) -> None:
        """Take note of what came of an attempt."""
        for judge in self.judges:
            judge.record(endpoint, outcome, seconds)

    def ejected(self, endpoint: Endpoint) -> Ejection | None:
        """Return why and until when an instance is out of rotation; None where it is not."""
        return None if self.outlier is None else self.outlier.ejected.get(endpoint)

    def pick(self, tried: Sequence[Endpoint]) -> Endpoint:
        """Return the endpoint for the next attempt, one that was not tried yet where there is one, on another node than
        those where there is one: instances that share a process stand still, drain and die together.

        Raises:
            NoEndpoints: the destination has none.
        """
        endpoints = self.endpoints
        if tried:
            fresh = tuple(e for e in endpoints if e not in tried)
            nodes = {e.instance.node for e in tried}
            endpoints = tuple(e for e in fresh if e.instance.node not in nodes) or fresh or endpoints
        if not endpoints:
            raise self.nobody()
        return self._picker.pick(endpoints)

    def nobody(self) -> NoEndpoints:
        """Return why no instance may be picked."""
        return NoEndpoints() if self.tripped is None else BreakerOpen()

    def admits(self, endpoint: Endpoint, *, but: Judge) -> bool:
        """Return whether an instance might be called if `but` did not judge."""
        others = (one for one in self.judges if one is not but)
        return endpoint in reachable(self.members) and all(one.admits(endpoint) for one in others)

    def choose(self, call: Call, avoided: Sequence[Endpoint]) -> Endpoint:
        """Return the endpoint for an attempt of `call`, by its key where calls are hashed, else as `pick`.

        Raises:
            NoEndpoints: the destination has none.
        """
        return self.pick(avoided) if self.hashing is None else self.hashing.pick(call, avoided, self)

    def choose_with_room(self, call: Call, avoided: Sequence[Endpoint]) -> Endpoint | None:
        """Return an endpoint that has a place for an attempt, one that is not avoided where there is one; None where
        all are full."""
        most = self.pool.per_instance
        roomy = tuple(one for one in self.endpoints if one.active < most)
        if not roomy:
            return None
        fresh = tuple(one for one in roomy if one not in avoided) or roomy
        if self.hashing is None:
            return self._picker.pick(fresh)
        endpoint = self.hashing.pick(call, [one for one in self.endpoints if one not in fresh], self)
        return endpoint if endpoint.active < most else fresh[0]


def reachable(members: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """Return who may be called by what the registry says. Suspicion is no proof: where nobody else is left, those who
    are silent are asked all the same."""
    healthy = tuple(one for one in members if one.instance.health in ROUTABLE)
    return healthy or tuple(one for one in members if one.instance.health == SUSPECTED)


def carries(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Return whether `labels` hold every one of the `wanted` labels."""
    return all(labels.get(key) == value for key, value in wanted.items())
