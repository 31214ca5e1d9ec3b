"""Matches that earlier ones of the same rule set take everything from, found without comparing each with each."""

from collections.abc import Iterator
from typing import NamedTuple

from ..messages.rule import MatchKind, RouteMatch, RuleSet
from .implication import anywhere, takes

_ANYTHING = RouteMatch()
MOST = 64
"""Earlier matches without a plain path that one match is compared with: a bound on the work, none on the rules."""


class Shadow(NamedTuple):
    """One match that can take no request."""

    route: int
    match: int
    """-1 for a route without matches."""
    by_route: int
    by_match: int


Place = tuple[int, int, RouteMatch]


class _Earlier:
    """The matches so far, by the path that they begin with."""

    def __init__(self) -> None:
        self._paths: dict[str, list[Place]] = {}
        self._lengths: set[int] = set()
        self._rest: list[Place] = []

    def add(self, place: Place) -> None:
        uri = place[2].uri
        plain = uri is not None and uri.kind in (MatchKind.EXACT, MatchKind.PREFIX) and not anywhere(uri)
        if uri is None or not plain or place[2].ignore_uri_case:
            if len(self._rest) < MOST:
                self._rest.append(place)
            return
        self._paths.setdefault(uri.value, []).append(place)
        self._lengths.add(len(uri.value))

    def taker(self, match: RouteMatch) -> Place | None:
        """Return the first earlier match that takes all that `match` could."""
        near = [*self._rest]
        uri = match.uri
        if uri is not None:
            for length in sorted(self._lengths):
                if length <= len(uri.value):
                    near += self._paths.get(uri.value[:length], [])[:MOST]
        near.sort(key=_position)
        return next((place for place in near if takes(place[2], match)), None)


def _position(place: Place) -> tuple[int, int]:
    return place[:2]


def shadows(rules: RuleSet) -> Iterator[Shadow]:
    """Return every match of `rules` that can take no request, in order."""
    earlier = _Earlier()
    for number, route in enumerate(rules.routes):
        here = list(enumerate(route.matches)) or [(-1, _ANYTHING)]
        for place, match in here:
            taker = earlier.taker(match)
            if taker is not None:
                yield Shadow(number, place, *taker[:2])
            elif not route.delegate:  # what a delegate does not take goes on
                earlier.add((number, place, match))
