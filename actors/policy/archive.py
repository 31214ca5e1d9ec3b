"""Policy revisions in the store: `r.<N>` is written last and by create, so that of two writers one is refused.

Pieces of a large revision stand at `p.<N>.<writer>.<place>`, written before the record that names them.
"""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from ..loop.slice import Slices
from ..messages.error import Conflict, Undecodable
from ..table.store import Entry, KeyValue, remove, write
from .record import Packed, Record, head, packing, unpacking

_PARALLEL = 16  # pieces under way at a time


class Stored(NamedTuple):
    """What stands at one revision's key."""

    revision: int
    packed: Packed
    record: Record | None
    """None where it cannot be read; `why` says why."""
    why: str = ""


class Archive:
    """One engine's view of the store."""

    def __init__(self, store: KeyValue, slices: Slices) -> None:
        self._store = store
        self._slices = slices

    async def everything(self) -> list[Stored]:
        """Return all revisions in their order, those that are damaged among them.

        Raises:
            MeshError: the store does not answer.
        """
        entries, _ = await self._store.entries()
        by_key = {entry.key: entry.value for entry in entries}
        return [await self._read(revision, by_key[_key(revision)], by_key) for revision in _revisions(entries)]

    async def read(self, revision: int) -> Stored | None:
        """Return one revision, None where the store does not have it.

        Raises:
            MeshError: the store does not answer.
        """
        found = await self._store.get(_key(revision))
        return None if found is None else await self._read(revision, found.value)

    async def write(self, record: Record) -> Packed:
        """Write the next revision.

        Raises:
            Conflict: another engine wrote it first.
            TooLarge: a document of it does not fit the bus.
            UnknownOutcome: nobody knows whether it was written; `read` finds out.
        """
        packed = await self._slices.run(packing(record))
        keys = [_piece(record, place) for place in range(len(packed.pieces))]
        for start in range(0, len(keys), _PARALLEL):
            some = zip(keys[start : start + _PARALLEL], packed.pieces[start : start + _PARALLEL], strict=True)
            await asyncio.gather(*(write(self._store, key, piece, 0) for key, piece in some))
        await write(self._store, _key(record.revision), packed.record, 0)
        return packed

    async def remove(self, before: int, upto: int, named: Iterable[str]) -> None:
        """Take out all revisions below `before`, and the pieces that no revision up to `upto` names.

        `named` are the writers of the revisions that stay. Pieces of revisions above `upto` may be somebody's work.

        Raises:
            MeshError: the store does not answer; the next time takes out the rest.
        """
        entries, _ = await self._store.entries()
        writers = set(named)
        for entry in entries:
            kind, _, rest = entry.key.partition(".")
            number, _, rest = rest.partition(".")
            if not number.isdecimal():
                continue
            revision = int(number)
            orphan = kind == "p" and revision <= upto and rest.partition(".")[0] not in writers
            if revision < before or orphan:
                try:
                    await remove(self._store, entry.key, entry.revision)
                except Conflict:  # another engine was at it
                    continue

    async def _read(self, revision: int, value: bytes, known: dict[str, bytes] | None = None) -> Stored:
        packed = Packed(value)
        try:
            first = head(value)
            if first.revision != revision:
                raise Undecodable(f"it says that it is revision {first.revision}")
            pieces: list[bytes] = []
            for place in range(first.pieces + first.whole_pieces):
                key = _piece(first, place)
                piece = known.get(key) if known is not None else await self._get(key)
                if piece is None:
                    raise Undecodable(f"piece {place} of it is missing")
                pieces.append(piece)
            packed = Packed(value, tuple(pieces))
            return Stored(revision, packed, await self._slices.run(unpacking(packed)))
        except Undecodable as error:
            return Stored(revision, packed, None, str(error))

    async def _get(self, key: str) -> bytes | None:
        found = await self._store.get(key)
        return None if found is None else found.value


def _revisions(entries: Iterable[Entry]) -> list[int]:
    return sorted(int(entry.key[2:]) for entry in entries if entry.key[:2] == "r." and entry.key[2:].isdecimal())


def _key(revision: int) -> str:
    return f"r.{revision}"


def _piece(record: Record, place: int) -> str:
    return f"p.{record.revision}.{record.writer}.{place}"
