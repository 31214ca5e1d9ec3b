"""A copy of a replicated table: numbered changes in, never back; pure, so that any order of arrival can be tried."""

import enum
import hashlib
from collections.abc import Generator, Iterable, Mapping

from ..loop.slice import at_once
from ..messages.table import Change, Delta

_EARLY = 1024  # deltas held for one that is missing; past it a snapshot is cheaper


class Offer(enum.Enum):
    """What became of a delta."""

    APPLIED = "applied"
    OLD = "old"
    """The replica is past it."""
    GAP = "gap"
    """One before it is missing; it is held until that comes, or a snapshot."""


class Replica:
    """Entries as they stand at one revision."""

    def __init__(self) -> None:
        self.revision = 0
        self.entries: dict[str, bytes] = {}
        self._early: dict[int, Delta] = {}
        self._changes: dict[str, bytes | None] = {}

    @property
    def gap(self) -> bool:
        """True while deltas are held for one that is missing."""
        return bool(self._early)

    def offer(self, delta: Delta) -> Offer:
        """Apply `delta` and those that waited for it, if it is the next one."""
        if delta.revision <= self.revision:
            return Offer.OLD
        if delta.previous != self.revision:
            if len(self._early) < _EARLY:
                self._early[delta.revision] = delta
            return Offer.GAP
        self._apply(delta)
        self._catch_up()
        return Offer.APPLIED

    def install(self, revision: int, entries: Mapping[str, bytes]) -> bool:
        """Become the whole table as it stands at `revision`; False, and nothing happens, when that is not later."""
        if revision <= self.revision:
            return False
        for key in self.entries:
            if key not in entries:
                self._changes[key] = None
        for key, value in entries.items():
            if self.entries.get(key) != value:
                self._changes[key] = value
        self.revision = revision
        self.entries = dict(entries)
        self._catch_up()
        return True

    def take(self) -> dict[str, bytes | None]:
        """Return what changed since the last time: keys with their new values, None for those that are out."""
        changes, self._changes = self._changes, {}
        return changes

    def _apply(self, delta: Delta) -> None:
        self.revision = delta.revision
        apply(self.entries, delta.changes)
        self._changes.update(delta.changes)

    def _catch_up(self) -> None:
        for revision in sorted(self._early):
            delta = self._early[revision]
            if delta.previous == self.revision:
                self._apply(delta)
            if revision <= self.revision:
                del self._early[revision]


def apply(entries: dict[str, bytes], changes: Iterable[Change]) -> None:
    """Put `changes` into `entries`."""
    for key, value in changes:
        if value is None:
            entries.pop(key, None)
        else:
            entries[key] = value


def digest(entries: Mapping[str, bytes]) -> str:
    """Return the SHA-256 (hex) over all entries in the order of their keys, each text with its length before it."""
    return at_once(digesting(entries))


def digesting(entries: Mapping[str, bytes]) -> Generator[None, None, str]:
    """Return the `digest`, resting now and then."""
    total = hashlib.sha256()
    for place, key in enumerate(sorted(entries)):
        for text in (key.encode(), entries[key]):
            total.update(len(text).to_bytes(4, "big"))
            total.update(text)
        if place % 64 == 63:
            yield
    return total.hexdigest()
