"""The one way in for bytes from the bus: any bytes give a message or an `Undecodable`, nothing else."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from .envelope import VERSION, CallFrame, ReplyFrame
from .error import Undecodable, UnsupportedVersion

T = TypeVar("T")

encode = msgspec.msgpack.Encoder().encode
"""Encode any message struct to msgpack."""


class Codec(Generic[T]):
    """Decodes one type of message."""

    def __init__(self, kind: Any) -> None:
        """Decode messages of `kind`, a type or a union of tagged types: `Codec[Rule](Rule)`."""
        self._decode: Callable[[bytes], T] = msgspec.msgpack.Decoder(kind).decode
        self._name = getattr(kind, "__name__", "message")

    def decode(self, data: bytes) -> T:
        """Return the message in `data`.

        Raises:
            Undecodable: the bytes are no such message. msgspec itself raises three families of errors for hostile
                bytes (its own, UnicodeDecodeError, RecursionError); all end here.
        """
        try:
            return self._decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Undecodable(f"not a {self._name}: {error}") from None


_call = msgspec.msgpack.Decoder(CallFrame).decode
_reply = msgspec.msgpack.Decoder(ReplyFrame).decode


def decode_call(data: bytes) -> CallFrame:
    """Return the call in `data`.

    Raises:
        Undecodable: the bytes are no call.
        UnsupportedVersion: it is a call of another protocol version.
    """
    try:
        frame = _call(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _why(data, error) from None
    if frame.version != VERSION:
        raise UnsupportedVersion(f"call frame of version {frame.version}, this node speaks {VERSION}")
    return frame


def decode_reply(data: bytes) -> ReplyFrame:
    """Return the reply in `data`.

    Raises:
        Undecodable: the bytes are no reply.
        UnsupportedVersion: it is a reply of another protocol version.
    """
    try:
        frame = _reply(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _why(data, error) from None
    if frame.version != VERSION:
        raise UnsupportedVersion(f"reply frame of version {frame.version}, this node speaks {VERSION}")
    return frame


def _why(data: bytes, error: Exception) -> Undecodable | UnsupportedVersion:
    """A frame of a later version may have other types: its version, which stands first, says so."""
    start = 1 if data[:1] and 0x90 <= data[0] <= 0x9F else 3 if data[:1] == b"\xdc" else 0
    if start and len(data) > start and data[start] <= 0x7F and data[start] > VERSION:
        return UnsupportedVersion(f"frame of version {data[start]}, this node speaks {VERSION}")
    return Undecodable(f"not a frame: {error}")
