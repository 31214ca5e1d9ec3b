"""The breaker of a route: while too many of its attempts fail, its calls fail at once, before an instance is picked."""

import logging
from collections.abc import Callable

from ..messages.envelope import ReplyFrame
from ..messages.error import BreakerOpen, MeshError
from ..messages.resilience import Breaker as Policy
from .breaker import Breaker, State
from .call import Call
from .filter import Next
from .judge import Outcome

log = logging.getLogger("plait.breaker")


class RouteBreaker:
    """Watches the attempts of one route to one destination; a filter, whose state outlives policy revisions."""

    def __init__(self, policy: Policy, name: str, clock: Callable[[], float]) -> None:
        """`name` is the route's, for people."""
        self.policy = policy
        self.name = name
        self.opened = 0
        """How often it has opened."""
        self.breaker = Breaker(policy)
        self._clock = clock

    def use(self, policy: Policy) -> None:
        """Judge by this policy from now on; another policy begins anew."""
        if policy != self.policy:
            self.policy, self.breaker = policy, Breaker(policy)

    async def __call__(self, call: Call, proceed: Next) -> ReplyFrame:
        """Pass the call on and take note of what comes of it.

        Raises:
            BreakerOpen: too many of the route's attempts have failed.
        """
        breaker, began = self.breaker, self._clock()
        if breaker.state is not State.CLOSED:
            if not breaker.may_probe(began):
                raise BreakerOpen(f"{BreakerOpen.sentence}: route {self.name}, {breaker.why}")
            breaker.probe(began)
        outcome: Outcome = None
        try:
            outcome = await proceed(call)
            return outcome
        except MeshError as error:
            outcome = error
            raise
        finally:
            now = self._clock()
            if breaker.record(now, outcome, now - began):
                self._tell(now, breaker)
            del outcome  # it may be an error, which knows this frame: only the collector would part them

    def _tell(self, now: float, breaker: Breaker) -> None:
        if breaker.state is State.CLOSED:
            log.info("the breaker of route %s has closed: it is answered again", self.name)
        else:
            self.opened += 1
            seconds = breaker.until - now
            log.warning("the breaker of route %s opens for %.3g s: %s", self.name, seconds, breaker.why)
