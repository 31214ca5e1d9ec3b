"""What a node's judges share: who says what of whom, whether that is believed, and whether the node trusts itself."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol

from .ejection import Ejection, most
from .endpoint import Endpoint
from .testimony import NONE, Counts, Testimony

log = logging.getLogger("plait.outlier")

SELF = ""
"""This node among the speakers; no name on the bus is empty."""


Later = Callable[[float, Callable[[], object]], object]


class Named(Protocol):
    """A cluster, by its names."""

    service: str
    subset: str


class Judging(Protocol):
    """A judge, as far as others speak to it."""

    ejected: dict[Endpoint, Ejection]

    @property
    def shared(self) -> bool:
        """Whether it pools failures with others."""
        ...

    def alert(self, endpoint: Endpoint) -> None:
        """Hear that others complain of an instance."""
        ...

    def reconsider(self, endpoint: Endpoint) -> None:
        """Look what all that is said of an instance comes to."""
        ...

    def working(self) -> Iterable[Endpoint]:
        """Return the instances that have given good answers lately."""
        ...


class Voice(Protocol):
    """Tells others; see `Gossip`."""

    def tell(self, endpoint: Endpoint) -> None:
        """Tell what this node has to say of an instance now."""
        ...

    def listen(self, service: str) -> None:
        """Hear what others say of a service's instances."""
        ...


