"""All policy revisions that are kept: what stands, what stood, and what to do where the store is damaged.

Nothing is guessed about policy: behind a revision that is missing or cannot be read, what stands is unknown until a
record that holds everything; the last known state is kept meanwhile.
"""

from collections.abc import Generator, Mapping
from typing import NamedTuple

import msgspec

from ..loop.slice import Slices
from ..messages.error import MeshError, Refused
from ..table.store import KeyValue
from .archive import Archive, Stored
from .bundle import StoredDocument
from .record import WHOLE_EVERY, Held, Packed, Record, follow, unpacking

KEPT = 512
"""Revisions that are kept at least; up to `WHOLE_EVERY` and some more are, so that the oldest stands on a whole one."""


class Step(NamedTuple):
    """One revision's line in the history."""

    revision: int
    time: float
    action: str
    changed: tuple[str, ...]
    """Keys, `-` before those that were taken out."""
    digest: str
    writer: str


class History:
    """The revisions that this engine has read; `held` is what stands after `good`, the last one where all is well."""

    def __init__(self, store: KeyValue, slices: Slices) -> None:
        self.revision = 0
        """The last revision in the store."""
        self.good = 0
        """The last one of which it is known what stood after it."""
        self.broken = ""
        """Why that is not the last one; empty when it is."""
        self.lost = False
        """Whether the store no longer has what was read from it, and nothing that holds everything since either."""
        self.floor = 0
        """A revision that nodes have of an earlier life of the store: the next one is later."""
        self.heard = 0
        """A revision that another engine has told of; it need not follow the last one that was read."""
        self.digest = ""
        self.held: dict[str, Held] = {}
        self.steps: list[Step] = []
        """All that can be read, the oldest first."""
        self._archive = Archive(store, slices)
        self._slices = slices
        self._packed: dict[int, Packed] = {}
        self._wholes: list[int] = []
        self._apart = False
        """Whether the store has another revision by the number of one that was read: its later steps are not ours."""

    async def load(self) -> None:
        """Read all that is stored.

        Raises:
            MeshError: the store does not answer.
        """
        for stored in await self._archive.everything():
            if stored.revision > self.revision:
                self._follow(stored)

    async def catch_up(self) -> bool:
        """Read what other engines have written since; return whether there was something.

        Raises:
            MeshError: as `load`.
        """
        before = self.revision
        stands = await self._archive.read(before) if before else None
        self._apart = self._apart or self._is_another(stands)
        while (found := await self._archive.read(self.revision + 1)) is not None:
            self._follow(found)
        # An engine that slept while the others wrote and took the oldest out must not take a gap for the end.
        told, self.heard = self.heard > before, 0
        if self.revision == before and stands is None:
            await self.load()
            self.lost = self.revision == before > 0
        elif self.revision == before and told:
            await self.load()
        self.lost = self.lost or self._apart
        return self.revision > before

    @property
    def coming(self) -> int:
        """The number of the next revision: numbers only rise, also where the store is another one."""
        return max(self.revision, self.floor) + 1

    def next(
        self, action: str, documents: Mapping[str, StoredDocument | None], digest: str, writer: str, time: float
    ) -> Record:
        """Return the record of the next revision; every `WHOLE_EVERY`th, and one that heals, holds all that stands."""
        changes = tuple(sorted(documents.items()))
        record = Record(self.revision, self.coming, time, writer, action, changes, digest)
        goes_on = record.revision == self.revision + 1 and not self.broken and not self.lost
        if record.revision % WHOLE_EVERY and goes_on:
            return record
        return msgspec.structs.replace(record, whole=tuple(follow(self.held, record).values()))

    async def append(self, record: Record) -> None:
        """Write the next revision.

        Raises:
            Conflict: another engine wrote it first.
            TooLarge: it does not fit the bus.
            UnknownOutcome: nobody knows whether it was written; `catch_up` finds out.
        """
        packed = await self._archive.write(record)
        if record.revision > self.revision:  # else somebody caught up meanwhile and has read it
            self._follow(Stored(record.revision, packed, record))

    async def at(self, revision: int) -> dict[str, Held]:
        """Return what stood after a revision; 0 is before the first.

        Raises:
            Refused: there is no such revision, it is no longer kept, or it cannot be read.
        """
        if not 0 <= revision <= self.revision:
            raise Refused(f"there is no policy revision {revision}; the latest is {self.revision}")
        if revision == self.good:
            return self.held
        start = max((whole for whole in self._wholes if whole <= revision), default=0)
        if start or not revision or self.first == 1:
            return await self._slices.run(self._replayed(start, revision))
        raise Refused(f"policy revision {revision} is no longer kept; the oldest is {self.first}")

    @property
    def first(self) -> int:
        """The oldest revision that can be gone back to; 0 where there is none."""
        if 1 in self._packed:
            return 1
        return min(self._wholes, default=0)

    async def compact(self) -> None:
        """Take the oldest revisions out of the store, and what writers left there that came too late.

        Raises:
            MeshError: the store does not answer; the next time takes out the rest.
        """
        await self._archive.remove(self._forget(), self.revision, [step.writer for step in self.steps])

    def _forget(self) -> int:
        """Forget what is older than the last `KEPT` revisions and the whole one below; return the oldest that stays."""
        first = max((whole for whole in self._wholes if whole <= self.revision - KEPT), default=0)
        if first:
            self._wholes = [whole for whole in self._wholes if whole >= first]
            self.steps = [step for step in self.steps if step.revision >= first]
            self._packed = {revision: one for revision, one in self._packed.items() if revision >= first}
        return first

    def _is_another(self, stands: Stored | None) -> bool:
        """Whether the store has begun anew, and its revision of this number is not the one that was read."""
        if stands is None or stands.record is None or not self.steps:
            return False
        read = self.steps[-1]
        return read.revision == stands.revision and read.writer != stands.record.writer

    def _follow(self, stored: Stored) -> None:
        """Take in the next revision that the store has, or what is left of it."""
        record, expected = stored.record, self.revision + 1
        self.lost = False
        self.revision = stored.revision
        if record is not None and record.whole is not None:
            self._apart = False
        if not self._apart:
            self._packed[stored.revision] = stored.packed
        if record is not None:
            changed = tuple(key if document is not None else f"-{key}" for key, document in record.changes)
            step = Step(record.revision, record.time, record.action, changed, record.digest, record.writer)
            self.steps.append(step)
            if record.whole is not None:
                self._wholes.append(record.revision)
        if self._apart:
            return
        if record is not None and (record.whole is not None or (stored.revision == expected and not self.broken)):
            self.held, self.good, self.digest, self.broken = (
                follow(self.held, record),
                record.revision,
                record.digest,
                "",
            )
        elif not self.broken and stored.revision != expected:
            self.broken = f"policy revision {expected} is missing from the store, {stored.revision} is there"
        elif not self.broken:
            self.broken = f"policy revision {stored.revision} in the store is damaged: {stored.why}"

    def _replayed(self, start: int, end: int) -> Generator[None, None, dict[str, Held]]:
        held: dict[str, Held] = {}
        for number in range(start or 1, end + 1):
            packed = self._packed.get(number)
            if packed is None:
                raise Refused(f"what stood after policy revision {end} is unknown: revision {number} is missing")
            try:
                held = follow(held, (yield from unpacking(packed)))
            except MeshError as error:
                message = f"what stood after policy revision {end} is unknown: revision {number} is damaged: {error}"
                raise Refused(message) from None
            yield
        return held
