"""Times and durations as people and Jaeger's API write them: RFC 3339, `250ms`, `1m30s`."""

import re
from datetime import UTC, datetime

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h)")
_LONGEST = 1e9


def seconds_of(text: str) -> float:
    """Return the seconds of a duration in Go's syntax.

    Raises:
        ValueError: it is none, or lasts for more than thirty years.
    """
    place = 0
    total = 0.0
    while place < len(text):
        found = _PART.match(text, place)
        if found is None or len(text) > 64:
            break
        total += float(found[1]) * _UNITS[found[2]]
        place = found.end()
    if not text or place < len(text) or total > _LONGEST:
        raise ValueError(f"{text[:64]!r} is no duration: expected one such as 250ms, 2s, 1m30s")
    return total


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
