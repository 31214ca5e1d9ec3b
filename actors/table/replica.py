"""A copy of a replicated table: numbered changes in, never back; pure, so that any order of arrival can be tried."""

import enum
import hashlib
from collections.abc import Generator, Iterable, Mapping
from typing import NamedTuple

from ..loop.slice import at_once
from ..messages.table import Change, Delta

_EARLY = 1024  # deltas held for one that is missing; past it a snapshot is cheaper


class Table(NamedTuple):
    """A whole table as it stands at one revision of one epoch."""

    revision: int
    entries: Mapping[str, bytes]
    epoch: int = 0


class Offer(enum.Enum):
    """What became of a delta."""

    APPLIED = "applied"
    OLD = "old"
    """The replica is past it."""
    GAP = "gap"
    """One before it is missing, or it is of a later epoch; it is held until that comes, or a snapshot."""


class Replica:
    """Entries as they stand at one revision of one epoch; a later epoch is later, whatever its revisions are."""

    def __init__(self) -> None:
        self.epoch: int = 0
        self.revision = 0
        self.entries: dict[str, bytes] = {}
        self.carried: set[str] = set()
        """Entries of the epoch before that this one has not got yet, and that nobody was told to be out."""
        self._early: dict[tuple[int, int], Delta] = {}
        self._changes: dict[str, bytes | None] = {}

    @property
    def gap(self) -> bool:
        """True while deltas are held for one that is missing."""
        return bool(self._early)

    def early(self) -> frozenset[tuple[int, int]]:
        """Return the epochs and revisions of the deltas that are held."""
        return frozenset(self._early)

    def drop(self, early: Iterable[tuple[int, int]]) -> int:
        """Hold some deltas no longer: they follow nothing that any owner has; return how many they were."""
        return sum(self._early.pop(place, None) is not None for place in early)

    def offer(self, delta: Delta) -> Offer:
        """Apply `delta` and those that waited for it, if it is the next one."""
        if (delta.epoch, delta.revision) <= (self.epoch, self.revision):
            return Offer.OLD
        if delta.epoch != self.epoch or delta.previous != self.revision:
            if len(self._early) < _EARLY:
                self._early[delta.epoch, delta.revision] = delta
            return Offer.GAP
        self._apply(delta)
        self._catch_up()
        return Offer.APPLIED

    def install(self, table: Table, *, carry: bool = False, back: bool = False) -> bool:
        """Become a whole table; False, and nothing happens, when that is not later.

        Args:
            table: as an owner has it.
            carry: do not tell yet that entries are out which a new epoch lacks: see `carried` and `settle`.
            back: it may be of an earlier epoch.
        """
        if (table.epoch, table.revision) <= (self.epoch, self.revision) and not (back and table.epoch < self.epoch):
            return False
        out = [key for key in self.entries if key not in table.entries]
        if carry and table.epoch != self.epoch:
            self.carried.update(out)
        else:
            self._changes.update(dict.fromkeys(out))
        for key, value in table.entries.items():
            if self.entries.get(key) != value:
                self._changes[key] = value
        self.epoch, self.revision = table.epoch, table.revision
        self.entries = dict(table.entries)
        self.carried.difference_update(self.entries)
        self._catch_up()
        return True

    def settle(self) -> None:
        """Whatever of the epoch before has not come again is out."""
        self._changes.update(dict.fromkeys(sorted(self.carried)))
        self.carried = set()

    def take(self) -> dict[str, bytes | None]:
        """Return what changed since the last time: keys with their new values, None for those that are out."""
        changes, self._changes = self._changes, {}
        return changes

    def _apply(self, delta: Delta) -> None:
        self.revision = delta.revision
        apply(self.entries, delta.changes)
        self._changes.update(delta.changes)
        self.carried.difference_update(key for key, _ in delta.changes)

    def _catch_up(self) -> None:
        for place in sorted(self._early):
            delta = self._early[place]
            if delta.epoch == self.epoch and delta.previous == self.revision:
                self._apply(delta)
            if place <= (self.epoch, self.revision):
                del self._early[place]


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
