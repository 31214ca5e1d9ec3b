"""W3C trace context (`traceparent`, `tracestate`) and request ids, as cheap as strings can be.

A traceparent travels as the text that it is on the wire: an unsampled request only hands it on, so nothing here is
parsed where one character tells enough. Only the edge, which hears from strangers, calls `parse` or `adopt`; what they
return is always version 00, 55 characters, and the functions marked *trusted* rely on it.
"""

import random
import re
from typing import NamedTuple

SAMPLED = 0x01
"""The flag of the version 00 that says: the caller recorded this request."""

RANDOM = 0x02
"""The flag of Level 2 that says: the trace id is random."""

TRACESTATE_LIMIT = 512
"""Characters of tracestate that are carried."""

_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?\Z")
_MEMBER = re.compile(
    r"([a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]\Z"
)
_ODD = frozenset("13579bdf")
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class TraceParent(NamedTuple):
    """A traceparent in its parts."""

    trace_id: str
    """32 hex digits."""
    span_id: str
    """16 hex digits: the span that called."""
    flags: int
    """Bits: `SAMPLED`, `RANDOM`; those that this version does not know are cleared."""


def parse(text: str) -> TraceParent | None:
    """Return the parts of a traceparent from anywhere, None where it is not valid.

    Refused are upper case, other lengths, ids of zeros, version ff. Of a later version the known front part is
    read, as the specification asks.
    """
    found = _TRACEPARENT.match(text)
    if found is None or (found[5] is not None and found[1] == "00"):
        return None
    return TraceParent(found[2], found[3], int(found[4], 16) & (SAMPLED | RANDOM))


def format_traceparent(trace_id: str, span_id: str, flags: int) -> str:
    """Return the traceparent for ids in hex and flags as bits."""
    return f"00-{trace_id}-{span_id}-{flags & 0xFF:02x}"


def adopt(text: str, sampled: bool) -> str:
    """Return a stranger's traceparent as ours: version 00, its ids, our decision; `""` where it is not valid."""
    found = _TRACEPARENT.match(text)
    if found is None or (found[5] is not None and found[1] == "00"):
        return ""
    return f"00-{text[3:52]}-{int(text[53:55], 16) & RANDOM | sampled:02x}"


def is_sampled(traceparent: str) -> bool:
    """Tell whether a trusted traceparent says that the request is recorded; false for `""`."""
    return traceparent[54:55] in _ODD


def new_traceparent(rng: random.Random, sampled: bool) -> str:
    """Return the traceparent of a new trace; its span id is the one for the root span."""
    digits = rng.randbytes(24).hex()  # one draw and slices: half the cost of formatting two numbers
    return f"00-{digits[:32]}-{digits[32:]}-{'01' if sampled else '00'}"


def child(traceparent: str, span_id: str) -> str:
    """Return a trusted traceparent with another calling span (16 hex digits), the same trace and flags."""
    return f"{traceparent[:36]}{span_id}{traceparent[52:]}"


def with_sampled(traceparent: str, sampled: bool) -> str:
    """Return a trusted traceparent with the sampled flag set or cleared, the other flags as they are."""
    return f"{traceparent[:53]}{int(traceparent[53:], 16) & ~SAMPLED | sampled:02x}"


def trace_id(traceparent: str) -> str:
    """Return the trace id (32 hex digits) of a trusted traceparent, `""` for `""`."""
    return traceparent[3:35]


def span_id(traceparent: str) -> str:
    """Return the calling span's id (16 hex digits) of a trusted traceparent, `""` for `""`."""
    return traceparent[36:52]


def limit_tracestate(text: str) -> str:
    """Return a tracestate fit to travel, `""` where it is not valid.

    Several header lines are joined with commas before. At most 32 members and 512 characters are kept: members of
    over 128 characters go first, then the last ones, since the newest stand in front.
    """
    if not text:
        return ""
    members = [member for part in text.split(",") if (member := part.strip(" \t"))]
    keys = {found[1] for member in members if (found := _MEMBER.match(member))}
    if len(keys) != len(members) or len(members) > 32:
        return ""
    size = sum(map(len, members)) + len(members) - 1
    for long in [member for member in reversed(members) if len(member) > 128]:
        if size <= TRACESTATE_LIMIT:
            break
        members.remove(long)
        size -= len(long) + 1
    while size > TRACESTATE_LIMIT:
        size -= len(members.pop()) + 1
    return ",".join(members)


def begin(rng: random.Random, sampled: bool) -> tuple[str, str]:
    """Return the traceparent of a new trace, and a request id that tells the same: its trace id as a UUID (version 4).

    One draw for both; and whoever has the one id can find the other.
    """
    t = rng.randbytes(24).hex()
    return (
        f"00-{t[:32]}-{t[32:]}-{'01' if sampled else '00'}",
        f"{t[:8]}-{t[8:12]}-4{t[13:16]}-{_VARIANT[t[16]]}{t[17:20]}-{t[20:32]}",
    )


def request_id(rng: random.Random) -> str:
    """Return a request id in the form of a random UUID (version 4); `rng` need not be fit for secrets."""
    digits = rng.randbytes(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"