class Hearing:
    """One per node."""

    def __init__(self, clock: Callable[[], float], later: Later, hears: Callable[[], bool] = lambda: True) -> None:
        """Begin with no judge.

        Args:
            clock: seconds that only grow.
            later: calls a function after so many seconds, as an event loop's `call_later` does.
            hears: whether the node's line is well: else what does not come says nothing of those who owe it.
        """
        self.clock = clock
        self.hears = hears
        self.voice: Voice | None = None
        """Nobody is told without one."""
        self.judges: dict[str, list[Judging]] = {}
        """By service."""
        self.testimonies: dict[str, dict[Endpoint, Testimony]] = {}
        """What is said of whom, by service."""
        self.known: Callable[[str], int] = lambda service: 0
        """Counts a service's instances."""
        self.ejections: Counter[tuple[str, str, str]] = Counter()
        """By service, subset and cause."""
        self.withheld: Counter[tuple[str, str, str]] = Counter()
        """Ejections that were not, by service, subset and why not."""
        self._missing: dict[Endpoint, None] = {}
        """Instances whose last outcome here was no answer at all."""
        self.after = later

    def seat(self, service: str, judge: Judging) -> None:
        """Have one more judge."""
        self.judges.setdefault(service, []).append(judge)
        if self.voice is not None:
            self.voice.listen(service)

    def dismiss(self, service: str, judge: Judging) -> None:
        """Have it no more."""
        self.judges[service].remove(judge)

    # What this node has seen

    def failed(self, endpoint: Endpoint, steps: Counts, missing: bool, aloud: bool = True) -> None:
        """An attempt has failed; `missing` without any answer. Others are told where it is `aloud`."""
        testimony = self.of(endpoint)
        word = testimony.words.get(SELF)
        counts = NONE if word is None else word.counts
        errors, gateway, local = counts
        testimony.say(SELF, (errors + steps[0], gateway + steps[1], local + steps[2]), self.clock())
        if missing:
            self._missing[endpoint] = None
        else:
            self._missing.pop(endpoint, None)
        if aloud and self.voice is not None and not (missing and self.doubts_itself()):
            self.voice.tell(endpoint)
        if len(testimony.words) > 1:
            self._reconsider(endpoint)

    def answered(self, endpoint: Endpoint, aloud: bool = True) -> None:
        """A good answer, from one that this node or another complains of."""
        self._missing.pop(endpoint, None)
        testimony = self.testimonies.get(endpoint.instance.service, {}).get(endpoint)
        if testimony is not None and testimony.accused(self.clock()):
            testimony.say(SELF, NONE, self.clock())
            if aloud and self.voice is not None:
                self.voice.tell(endpoint)

    def doubts_itself(self) -> bool:
        """Return whether no answers come from most of the nodes that it has called lately: then its own line is to
        blame rather than they."""
        lost = {one.instance.node for one in self._missing if not one.gone}
        if len(lost) < 2:
            return False
        judges = [judge for those in self.judges.values() for judge in those]
        there = {one.instance.node for judge in judges for one in judge.working()}
        return most(len(lost - there), len(lost | there))

    # What others have

    def heard(self, speaker: str, endpoint: Endpoint, counts: Counts, out: float) -> None:
        """Another node has spoken of an instance that it has out of rotation for `out` more seconds."""
        now = self.clock()
        self.of(endpoint).say(speaker, counts, now, now + out if out else 0.0)
        if counts != NONE or out:
            for judge in self.judges.get(endpoint.instance.service, ()):
                judge.alert(endpoint)
            self._reconsider(endpoint)

    def together(self, endpoint: Endpoint, kind: int, threshold: int) -> tuple[int, int]:
        """Return the failures of one kind in a row with all callers that are believed, and how many these are."""
        testimony = self.of(endpoint)
        return testimony.together(kind, threshold, self.clock(), self._believes(endpoint.instance.service))

    def out(self, endpoint: Endpoint) -> float | None:
        """Return until when two callers at least have it out of rotation, None where no two have."""
        ends = self.of(endpoint).out(self.clock(), self._believes(endpoint.instance.service, SELF))
        return sorted(ends)[-2] if len(ends) >= 2 else None

    def others_have_out(self, endpoint: Endpoint, since: float) -> int:
        """Return how many others have said since a moment that they have it out of rotation."""
        words, now = self.of(endpoint).words, self.clock()
        return sum(name != SELF and word.heard >= since and word.out > now for name, word in words.items())

    def accused(self, endpoint: Endpoint) -> bool:
        """Return whether anybody complains of it."""
        testimony = self.testimonies.get(endpoint.instance.service, {}).get(endpoint)
        return testimony is not None and testimony.accused(self.clock())

    def _believes(self, service: str, *others: str) -> Callable[[str], bool]:
        """Who complains of most of a service's instances is not believed, nor this node while it doubts itself."""
        said, now = self.testimonies.get(service, {}), self.clock()

        def believed(speaker: str) -> bool:
            if speaker in others or (speaker == SELF and self.doubts_itself()):
                return False
            accused = sum(one.accuses(speaker, now) for one in said.values())
            return not most(accused, self.known(service))

        return believed

    def _reconsider(self, endpoint: Endpoint) -> None:
        for judge in self.judges.get(endpoint.instance.service, ()):
            judge.reconsider(endpoint)

    def of(self, endpoint: Endpoint) -> Testimony:
        """Return what is said of an instance."""
        said = self.testimonies.setdefault(endpoint.instance.service, {})
        found = said.get(endpoint)
        if found is None:
            for one in [one for one in said if one.gone]:
                self.forget(one)
            found = Testimony()
            if not endpoint.gone:
                said[endpoint] = found
        return found

    def forget(self, endpoint: Endpoint) -> None:
        """An instance is gone."""
        self.testimonies.get(endpoint.instance.service, {}).pop(endpoint, None)
        self._missing.pop(endpoint, None)

    # What the judges decide

    def put_out(self, cluster: Named, endpoint: Endpoint, ejection: Ejection, aloud: bool = True) -> None:
        """A judge has ejected an instance."""
        self.ejections[cluster.service, cluster.subset, ejection.cause] += 1
        self._missing.pop(endpoint, None)
        log.warning(
            "%s/%s is out of rotation for %.1f s (time %d): %s",
            _name(cluster),
            endpoint.id,
            ejection.until - ejection.since,
            ejection.count,
            ejection.reason,
        )
        testimony = self.of(endpoint)
        word = testimony.words.get(SELF)
        testimony.say(SELF, NONE if word is None else word.counts, self.clock(), ejection.until)
        if aloud and self.voice is not None:
            self.voice.tell(endpoint)

    def let_in(self, cluster: Named, endpoint: Endpoint, ejection: Ejection, why: str) -> None:
        """A judge has let an instance back in."""
        log.info(
            "%s/%s is in rotation again after %.1f s: %s",
            _name(cluster),
            endpoint.id,
            self.clock() - ejection.since,
            why,
        )
        self.of(endpoint).words.clear()

    def own(self, endpoint: Endpoint) -> tuple[Counts, float]:
        """Return what this node says of an instance: its failures in a row, seconds for which it is out."""
        word = self.of(endpoint).words.get(SELF)
        out = [
            judge.ejected[endpoint].until
            for judge in self.judges.get(endpoint.instance.service, ())
            if judge.shared and endpoint in judge.ejected
        ]
        left = max(out) - self.clock() if out else 0.0
        return NONE if word is None else word.counts, max(0.0, left)


def _name(cluster: Named) -> str:
    return f"{cluster.service}:{cluster.subset}" if cluster.subset else cluster.service
