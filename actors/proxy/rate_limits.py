"""The rate limits of a node: those of its rules that hold for a destination, and their counts across revisions."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from ..messages.envelope import ReplyFrame
from ..messages.error import MeshError
from ..messages.rate_limit import RateLimit
from .call import Call
from .limit_check import Accounts, Check
from .waiting import Done


class Limits(NamedTuple):
    """What the calls of one destination are counted by."""

    checks: tuple[Check, ...]
    tell: bool
    """Whether answers say how many more calls may come."""

    def admit(self, call: Call, now: float, done: Done) -> Done:
        """Count a call; return what is to take its outcome in place of `done`.

        Raises:
            RateLimited: it is one too many; then it counts nowhere.
        """
        keys: list[tuple[Check, str]] = []
        for check in self.checks:
            key = check.key(call)
            if key is None:
                continue
            wait = check.counts.take(key, now)
            if wait > 0.0:
                check.refused += 1
                for other, its in keys:
                    other.counts.give_back(its)
                    other.passed -= 1
                raise check.refusal(wait)
            check.passed += 1
            keys.append((check, key))
        if not self.tell or not keys:
            return done
        left, nearest, its = min(((one.counts.remaining(key, now), one, key) for one, key in keys), key=_left)
        per = nearest.limit.per / nearest.limit.requests
        return _Telling(nearest.told(left, per * (nearest.limit.burst - left)), done).take


def _left(found: tuple[int, Check, str]) -> int:
    return found[0]


class _Telling(msgspec.Struct, eq=False):
    """Adds the limit's fields to the answer."""

    fields: list[tuple[str, str]]
    done: Done

    def take(self, outcome: ReplyFrame | MeshError) -> None:
        """Hand the outcome on."""
        if isinstance(outcome, ReplyFrame):
            outcome.headers.extend(self.fields)
        self.done(outcome)


def _nobody() -> None:
    return


class RateLimits:
    """All limits of one node."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self.wake = _nobody
        """Told where a lease is wanted at once."""

    def of(self, rules: Iterable[RateLimit], *, outdated: bool = False) -> Limits | None:
        """Return what holds by these rules; None where nothing does.

        By rules that are `outdated` calls count where newer ones count them, or for themselves.
        """
        checks: list[Check] = []
        tell = False
        for rule in rules:
            tell = tell or rule.tell
            for limit in rule.limits:
                key = f"{rule.name}/{limit.name}"
                check = self._checks.get(key)
                if check is None or (check.limit != limit and not outdated):
                    check = Check(rule.name, limit, self._wake)
                    if not outdated:
                        self._checks[key] = check
                checks.append(check)
        return Limits(tuple(checks), tell) if checks else None

    def keep(self, rules: Iterable[RateLimit]) -> None:
        """Forget the counts of limits that are not among these rules any more."""
        names = {f"{rule.name}/{limit.name}" for rule in rules for limit in rule.limits}
        for name in [name for name in self._checks if name not in names]:
            del self._checks[name]

    def leased(self) -> Iterator[tuple[Check, Accounts]]:
        """Every limit that holds for the whole mesh, with its counts."""
        for check in self._checks.values():
            if isinstance(check.counts, Accounts):
                yield check, check.counts

    def counts(self) -> list[tuple[tuple[str, str], float]]:
        """Return how many calls passed and were refused, by ((limit, `passed` or `refused`), count)."""
        found: list[tuple[tuple[str, str], float]] = []
        for name, check in sorted(self._checks.items()):
            found += [((name, "passed"), float(check.passed)), ((name, "refused"), float(check.refused))]
        return found

    def _wake(self) -> None:
        self.wake()
