"""One policy revision as it is stored: what changed, compressed; now and then everything that stands.

What is large is stored in pieces of its own, beside the record that names them: each fits a message of the bus, and is
made and read within a slice of the loop's time.
"""

import zlib
from collections.abc import Generator, Iterable
from typing import Any, NamedTuple

import msgspec

from ..loop.slice import at_once
from ..messages.codec import Codec, encode
from ..messages.error import Undecodable
from .bundle import StoredDocument

WHOLE_EVERY = 64
"""Revisions between two records that hold everything: so many are replayed at most."""
PIECE = 64 * 1024
"""Bytes, before they are compressed, from which on a piece is closed; what is smaller stands in the record itself."""

_VERSION = b"\x01"
_LARGEST = 64 * 1024 * 1024  # bytes of one record or piece unpacked

Change = tuple[str, StoredDocument | None]
"""A document by its key; None took it out."""


class Held(msgspec.Struct, frozen=True, array_like=True):
    """A document in force, with its dates."""

    document: StoredDocument
    revision: int
    """The revision that changed it last."""
    created: float
    """Seconds since 1970 when it first came into force."""


class Record(msgspec.Struct, frozen=True, array_like=True):
    """One step from revision `previous` to `revision`."""

    previous: int
    revision: int
    time: float
    """Seconds since 1970."""
    writer: str
    """Random and new for each record: by it a writer knows its own after a lost answer; it also names the pieces."""
    action: str
    """`apply`, `delete` or `rollback 7`."""
    changes: tuple[Change, ...]
    """What changed, but for what stands in pieces."""
    digest: str
    """Of the rules after the change, see `table.replica.digest`."""
    whole: tuple[Held, ...] | None = None
    """Everything after the change, in each `WHOLE_EVERY`th record; but for what stands in pieces."""
    pieces: int = 0
    """How many pieces hold the changes."""
    whole_pieces: int = 0
    """How many pieces after those hold everything."""


class Packed(NamedTuple):
    """A record's bytes, and those of its pieces."""

    record: bytes
    pieces: tuple[bytes, ...] = ()


_records = Codec[Record](Record)
_changes = Codec[tuple[Change, ...]](tuple[Change, ...])
_wholes = Codec[tuple[Held, ...]](tuple[Held, ...])


def packing(record: Record) -> Generator[None, None, Packed]:
    """Return a record's bytes, in steps."""
    changes = yield from _cut(record.changes)
    whole = (yield from _cut(record.whole)) if record.whole is not None else []
    if changes:
        record = msgspec.structs.replace(record, changes=(), pieces=len(changes))
    if whole:
        record = msgspec.structs.replace(record, whole=(), whole_pieces=len(whole))
    return Packed(_pack(encode(record)), (*changes, *whole))


def pack(record: Record) -> bytes:
    """Return the bytes of a record that needs no pieces."""
    return at_once(packing(record)).record


def head(value: bytes) -> Record:
    """Return the record in `value`, without what stands in pieces.

    Raises:
        Undecodable: it is none, or damaged (zlib's checksum says so).
    """
    return _records.decode(_unpack(value))


def unpacking(packed: Packed) -> Generator[None, None, Record]:
    """Return the whole record, in steps.

    Raises:
        Undecodable: it or a piece is none, is damaged or missing.
    """
    record = head(packed.record)
    if len(packed.pieces) != record.pieces + record.whole_pieces:
        raise Undecodable(f"revision {record.revision} has {len(packed.pieces)} of its pieces")
    if not packed.pieces:
        return record
    changes, whole = list(record.changes), list(record.whole or ())
    for place, piece in enumerate(packed.pieces):
        if place < record.pieces:
            changes += _changes.decode(_unpack(piece))
        else:
            whole += _wholes.decode(_unpack(piece))
        yield
    return msgspec.structs.replace(record, changes=tuple(changes), whole=None if record.whole is None else tuple(whole))


def unpack(value: bytes) -> Record:
    """Return the record in `value`, one without pieces.

    Raises:
        Undecodable: as `unpacking`.
    """
    return at_once(unpacking(Packed(value)))


def follow(held: dict[str, Held], record: Record) -> dict[str, Held]:
    """Return what stands after a record, given what stood before it."""
    if record.whole is not None:
        return {one.document.key: one for one in record.whole}
    after = dict(held)
    for key, document in record.changes:
        before = after.pop(key, None)
        if document is not None:
            after[key] = Held(document, record.revision, before.created if before is not None else record.time)
    return after


def _cut(items: Iterable[Any]) -> Generator[None, None, list[bytes]]:
    """Pieces that hold `items`; none where they are few enough for the record itself."""
    pieces: list[bytes] = []
    piece: list[msgspec.Raw] = []
    size = 0
    for item in items:
        piece.append(msgspec.Raw(encode(item)))
        size += len(piece[-1])
        if size > PIECE:
            pieces.append(_pack(encode(piece)))
            piece, size = [], 0
            yield
    if pieces and piece:
        pieces.append(_pack(encode(piece)))
    return pieces


def _pack(content: bytes) -> bytes:
    return _VERSION + zlib.compress(content, 1)  # the fastest level: a piece takes 0.5 ms in the place of 3


def _unpack(value: bytes) -> bytes:
    if value[:1] != _VERSION:
        raise Undecodable("not a policy revision of this version")
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(value[1:], _LARGEST)
    except zlib.error as error:
        raise Undecodable(f"a damaged policy revision: {error}") from None
    if not unpacker.eof:
        raise Undecodable("a policy revision that is cut off or too large")
    return content
