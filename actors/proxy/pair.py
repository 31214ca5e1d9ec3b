"""Pairs of answers: the one that a caller got and the one to the copy of its request, brought together and compared."""

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from ..messages.envelope import ReplyFrame
from ..messages.error import MeshError
from ..messages.mirroring import MirrorDiff
from .comparison import Comparison, Said, Subject

SHARE = 20
"""After a comparison the loop has this many times its own time to itself: comparing takes 5 % of a node at most."""


class Comparisons:
    """All comparisons of one node."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.found: dict[Subject, Comparison] = {}
        """As many as policies have named routes with mirrors that are compared."""
        self._clock = clock
        self._rest = 0.0

    def of(self, subject: Subject, policy: MirrorDiff) -> Comparison:
        """Return the sum for a subject, compared by this policy from now on."""
        known = self.found.get(subject)
        if known is None:
            known = self.found[subject] = Comparison(policy)
        else:
            known.use(policy)
        return known

    def totals(self) -> Mapping[tuple[str, str, str, str], int]:
        """Return pairs by (destination, mirror as `service subset`, route, outcome)."""
        return {
            (f"{s.service} {s.subset}".rstrip(), f"{s.mirror} {s.mirror_subset}".rstrip(), s.route, outcome): count
            for s, one in self.found.items()
            for outcome, count in one.outcomes.items()
        }

    def compare(self, comparison: Comparison, ours: Said, theirs: Said) -> None:
        """Compare a pair, unless the loop has to rest."""
        clock = self._clock or asyncio.get_running_loop().time
        began = clock()
        if began < self._rest:
            comparison.skip()
            return
        comparison.add(ours, theirs)
        now = clock()
        self._rest = now + SHARE * (now - began)


class Pair(msgspec.Struct, eq=False):
    """One call and one copy of it; whoever answers last has them compared, after the caller has its answer."""

    owner: Comparisons
    comparison: Comparison
    size: int
    began: float
    ours: Said | None = None
    theirs: Said | None = None

    def answered(self, outcome: ReplyFrame | MeshError, now: float) -> None:
        """Take what the caller gets."""
        self.ours = self._said(outcome, now)
        self._together()

    def copied(self, outcome: ReplyFrame | MeshError, now: float) -> None:
        """Take what the copy got."""
        self.theirs = self._said(outcome, now)
        self._together()

    def _said(self, outcome: ReplyFrame | MeshError, now: float) -> Said:
        if isinstance(outcome, MeshError):
            return Said(0, None, now - self.began)
        body = outcome.body if len(outcome.body) <= self.size and not outcome.stream else None
        return Said(outcome.status, body, now - self.began)

    def _together(self) -> None:
        if self.ours is not None and self.theirs is not None:
            loop = asyncio.get_running_loop()
            loop.call_soon(self.owner.compare, self.comparison, self.ours, self.theirs)
