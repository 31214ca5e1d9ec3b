"""Scalars of Istio's documents: durations, bytes, and fields that are known and not honoured."""

import base64
import binascii
import re
from typing import Annotated, Any

from msgspec import Meta, UnsetType

from .source import as_mapping

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+\Z")
_LONGEST = 2**63 / 1e9
"""Seconds: what Go's durations hold."""


class Scalar:
    """What `conform` asks a scalar type that it does not know: `parse` gives the value or raises ValueError.

    The error's first argument is the message, a second one the hint.
    """

    @classmethod
    def parse(cls, value: object) -> object:
        """Return the value."""
        raise NotImplementedError


class Duration(float, Scalar):
    """Seconds, written in Go's way: `1h30m`, `0.5s`, `7s`; 0 or at least 1 ms."""

    @classmethod
    def parse(cls, value: object) -> "Duration":
        """Return the seconds.

        Raises:
            ValueError: it is no duration.
        """
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise ValueError(f"{value} is a bare number, a duration needs a unit", f'write "{value}s" for seconds')
        if (fields := as_mapping(value)) is not None:
            raise ValueError("a duration is a text, not a mapping", _from_fields(fields))
        if not isinstance(value, str) or len(value) > 64 or _WHOLE.match(value) is None:
            raise ValueError(f"{str(value)[:64]!r} is no duration", 'such as "7s", "0.5s" or "1h30m"')
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
        if seconds > _LONGEST:
            raise ValueError(f"{value} is too long")
        if 0 < seconds < 0.001:
            raise ValueError(f"{value} is shorter than 1ms")
        return cls(seconds)


class PositiveDuration(Duration):
    """A duration of at least 1 ms."""

    @classmethod
    def parse(cls, value: object) -> "PositiveDuration":
        """Return the seconds.

        Raises:
            ValueError: it is no duration, or none of at least 1 ms.
        """
        seconds = super().parse(value)
        if not seconds:
            raise ValueError(f"{value} is shorter than 1ms")
        return cls(seconds)


class Base64(bytes, Scalar):
    """Bytes, written in base64 as protobuf's JSON has them."""

    @classmethod
    def parse(cls, value: object) -> "Base64":
        """Return the bytes.

        Raises:
            ValueError: it is no base64.
        """
        if not isinstance(value, str):
            raise ValueError("bytes are a text in base64")
        try:
            return cls(base64.b64decode(value.encode("ascii"), validate=True))
        except (binascii.Error, UnicodeEncodeError):
            raise ValueError(f"{value[:64]!r} is no base64", "plain text goes into 'string'") from None


def _from_fields(fields: dict[str, Any]) -> str:
    """Protobuf's own form, `{seconds: 1}`, is a common mistake."""
    seconds, nanos = fields.get("seconds"), fields.get("nanos", 0)
    if isinstance(seconds, int) and isinstance(nanos, int):
        return f'write "{seconds + nanos / 1e9:g}s"'
    return 'such as "7s", "0.5s" or "1h30m"'


class NotYet(Scalar):
    """A field that plait knows and does not honour yet."""


class Never(Scalar):
    """A field that plait cannot honour; the reason stands in the annotation."""


Later = NotYet | UnsetType
NoRawStreams = Annotated[Never, Meta(description="requests travel on a bus, there are no raw TCP or TLS streams")]
NoConnections = Annotated[Never, Meta(description="there is no connection per upstream: requests travel on a bus")]
NoEnvoy = Annotated[Never, Meta(description="it is hidden or unsupported in Istio, too")]
