"""All policy revisions in the store, one key each, written by create: of two writers of one revision one is refused."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from ..messages.error import Refused
from ..table.store import KeyValue, write
from .bundle import StoredDocument
from .record import WHOLE_EVERY, Held, Record, follow, pack, unpack


class Step(NamedTuple):
    """One revision's line in the history."""

    revision: int
    time: float
    action: str
    changed: tuple[str, ...]
    """Keys, `-` before those that were taken out."""
    digest: str


class History:
    """The revisions that this engine has read; `held` is what stands after the last one."""

    def __init__(self, store: KeyValue) -> None:
        self.revision = 0
        self.digest = ""
        self.held: dict[str, Held] = {}
        self.steps: list[Step] = []
        self._store = store
        self._packed: dict[int, bytes] = {}
        self._wholes: list[int] = []

    async def load(self) -> None:
        """Read all that is stored.

        Raises:
            Refused, Undecodable: a revision is missing or damaged: nothing is guessed about policy.
            MeshError: the store does not answer.
        """
        entries, _ = await self._store.entries()
        found = {int(entry.key[2:]): entry.value for entry in entries if entry.key[2:].isdecimal()}
        for revision in sorted(found):
            if revision != self.revision + 1:
                raise Refused(f"policy revision {self.revision + 1} is missing from the store, {revision} is there")
            self._take(unpack(found[revision]), found[revision])

    async def catch_up(self) -> bool:
        """Read what other engines have written since; return whether there was something.

        Raises:
            Undecodable, MeshError: as `load`.
        """
        before = self.revision
        while (found := await self._store.get(_key(self.revision + 1))) is not None:
            self._take(unpack(found.value), found.value)
        return self.revision > before

    def next(
        self, action: str, documents: Mapping[str, StoredDocument | None], digest: str, writer: str, time: float
    ) -> Record:
        """Return the record of the next revision, see `Record`; every `WHOLE_EVERY`th holds all that stands."""
        changes = tuple(sorted(documents.items()))
        record = Record(self.revision, self.revision + 1, time, writer, action, changes, digest)
        if record.revision % WHOLE_EVERY:
            return record
        return msgspec.structs.replace(record, whole=tuple(follow(self.held, record).values()))

    async def append(self, record: Record) -> None:
        """Write the next revision.

        Raises:
            Conflict: another engine wrote it first.
            TooLarge: it does not fit the bus.
            UnknownOutcome: nobody knows whether it was written; `catch_up` finds out.
        """
        packed = pack(record)
        await write(self._store, _key(record.revision), packed, 0)
        if record.revision == self.revision + 1:  # else somebody caught up meanwhile and has read it
            self._take(record, packed)

    def at(self, revision: int) -> dict[str, Held]:
        """Return what stood after a revision; 0 is before the first.

        Raises:
            Refused: there is no such revision.
        """
        if not 0 <= revision <= self.revision:
            raise Refused(f"there is no policy revision {revision}; the latest is {self.revision}")
        start = max((whole for whole in self._wholes if whole <= revision), default=0)
        held: dict[str, Held] = {}
        if start:
            held = {one.document.key: one for one in unpack(self._packed[start]).whole or ()}
        for number in range(start + 1, revision + 1):
            held = follow(held, unpack(self._packed[number]))
        return held

    def _take(self, record: Record, packed: bytes) -> None:
        self.held = follow(self.held, record)
        self.revision = record.revision
        self.digest = record.digest
        self._packed[record.revision] = packed
        if record.whole is not None:
            self._wholes.append(record.revision)
        changed = tuple(key if document is not None else f"-{key}" for key, document in record.changes)
        self.steps.append(Step(record.revision, record.time, record.action, changed, record.digest))


def _key(revision: int) -> str:
    return f"r.{revision}"
