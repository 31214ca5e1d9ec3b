"""One policy revision as it is stored: what changed, compressed; now and then everything that stands."""

import zlib

import msgspec

from ..messages.codec import Codec, encode
from ..messages.error import Undecodable
from .bundle import StoredDocument

WHOLE_EVERY = 64
"""Revisions between two records that hold everything: so many are replayed at most."""

_VERSION = b"\x01"
_LARGEST = 256 * 1024 * 1024  # bytes of one record unpacked


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
    """Random and new for each record: by it a writer knows its own after a lost answer."""
    action: str
    """`apply`, `delete` or `rollback 7`."""
    changes: tuple[tuple[str, StoredDocument | None], ...]
    """Documents by key; None took one out."""
    digest: str
    """Of the rules after the change, see `runtime.replica.digest`."""
    whole: tuple[Held, ...] | None = None
    """Everything after the change, in each `WHOLE_EVERY`th record."""


_records = Codec[Record](Record)


def pack(record: Record) -> bytes:
    """Return a record's bytes."""
    return _VERSION + zlib.compress(encode(record))


def unpack(value: bytes) -> Record:
    """Return the record in `value`.

    Raises:
        Undecodable: it is none, or damaged (zlib's checksum says so).
    """
    if value[:1] != _VERSION:
        raise Undecodable("not a policy revision of this version")
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(value[1:], _LARGEST)
    except zlib.error as error:
        raise Undecodable(f"a damaged policy revision: {error}") from None
    if not unpacker.eof:
        raise Undecodable("a policy revision that is cut off or too large")
    return _records.decode(content)


def follow(held: dict[str, Held], record: Record) -> dict[str, Held]:
    """Return what stands after a record, given what stood before it."""
    after = dict(held)
    for key, document in record.changes:
        before = after.pop(key, None)
        if document is not None:
            after[key] = Held(document, record.revision, before.created if before is not None else record.time)
    return after
