"""What came of comparing answers with those to copies of the same requests, summed up for a route and a mirror."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from ...tracing.calls import Calls, Side, Way
from ..messages.mirroring import MirrorDiff
from ..routing.json_path import differences, read_path

PLACES = 32
"""Places, and pairs of statuses, that are counted by themselves; those beyond are counted as `other`."""
OTHER = "other"
BODY = "body"
"""Instead of a place: bodies that are not both JSON."""

_WAY = Way("source", Side(), Side())


class Said(NamedTuple):
    """One answer, as far as it is compared."""

    status: int
    """0 where there was none: the mesh failed."""
    body: bytes | None
    """None for one that is larger than what is compared."""
    seconds: float


class Subject(NamedTuple):
    """What is compared: answers of a route's destination with those of one of its mirrors."""

    route: str
    service: str
    subset: str
    mirror: str
    mirror_subset: str


class Comparison:
    """The sum of all comparisons of one subject."""

    def __init__(self, policy: MirrorDiff) -> None:
        self.use(policy)
        self.outcomes: Counter[str] = Counter()
        """Pairs by `same`, `status`, `body`, `failed` (a side had no answer) and `skipped` (too large, or no time)."""
        self.places: Counter[str] = Counter()
        """Pairs by the places in which their bodies differ."""
        self.statuses: Counter[str] = Counter()
        """Pairs by `200 503`: the caller's status, the copy's."""
        self.ours, self.theirs = Calls(_WAY), Calls(_WAY)
        """Times and statuses of both sides."""

    def use(self, policy: MirrorDiff) -> None:
        """Compare so from now on."""
        self._ignored = [read_path(one) for one in policy.ignore]

    def skip(self) -> None:
        """Count a pair that is not looked at."""
        self.outcomes["skipped"] += 1

    def add(self, ours: Said, theirs: Said) -> str:
        """Compare a pair; return what it is counted as."""
        self.ours.observe(ours.status, 0, ours.seconds)
        self.theirs.observe(theirs.status, 0, theirs.seconds)
        outcome = self._outcome(ours, theirs)
        self.outcomes[outcome] += 1
        return outcome

    def _outcome(self, ours: Said, theirs: Said) -> str:
        if not ours.status or not theirs.status:
            return "failed"
        if ours.status != theirs.status:
            _count(self.statuses, f"{ours.status} {theirs.status}")
            return "status"
        if ours.body is None or theirs.body is None:
            return "skipped"
        places = dict.fromkeys(islice(self._differing(ours.body, theirs.body), PLACES))
        for place in places:
            _count(self.places, place)
        return "body" if places else "same"

    def _differing(self, ours: bytes, theirs: bytes) -> Iterator[str]:
        if ours == theirs:
            return iter(())
        one, other = _json(ours), _json(theirs)
        if one is _NONE or other is _NONE:
            return iter((BODY,))
        return differences(one, other, self._ignored)


_NONE = object()


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NONE


def _count(counter: Counter[str], name: str) -> None:
    counter[name if name in counter or len(counter) < PLACES else OTHER] += 1
