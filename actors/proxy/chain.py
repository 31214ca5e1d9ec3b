"""The order of the filters, with the why of each place; a filter that a route does not use is not in its chain."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from ..loop.timer import Deadlines
from ..messages import rule
from ..messages.resilience import NOTHING, Resilience
from ..messages.traffic import TrafficPolicy
from .attempt import AnyAttempt, Attempt, DistantAttempt
from .degradation import Degradation
from .fallback import Fallback
from .fault import Fault
from .filter import Filter, Next, stack
from .mirror import Copy, Mirror, Mirrors
from .rate_limits import Limits
from .retry import Retry
from .route_breaker import RouteBreaker
from .timeout import Timeout
from .wire import Wire

DEFAULT_RETRY = rule.RetryPolicy()
"""Where no rule says anything: two more attempts, only where they do no harm."""


class Chain(NamedTuple):
    """The way of a call, and what its first attempt needs to know to be sent without a coroutine."""

    proceed: Next
    """All filters, ending in an attempt."""
    attempt: Attempt
    direct: bool
    """Whether nothing acts before the first attempt: then it may be sent straight away (see `Proxy.start`)."""
    timeout: float | None
    retry: Retry | None
    heeds_answers: bool
    """Whether some answer of the service would be followed by another attempt."""
    fallback: Fallback | None = None
    limits: Limits | None = None
    """What counts the call before anything else is done with it."""


class Wants(NamedTuple):
    """What a route and its destination ask of the chain between them."""

    fault: rule.Fault | None = None
    timeout: float | None = None
    retries: rule.RetryPolicy | None = None
    copies: Sequence[Copy] = ()
    policy: TrafficPolicy = TrafficPolicy()
    resilience: Resilience = NOTHING
    fallback: Fallback | None = None
    limits: Limits | None = None
    breaker: RouteBreaker | None = None


class Chains:
    """Builds the chain of a route from its policies."""

    def __init__(self, wire: Wire, deadlines: Deadlines, rng: random.Random) -> None:
        self._wire = wire
        self.mirrors = Mirrors(wire, rng)
        """Sends copies."""
        self.degradation = Degradation()
        """Makes fallbacks."""
        self._deadlines = deadlines
        self._rng = rng

    def filters(self, wants: Wants) -> list[Filter]:
        """Return the filters for these policies, outermost first."""
        fault, timeout = wants.fault, wants.timeout
        chain: list[Filter] = []
        # Authentication will stand here. Rate limits come before all of this, in `Running`: they wait for nothing, and
        # who is refused costs nothing below.
        if wants.fallback is not None:
            # What falls back may fall back from everything below, faults included: they show whether it works.
            chain.append(wants.fallback)
        if fault is not None and (fault.delay or fault.abort_status):
            # Outside the time limit and the retries: an injected fault is what the caller sees, whatever the route
            # would have done about it (as in Envoy, where the fault filter stands before the router).
            chain.append(Fault(fault, self._deadlines, self._rng))
        if wants.copies:
            # A copy leaves once per call, not once per attempt, and not for a call that a fault has ended.
            chain.append(Mirror(self.mirrors, wants.copies, timeout))
        if timeout:
            # Around the retries: the route's time limit spans all attempts.
            chain.append(Timeout(timeout))
        policy = wants.retries or DEFAULT_RETRY
        if policy.attempts > 0:
            # Around the pick: another attempt picks another instance.
            chain.append(Retry(policy, self._deadlines, self._rng))
        # A second attempt beside the first is no filter: it begins where one takes too long (see `pace.py`).
        if wants.breaker is not None:
            # Around the pick, within the retries: it judges attempts, and ends those that would fail before they pick.
            chain.append(wants.breaker)
        return chain

    def build(self, wants: Wants) -> Chain:
        """Return the chain that ends in an attempt."""
        filters = self.filters(wants)
        retry = next((step for step in filters if isinstance(step, Retry)), None)
        direct = not any(isinstance(step, Fault | Mirror | RouteBreaker) for step in filters) and not (
            retry and retry.limits_attempts
        )
        attempt = self._attempting(wants)
        heeds = retry is not None and retry.heeds_answers
        end = wants.timeout or None
        return Chain(stack(filters, attempt), attempt, direct, end, retry, heeds, wants.fallback, wants.limits)

    def _attempting(self, wants: Wants) -> Attempt:
        policy = wants.retries or DEFAULT_RETRY
        # Where each attempt has a time of its own, that says when the next one begins.
        beside = policy.attempts if policy.per_try_timeout is None else 0
        if wants.resilience.hedge is not None:
            beside = max(1, beside)
        if policy.remote_localities:
            return DistantAttempt(self._wire, beside)
        return Attempt(self._wire, beside) if policy.ignore_previous_hosts else AnyAttempt(self._wire, beside)

    def describe(self, wants: Wants) -> tuple[str, ...]:
        """Return the names of the chain's steps, outermost first."""
        steps = [type(step).__name__.lower() for step in self.filters(wants)]
        return (*(["ratelimit"] if wants.limits else []), *steps, "pick", "attempt")
