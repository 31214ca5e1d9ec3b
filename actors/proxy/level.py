"""Which share of the calls goes to which instances: localities, in order of priority or by percentages, as they fare.

A level keeps all of its calls until it has lost so many instances that the rest could not carry them: each is taken to
have room for 1.4 times its share (Envoy's overprovisioning factor), so that with less than 71.4 % of them healthy the
next level begins to help. Everything here is computed when members or their health change, and only read by calls.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ..messages.traffic import Locality
from .endpoint import Endpoint
from .locality import Here, grouped, matches, place, ranks, shares_of

OVERPROVISIONING = 1.4


class Level(NamedTuple):
    """Instances that are alike to a caller."""

    share: float
    """Of the calls, 0 to 1. Retries may go to a level without a share when they have tried all others."""
    endpoints: tuple[Endpoint, ...]
    """Those who may be called."""


class Load(NamedTuple):
    """What comes to one of several priorities."""

    share: float
    panic: bool = False
    """So few are healthy that health is not looked at."""


def levels(
    members: Sequence[Endpoint],
    healthy: Collection[Endpoint],
    caller: Here,
    policy: Locality,
    least_healthy: float = 0.0,
) -> tuple[Level, ...]:
    """Return who gets which share of a caller's calls, in order of preference; nobody where no instance is healthy.

    Args:
        members: everybody who counts: those who only start or leave do not.
        healthy: those among them who may be called.
        caller: where the calls come from.
        policy: what was asked for.
        least_healthy: percent; with fewer healthy ones than that, calls go to all (`minHealthPercent`, 0 is never).
    """
    good = frozenset(healthy)
    if policy.distribute:
        to = shares_of(caller.place, policy)
        return _even(members, good, least_healthy) if to is None else _distributed(members, good, to, least_healthy)
    found = ranks(caller, [one.instance for one in members], policy)
    groups = grouped(zip(found, members, strict=True))
    return _prioritised(groups, good, least_healthy)


def _even(members: Sequence[Endpoint], good: frozenset[Endpoint], least_healthy: float) -> tuple[Level, ...]:
    return _prioritised([members] if members else [], good, least_healthy)


def _prioritised(
    groups: Sequence[Sequence[Endpoint]], good: frozenset[Endpoint], least_healthy: float
) -> tuple[Level, ...]:
    up = [[one for one in group if one in good] for group in groups]
    found = loads([(_able(those), len(group)) for those, group in zip(up, groups, strict=True)], least_healthy)
    made = (
        Level(load.share, tuple(group if load.panic else those))
        for load, those, group in zip(found, up, groups, strict=True)
    )
    return tuple(one for one in made if one.endpoints)


def _able(those: Iterable[Endpoint]) -> float:
    """Return as how many healthy instances they count: those that do badly, by their score, not as whole ones."""
    return sum(one.fitness for one in those)


def loads(counts: Sequence[tuple[float, int]], least_healthy: float = 0.0) -> list[Load]:
    """Return what comes to each priority, given how many (healthy, in all) it has; all shares are 0 if none is healthy.

    A priority takes what its health allows of what those before it left. Where all together are not well enough,
    each gets in proportion to its health; where all are in panic, in proportion to its size.
    """
    able = [min(1.0, OVERPROVISIONING * up / total) if total else 0.0 for up, total in counts]
    whole = min(1.0, sum(able))
    panic = [whole < 1.0 and bool(total) and 100.0 * up < least_healthy * total for up, total in counts]
    if panic and all(panic):
        size = sum(total for _, total in counts)
        return [Load(total / size, panic=True) for _, total in counts]
    if not whole:
        return [Load(0.0) for _ in counts]
    left, found = 1.0, list[Load]()
    for one, alarmed in zip(able, panic, strict=True):
        share = min(left, one / whole)
        left -= share
        found.append(Load(share, alarmed))
    return found


def _distributed(
    members: Iterable[Endpoint], good: frozenset[Endpoint], to: Iterable[tuple[str, int]], least_healthy: float
) -> tuple[Level, ...]:
    """By percentages; a locality that cannot carry its share hands it on to the others in proportion to theirs."""
    left: dict[str, list[Endpoint]] = {}
    for one in members:
        left.setdefault(one.instance.locality, []).append(one)
    asked: list[tuple[float, list[Endpoint]]] = []
    for pattern, percent in to:
        those = [left.pop(name) for name in list(left) if matches(place(name), pattern)]
        count = sum(map(len, those))
        asked += [(percent * len(group) / count, group) for group in those]
    up = [[one for one in group if one in good] for _, group in asked]
    total, fine = sum(len(group) for _, group in asked), sum(map(_able, up))
    if total and OVERPROVISIONING * fine < total and 100.0 * fine < least_healthy * total:
        whole = sum(percent for percent, _ in asked)
        return tuple(Level(percent / whole, tuple(group)) for percent, group in asked)
    weights = [
        percent * min(1.0, OVERPROVISIONING * _able(those) / len(group))
        for (percent, group), those in zip(asked, up, strict=True)
    ]
    whole = sum(weights)
    return tuple(Level(weight / whole, tuple(those)) for weight, those in zip(weights, up, strict=True) if weight)
