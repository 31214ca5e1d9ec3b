"""What two DNS questions have in common that are answered alike: letter case, cookies and other options do not matter.

Read by hand, for it stands before everything else: a client that varies what means nothing must not cost more for it.
"""

from typing import NamedTuple

LARGEST = 1232
"""Bytes of a question that is read, and of an answer by UDP: what passes every path whole (DNS flag day 2020)."""
SMALLEST = 512
"""Bytes of an answer by UDP that every client takes."""

_NAME = 12  # where the question begins: the header is so long
_LONGEST_LABEL = 63
_ALONE, _WITH_OPT = b"\0\1\0\0\0\0\0\0", b"\0\1\0\0\0\0\0\1"
_OPT = b"\0\0\x29"  # the root's name, and the type
_OPT_LENGTH = 11


class Folded(NamedTuple):
    """A question without its accidents."""

    key: bytes
    end: int
    """Where the question ends in its packet, and in the answer that repeats it."""
    size: int
    """Bytes of an answer that its client takes by UDP."""


def fold(packet: bytes) -> Folded | None:
    """Return what a packet asks; None where it is not one plain question, with OPT or without."""
    counts, at, length = packet[4:12], _NAME, len(packet)
    while at < length and 0 < packet[at] <= _LONGEST_LABEL:
        at += 1 + packet[at]
    end = at + 5
    if end > length or packet[at]:
        return None
    size, edns = SMALLEST, b""
    if counts == _WITH_OPT:
        opt = packet[end:]
        if opt[:3] != _OPT or len(opt) < _OPT_LENGTH or len(opt) != _OPT_LENGTH + int.from_bytes(opt[9:11], "big"):
            return None
        size = min(max(int.from_bytes(opt[3:5], "big"), SMALLEST), LARGEST)
        edns = size.to_bytes(2, "big") + opt[5:9]
    elif counts != _ALONE or end != length:
        return None
    # No length of a label is a letter: all of the name may be folded at once.
    return Folded(packet[2:4] + packet[_NAME:at].lower() + packet[at:end] + edns, end, size)


def clipped(answer: bytes, packet: bytes) -> bytes:
    """Return somebody else's answer to `packet` as it may leave by UDP: where it is too long, that it is (TC)."""
    folded = fold(packet)
    if len(answer) <= (folded.size if folded is not None else SMALLEST):
        return answer
    question = packet[_NAME : folded.end] if folded is not None else b""
    counts = (b"\0\1" if question else b"\0\0") + b"\0\0\0\0\0\0"
    return answer[:2] + bytes((answer[2] | 0x02, answer[3])) + counts + question
