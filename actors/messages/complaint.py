"""What callers tell each other of instances that fail them: how often in a row, and who is out of rotation for it.

Who speaks stands in the subject, where the server can prove it, and nowhere in here: nobody speaks for somebody else.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=0, le=1_000_000)]


class Complaint(msgspec.Struct, frozen=True, array_like=True):
    """How one instance, in one life, fares with the speaker; the next one replaces it. All 0: it has answered."""

    instance: Annotated[str, Meta(max_length=128)]
    incarnation: int
    errors: Count = 0
    """Failures in a row, of any kind that the speaker's policy counts as answers with 5xx."""
    gateway: Count = 0
    """Failures in a row that are answers with 502, 503 or 504."""
    local: Count = 0
    """Failures in a row without an answer, where the speaker counts these apart."""
    out: Annotated[float, Meta(ge=0.0, le=86_400.0)] = 0.0
    """Seconds for which the speaker still has it out of rotation; 0 where it has not."""


class Complaints(msgspec.Struct, frozen=True, array_like=True):
    """What one node says of instances of one service."""

    said: Annotated[tuple[Complaint, ...], Meta(max_length=64)] = ()
