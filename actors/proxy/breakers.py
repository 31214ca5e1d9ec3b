"""The breakers of one destination's instances: a judge that leaves out who fails, and sends one call to see."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..messages.resilience import Breaker as Policy
from .breaker import Breaker, State
from .call import Call
from .endpoint import Endpoint
from .idempotence import may_run_twice
from .judge import Outcome

if TYPE_CHECKING:
    from .cluster import Cluster

log = logging.getLogger("plait.breaker")


class Breakers:
    """One breaker for each instance that calls were sent to."""

    word = "circuit open"
    """What people are told of an instance that it keeps out."""

    def __init__(self, policy: Policy, cluster: "Cluster", clock: Callable[[], float]) -> None:
        self.policy = policy
        self.opened = 0
        """How often one has opened."""
        self._cluster = cluster
        self._clock = clock
        self._breakers: dict[Endpoint, Breaker] = {}
        self._open: dict[Endpoint, Breaker] = {}

    # What a judge does

    def record(self, endpoint: Endpoint, outcome: Outcome, seconds: float) -> None:
        """Take note of an attempt; who fails too much is left out from now on, who answers a probe is back."""
        breaker = self._breakers.get(endpoint)
        if breaker is None:
            if endpoint.gone:
                return
            breaker = self._breakers[endpoint] = Breaker(self.policy)
        if breaker.record(self._clock(), outcome, seconds):
            self._changed(endpoint, breaker)

    def admits(self, endpoint: Endpoint) -> bool:
        """Return whether calls pass; the one that looks whether they may pass again is sent by `probe`."""
        return endpoint not in self._open

    def follow(self, members: Sequence[Endpoint]) -> None:
        """Forget whoever has gone."""
        known = set(members)
        for endpoint in [one for one in self._breakers if one not in known]:
            del self._breakers[endpoint]
            self._open.pop(endpoint, None)
        self._show()

    # Probes

    def probe(self, call: Call) -> Endpoint | None:
        """Return the instance that `call` is to look after, None mostly.

        A call that may run twice does no harm where the instance is as bad as it was. Others are sent only where
        nobody else is left, or where no such call has come for as long as the breaker was open.
        """
        now, cluster = self._clock(), self._cluster
        for endpoint, breaker in self._open.items():
            if not breaker.may_probe(now) or endpoint in call.tried or not cluster.admits(endpoint, but=self):
                continue
            harmless = may_run_twice(call)
            if harmless or not cluster.endpoints or now >= breaker.until + self.policy.open:
                breaker.probe(now)
                return endpoint
        return None

    # What people see

    def states(self) -> Mapping[Endpoint, State]:
        """Return the state of each breaker that is not closed."""
        now = self._clock()
        return {one: State.HALF_OPEN if now >= breaker.until else State.OPEN for one, breaker in self._open.items()}

    def _changed(self, endpoint: Endpoint, breaker: Breaker) -> None:
        where = f"{endpoint.instance.service} {self._cluster.subset}".rstrip()
        if breaker.state is State.CLOSED:
            del self._open[endpoint]
            log.info("the breaker of instance %s of %s has closed: it answers again", endpoint.id, where)
        else:
            self._open[endpoint] = breaker
            self.opened += 1
            seconds = breaker.until - self._clock()
            log.warning(
                "the breaker of instance %s of %s opens for %.3g s: %s", endpoint.id, where, seconds, breaker.why
            )
        self._show()
        self._cluster.refresh()

    def _show(self) -> None:
        """Only a destination with open breakers is asked for probes."""
        self._cluster.tripped = self if self._open else None


def tripped(clusters: Iterable["Cluster"]) -> dict[Endpoint, State]:
    """Return the state of each instance that some destination's breaker leaves out: open before half-open."""
    found: dict[Endpoint, State] = {}
    for cluster in clusters:
        if cluster.tripped is not None:
            for endpoint, state in cluster.tripped.states().items():
                if found.get(endpoint) is not State.OPEN:
                    found[endpoint] = state
    return found
