"""Makes the fallbacks of a route and its destination, and keeps their last good answers over policy revisions."""

from collections.abc import Callable, Iterable
from weakref import WeakValueDictionary

from ..messages import fallback as rule
from ..messages.rule import RetryPolicy
from ..routing.decide import Decision
from ..routing.fall_on import FallOn
from ..routing.upstream import Upstream, any_callers
from .cluster import Cluster
from .fallback import LONGEST, Fallback, Step, Way
from .filter import Next
from .last_good import LastAnswers

Find = Callable[[str, str, int | None], Upstream]
Lead = Callable[[Upstream, RetryPolicy | None], tuple[Cluster, Next]]
"""(where to, how often to try) → who may be asked there, and the chain that asks them."""


class Degradation:
    """What one node falls back to."""

    def __init__(self) -> None:
        # As long as some revision that is kept has the filter: each revision makes its own, of the same answers.
        self._answers: WeakValueDictionary[tuple[str, str, str], LastAnswers] = WeakValueDictionary()

    def fallback(self, decision: Decision, find: Find, lead: Lead, *, outdated: bool = False) -> Fallback | None:
        """Return the filter for calls that are decided so; None where nothing is fallen back to.

        What is `outdated` changes nothing about the answers that are kept by newer rules.
        """
        upstream = decision.upstream
        policies = [
            one for one in upstream.resilience.fallbacks or () if not one.routes or decision.route in one.routes
        ]
        steps: list[Step] = []
        for one in policies:
            if isinstance(one.to, rule.Elsewhere):
                goal = any_callers(find(one.to.service, one.to.subset, one.to.port))
                if not goal.known:
                    continue  # the others stand in for it
                cluster, proceed = lead(goal, decision.retries)
                way = Way(cluster, proceed, one.to.timeout or decision.timeout or LONGEST)
                steps.append(Step(one, FallOn(one.on), way))
            else:
                steps.append(Step(one, FallOn(one.on)))
        if not steps:
            return None
        return Fallback(upstream.service, upstream.subset, steps, self._kept(upstream, policies, outdated))

    def sizes(self) -> Iterable[tuple[str, str, int, int]]:
        """Return (service, subset, answers, bytes) of what is kept."""
        return [(key[0], key[1], len(one), one.size) for key, one in self._answers.items()]

    def _kept(self, upstream: Upstream, policies: Iterable[rule.Fallback], outdated: bool) -> LastAnswers | None:
        policy = next((one.to for one in policies if isinstance(one.to, rule.LastGood)), None)
        if policy is None:
            return None
        key = (upstream.service, upstream.subset, upstream.owner)
        answers = self._answers.get(key)
        if answers is None:
            answers = self._answers[key] = LastAnswers(policy)
        elif not outdated:
            answers.use(policy)
        return answers
