"""Which life of a store this is: a number that only rises, kept in the store itself.

A store that has lost its data counts its revisions anew, below those that replicas know, and they would refuse them for
ever. So every revision belongs to an epoch. Whoever owns a table and finds none in the store, an earlier one than it
knows, or revisions that went back, begins the next; replicas go by the latest.
"""

import random
from collections.abc import Callable

from ..messages.error import Conflict, MeshError, UnknownOutcome
from .store import Found, KeyValue, write

KEY = "epoch"
"""Where it stands; no key of a table is one word."""

PATIENCE = 10.0
"""Seconds for which an epoch that nobody owns any more is held on to, while owners of an earlier one answer."""

_RACES = 8
_SALT = 20  # random bits, about a millisecond: two stores that begin at once do not get one epoch
_LATEST = 1 << 62


class Epoch:
    """An owner's view of its store."""

    def __init__(self, store: KeyValue, wall_clock: Callable[[], float], rng: random.Random) -> None:
        """`wall_clock` gives seconds since 1970: epochs of different stores are ordered by when they began."""
        self.number = 0
        self._store = store
        self._wall_clock = wall_clock
        self._rng = rng

    async def look(self, known: int) -> bool:
        """Find out which epoch the store is in, and begin one where needed; return whether it is another than before.

        Args:
            known: the revision of this epoch that the owner knows of.

        Raises:
            MeshError: the store could not be read or written.
        """
        trouble: MeshError | None = None
        for _ in range(_RACES):
            found = await self._store.get(KEY)
            there, revision = _number(found), await self._store.revision()
            if there > self.number:
                self.number = there
                return True
            if there and there == self.number and revision >= known:
                return False
            number = max(int(self._wall_clock() * 1e9), self.number + 1) + self._rng.getrandbits(_SALT)
            try:
                # Once, then it is read again: the store may be another by the next try, and its revisions look alike.
                await write(self._store, KEY, str(number).encode(), found.revision if found is not None else 0, 1)
            except (Conflict, UnknownOutcome) as error:
                trouble = error
                continue
            self.number = number
            return True
        raise trouble or Conflict("others begin epochs all the time")


def _number(found: Found | None) -> int:
    """Return the epoch that stands there; 0 where none does, or something that is none."""
    text = found.value if found is not None else b""
    number = int(text) if text.isdigit() and len(text) < 20 else 0
    return number if number < _LATEST else 0


class Allegiance:
    """A reader's: it goes by the latest epoch, until only owners of an earlier one have answered for a while."""

    def __init__(self) -> None:
        self._passed_over = 0.0

    def heard(self) -> None:
        """The epoch that is gone by has an owner."""
        self._passed_over = 0.0

    def over(self, now: float) -> bool:
        """An owner of an earlier epoch answered; return whether it is to be believed from now on."""
        self._passed_over = self._passed_over or now
        return now - self._passed_over >= PATIENCE
