"""One finished span as it travels over the bus to the trace store, and the codec of a batch of them."""

import enum
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import msgspec

VERSION = 1
"""Version of a batch; it rises only when an old store could not read a new one."""

BATCH_LIMIT = 256 * 1024
"""Bytes of one encoded batch: far below what a bus takes, so that spans do not stand in the way of calls."""

Value = str | int | float | bool
"""What an attribute may hold."""

TraceId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
SpanId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]
ParentId = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{16})?\Z")]
Nanoseconds = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Kind(enum.IntEnum):
    """The part that a span plays, in OTLP's numbers."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


class Status(enum.IntEnum):
    """How it ended, in OTLP's numbers."""

    UNSET = 0
    OK = 1
    ERROR = 2


class SpanEvent(msgspec.Struct, frozen=True, array_like=True):
    """Something that happened at one moment of a span."""

    name: str
    time_ns: Nanoseconds
    """Wall clock, nanoseconds since 1970."""
    attributes: dict[str, Value] = {}


class SpanRecord(msgspec.Struct, frozen=True, array_like=True):
    """One finished span. A field's place is its name on the wire: new fields go last, with a default."""

    trace_id: TraceId
    span_id: SpanId
    parent_id: ParentId
    """Empty for a root."""
    service: str
    instance: str
    node: str
    name: str
    kind: Kind
    start_ns: Nanoseconds
    """Wall clock, nanoseconds since 1970."""
    duration_ns: Nanoseconds
    """From the monotonic clock."""
    status: Status = Status.UNSET
    message: str = ""
    """Why it failed."""
    attributes: dict[str, Value] = {}
    events: tuple[SpanEvent, ...] = ()

    @property
    def end_ns(self) -> int:
        """Wall clock, nanoseconds since 1970."""
        return self.start_ns + self.duration_ns


def in_words(span: SpanRecord) -> dict[str, Any]:
    """Return a span by the names of its fields; kind and status in words."""
    fields = {name: getattr(span, name) for name in span.__struct_fields__}
    return {
        **fields,
        "kind": span.kind.name.lower(),
        "status": span.status.name.lower(),
        "events": [{name: getattr(event, name) for name in event.__struct_fields__} for event in span.events],
    }


class _Batch(msgspec.Struct, frozen=True, array_like=True):
    version: int
    spans: tuple[SpanRecord, ...]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Batch).decode


def encode_batch(spans: Iterable[SpanRecord]) -> bytes:
    """Return one batch, whatever its size."""
    return _encode(_Batch(VERSION, tuple(spans)))


def encode_batches(spans: Sequence[SpanRecord], limit: int = BATCH_LIMIT) -> list[bytes]:
    """Return as few batches of at most `limit` bytes as halving finds; a single span above it is left out."""
    done: list[bytes] = []
    waiting = [spans] if spans else []
    while waiting:
        part = waiting.pop()
        data = encode_batch(part)
        if len(data) <= limit:
            done.append(data)
        elif len(part) > 1:
            middle = len(part) // 2
            waiting += [part[middle:], part[:middle]]
    return done


def decode_batch(data: bytes) -> tuple[SpanRecord, ...]:
    """Return the spans of a batch.

    Raises:
        ValueError: the bytes are no batch, or one of a later version.
    """
    try:
        batch = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a batch of spans: {error}") from None
    if batch.version != VERSION:
        raise ValueError(f"batch of spans of version {batch.version}, this node reads {VERSION}")
    return batch.spans
