"""What the looks of an instance's health checks add up to: thresholds up and down, and one word for all. Pure."""

from collections.abc import Sequence

from ..actors.messages.health import CRITICAL, HEALTHY, LONGEST_REASON, STARTING, WARNING
from ..actors.service.check import Check
from ..actors.service.health import Health, Level

_WORDS = {Level.PASSING: HEALTHY, Level.WARNING: WARNING, Level.CRITICAL: CRITICAL}

UNSEEN = "not looked at yet"
"""Why a check does not pass that has not looked."""


class Standing:
    """One check: how it stands, and what it would take to change that."""

    __slots__ = ("_row", "check", "level", "text")

    def __init__(self, check: Check) -> None:
        self.check = check
        self.level: Level | None = None
        """None until it has passed for the first time."""
        self.text = UNSEEN
        """Why it does not pass."""
        self._row = 0
        """Looks in a row that speak for a change."""

    def note(self, health: Health) -> None:
        """Take in what a look came to."""
        failed, failing = health.level is Level.CRITICAL, self.level is None or self.level is Level.CRITICAL
        if failed is failing:
            self._row = 0
            self.level = self.level if failing else health.level
            self.text = health.text
            return
        self._row += 1
        if self._row >= (self.check.failures if failed else self.check.successes):
            self._row = 0
            self.level, self.text = health.level, health.text


class Condition:
    """All checks of one instance; an instance without checks is healthy from the start."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self.standings = [Standing(check) for check in checks]

    @property
    def health(self) -> str:
        """One of `healthy`, `warning`, `critical`, `starting`: as the worst of the checks stands."""
        levels = [standing.level for standing in self.standings]
        if None in levels:
            return STARTING
        return _WORDS[max((level for level in levels if level is not None), default=Level.PASSING)]

    @property
    def reason(self) -> str:
        """What the checks that make it so say, each behind its name; empty for a healthy instance."""
        health = self.health
        if health == HEALTHY:
            return ""
        chosen = [one for one in self.standings if (STARTING if one.level is None else _WORDS[one.level]) == health]
        chosen = [one for one in chosen if one.text != UNSEEN] or chosen
        text = "; ".join(f"{one.check.title}: {one.text}" for one in chosen)
        plain = " ".join("".join(one if one.isprintable() else " " for one in text).split())
        return plain if len(plain) <= LONGEST_REASON else plain[: LONGEST_REASON - 1] + "…"
