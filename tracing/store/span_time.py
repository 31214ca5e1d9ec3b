"""Times and durations as people and Jaeger's API write them: RFC 3339, `250ms`, `1m30s`."""

import re
from datetime import UTC, datetime

from ...actors.policy.scalar import Duration

_LONGEST = 1e9
"""Seconds: thirty years."""


def seconds_of(text: str) -> float:
    """Return the seconds of a duration in Go's syntax, as policy has them.

    Raises:
        ValueError: it is none.
    """
    try:
        return min(Duration.parse(text), _LONGEST)
    except ValueError:
        raise ValueError(f"{text[:64]!r} is no duration: expected one such as 250ms, 2s, 1m30s") from None


def nanoseconds(text: str) -> int:
    """Return a time of RFC 3339 as nanoseconds since 1970; one without a zone counts as UTC.

    Raises:
        ValueError: it is none, or lies before 1970.
    """
    try:
        # Python 3.11 reads six digits of a fraction; Go writes up to nine.
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d{1,3}(?=\D|\Z)", r"\1", text[:64], count=1))
        at = found.replace(tzinfo=found.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        at = -1.0
    if at < 0.0:
        raise ValueError(f"{text[:64]!r} is no time: expected one such as 2026-11-24T21:00:00Z")
    return min(round(at * 1e6) * 1000, 2**63 - 1)


def moment(seconds: float) -> str:
    """Return a time, in seconds since 1970, as RFC 3339."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
