"""Outlier detection: the judge that takes an instance out of rotation while its peers serve better.

An instance goes for failures in a row, seen here or by several callers together (`hearing.py`), and for rates at each
interval; it returns at the first interval after its time. Recording a success costs a counter.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from ..messages.envelope import ReplyFrame
from ..messages.health import CRITICAL, ROUTABLE, STARTING
from ..messages.traffic import Outlier
from .ejection import Ejection, enough, lasting, room
from .endpoint import Endpoint
from .hearing import Hearing
from .judge import Outcome
from .judgement import Judgement, judge, told
from .standing import Standing, step
from .success_rate import failing, stragglers
from .testimony import NONE

CAUSES = ("consecutive_5xx", "consecutive_gateway_errors", "consecutive_local_failures")


class Judged(Protocol):
    """The cluster that is judged."""

    service: str
    subset: str
    members: tuple[Endpoint, ...]

    def refresh(self) -> None:
        """Find anew who may be picked."""
        ...


class OutlierJudge:
    """Judges the instances of one cluster by how they answer."""

    word = "ejected"
    """What people are told of an instance that it keeps out."""

    def __init__(self, cluster: Judged, policy: Outlier, hearing: Hearing) -> None:
        self.cluster = cluster
        self.ejected: dict[Endpoint, Ejection] = {}
        """Who is out of rotation."""
        self._barred: dict[Endpoint, Ejection] = {}
        """Those of them that get no calls: none where too few are left."""
        self._standings: dict[Endpoint, Standing] = {}
        self._unwell: set[Endpoint] = set()
        """Those of the ejected whose own health check has failed meanwhile."""
        self._hearing = hearing
        self._armed = False
        self.use(policy)

    def use(self, policy: Outlier) -> None:
        """Judge by this policy from now on; counts stay, and ejections, as far as it allows for so many."""
        self.policy = policy
        self._codes = frozenset(code for first, last in policy.codes for code in range(first, last + 1))
        local = policy.consecutive_local_failures if policy.split else 0
        self._thresholds = (policy.consecutive_5xx, policy.consecutive_gateway_errors, local)
        if self.ejected:
            self._settle()
            self.cluster.refresh()

    @property
    def shared(self) -> bool:
        """Whether it tells others of failures, and heeds what they tell."""
        return self.policy.shared

    # What it hears

    def record(self, endpoint: Endpoint, outcome: Outcome, seconds: float) -> None:
        """Take note of an attempt."""
        standing = self._standings.get(endpoint) or self._begin(endpoint)
        if type(outcome) is ReplyFrame and outcome.status < 500 and outcome.status not in self._codes:
            standing.well += 1
            if standing.uneasy:
                self._calm(endpoint, standing)
            return
        judgement = judge(outcome, seconds, self._codes)
        if judgement is Judgement.WELL:
            standing.well += 1
            self._calm(endpoint, standing)
            return
        if judgement is Judgement.NOTHING or endpoint in self.ejected or endpoint.gone:
            return
        if judgement is Judgement.LOCAL and not self._hearing.hears():
            return
        steps = step(judgement, self.policy.split)
        standing.fail(steps)
        self._arm()
        self._hearing.failed(endpoint, steps, judgement is Judgement.LOCAL, self.policy.shared)
        if endpoint not in self.ejected:  # what was heard together has not ejected it
            self._by_itself(endpoint, standing, judgement, told(outcome))

    def _calm(self, endpoint: Endpoint, standing: Standing) -> None:
        standing.counts, standing.uneasy = NONE, False
        self._arm()
        self._hearing.answered(endpoint, self.policy.shared)

    def alert(self, endpoint: Endpoint) -> None:
        """Others complain of it: its next good answer here is news."""
        standing = self._standings.get(endpoint)
        if standing is not None:
            standing.uneasy = True

    def reconsider(self, endpoint: Endpoint) -> None:
        """Other words have been said of an instance: look what they come to."""
        if not self.policy.shared or endpoint in self.ejected or endpoint not in self.cluster.members:
            return
        for kind, threshold in enumerate(self._thresholds):
            if threshold:
                failures, speakers = self._hearing.together(endpoint, kind, threshold)
                if speakers >= 2 and failures >= threshold:
                    why = f"{failures} failures in a row with {speakers} callers"
                    self._eject(endpoint, CAUSES[kind], why, shared=True)
                    return
        until = self._hearing.out(endpoint)
        if until is not None:
            self._join(endpoint, until)

    def _begin(self, endpoint: Endpoint) -> Standing:
        standing = Standing(uneasy=self._hearing.accused(endpoint))
        if not endpoint.gone:
            self._standings[endpoint] = standing
            self._arm()
        return standing

    # What it decides

    def _by_itself(self, endpoint: Endpoint, standing: Standing, judgement: Judgement, last: str) -> None:
        for kind, threshold in enumerate(self._thresholds):
            if threshold and standing.counts[kind] >= threshold:
                if judgement is Judgement.LOCAL and self._hearing.doubts_itself():
                    self._hearing.withheld[self.cluster.service, self.cluster.subset, "own_network"] += 1
                else:
                    why = f"{standing.counts[kind]} failures in a row, the last: {last}"
                    self._eject(endpoint, CAUSES[kind], why)
                return

    def _eject(self, endpoint: Endpoint, cause: str, reason: str, shared: bool = False) -> None:
        refused = self._refused()
        if refused:
            self._hearing.withheld[self.cluster.service, self.cluster.subset, refused] += 1
            return
        now, standing = self._hearing.clock(), self._standings.setdefault(endpoint, Standing())
        standing.times += 1
        until = now + lasting(self.policy, standing.times)
        self._put_out(endpoint, Ejection(cause, reason, now, until, standing.times, shared))

    def _join(self, endpoint: Endpoint, until: float) -> None:
        """Follow callers that have it out: they know of failures that were told before this node came."""
        now, standing = self._hearing.clock(), self._standings.setdefault(endpoint, Standing())
        if now < standing.aside or self._refused():
            return
        until = min(until, now + lasting(self.policy, standing.times + 1))
        standing.times += 1
        reason = "other callers have it out of rotation"
        self._put_out(endpoint, Ejection("shared", reason, now, until, standing.times, True))

    def _put_out(self, endpoint: Endpoint, ejection: Ejection) -> None:
        standing = self._standings[endpoint]
        standing.counts = NONE
        self.ejected[endpoint] = ejection
        if endpoint.instance.health in (CRITICAL, STARTING):
            self._unwell.add(endpoint)
        self._settle()
        self._arm()
        self._hearing.put_out(self.cluster, endpoint, ejection, self.policy.shared)
        self.cluster.refresh()

    def _refused(self) -> str:
        """Return why nobody may be ejected just now; empty where somebody may."""
        hosts = self._hosts()
        left = [one for one in hosts if one not in self.ejected]
        if not room(self.policy, len(hosts), len(hosts) - len(left)):
            return "max_ejection_percent"
        # Where all fail alike none is an outlier: what they share is to blame, and a caller whose own way is broken
        # sees just that. Who allows all to be ejected wants it all the same.
        if self.policy.max_ejection_percent < 100.0 and all(self._hearing.accused(one) for one in left):
            return "all_alike"
        return ""

    def _hosts(self) -> list[Endpoint]:
        return [one for one in self.cluster.members if one.instance.health in ROUTABLE]

    def _settle(self) -> None:
        hosts = self._hosts()
        out = sum(one in self.ejected for one in hosts)
        # Members may have gone since. Ejection is no proof: where nobody else is left, those are asked all the same.
        nobody = out == len(hosts) and self.policy.max_ejection_percent < 100.0
        self._barred = {} if nobody or not enough(self.policy, len(hosts), out) else self.ejected

    # What it answers

    def admits(self, endpoint: Endpoint) -> bool:
        """Return whether an instance is in rotation."""
        return endpoint not in self._barred

    def follow(self, members: Sequence[Endpoint]) -> None:
        """Forget whoever is gone, and let back whose health check passes again."""
        there = set(members)
        for endpoint in [one for one in self._standings if one not in there]:
            del self._standings[endpoint]
            self.ejected.pop(endpoint, None)
            self._unwell.discard(endpoint)
        for endpoint in list(self.ejected):
            health = endpoint.instance.health
            if health in (CRITICAL, STARTING):
                self._unwell.add(endpoint)
            elif health in ROUTABLE and endpoint in self._unwell:
                self._standings[endpoint].aside = self.ejected[endpoint].until
                self._return(endpoint, "its health check passes again")
        self._settle()

    # What time does

    def _arm(self) -> None:
        if not self._armed:
            self._armed = True
            self._hearing.after(self.policy.interval, self.sweep)

    def sweep(self) -> None:
        """End an interval: let return whose time is over, compare rates, forget old sins."""
        self._armed = False
        now = self._hearing.clock()
        back = [endpoint for endpoint, one in self.ejected.items() if now >= one.until]
        for endpoint, standing in self._standings.items():
            if standing.times and endpoint not in self.ejected:
                standing.times -= 1
        for endpoint in back:
            self._return(endpoint, "its time is over")
        if back:
            self._settle()
            self.cluster.refresh()
        self._compare()
        awake = False
        for endpoint, standing in list(self._standings.items()):
            if standing.well or standing.failed or standing.before or standing.times or endpoint in self.ejected:
                awake = True
            elif standing.counts == NONE and standing.aside <= now:
                del self._standings[endpoint]  # nobody calls it, and there is nothing to remember
            standing.before, standing.well, standing.failed = standing.well, 0, 0
        if awake:  # else the next outcome that is news begins the next interval
            self._arm()

    def _compare(self) -> None:
        counts = {
            endpoint: (standing.well, standing.failed)
            for endpoint, standing in self._standings.items()
            if endpoint not in self.ejected
        }
        found = [
            ("success_rate", stragglers(self.policy, counts)),
            ("failure_percentage", failing(self.policy, counts)),
        ]
        for cause, those in found:
            for endpoint, reason in those.items():
                if endpoint not in self.ejected:
                    self._eject(endpoint, cause, reason)

    def _return(self, endpoint: Endpoint, why: str) -> None:
        ejection = self.ejected.pop(endpoint)
        self._unwell.discard(endpoint)
        self._hearing.let_in(self.cluster, endpoint, ejection, why)

    def working(self) -> Iterable[Endpoint]:
        """Return the instances that have given good answers lately, with none missing since."""
        return [
            one
            for one, standing in self._standings.items()
            if standing.counts == NONE and (standing.well or standing.before)
        ]

    def end(self) -> None:
        """Judge no more: whoever is out returns."""
        self.ejected, self._barred = {}, {}
        self._standings.clear()
