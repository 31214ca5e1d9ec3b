"""How an answer says that it stands in for another one: to its caller, to those above, and to who counts."""

from typing import NamedTuple

from ..messages.envelope import VERSION, Headers, ReplyFrame
from ..messages.error import MeshError

FALLBACK = "x-plait-fallback"
"""The field of an answer that was given in place of a failed one: `last-good`, `fixed`, `empty` or `elsewhere`."""
DEGRADED = "x-plait-degraded"
"""The field of an answer at a gateway that a fallback stands in for, or that was made with such a one."""
NONE = "none"
"""In place of these: there were fallbacks for the call, and none of them had an answer."""
MOST = 16
"""Stand-ins that an answer tells of; those beyond have been told of enough."""


class Degraded(NamedTuple):
    """What became of a call whose destination failed and has fallbacks."""

    service: str
    subset: str
    kind: str
    """As in `x-plait-fallback`, or `NONE`."""
    why: type[MeshError] | int
    """The error, or the status of the service's own answer, that was fallen back on."""

    @property
    def cause(self) -> str:
        """`NoEndpoints`, or `status 503`."""
        return f"status {self.why}" if isinstance(self.why, int) else self.why.__name__


def stand_in(
    service: str,
    kind: str,
    failure: ReplyFrame | MeshError,
    status: int,
    headers: Headers,
    body: bytes,
    below: tuple[str, ...] = (),
) -> ReplyFrame:
    """Return an answer in place of `failure`: it says so, and keeps the number of the error's cause for who counts."""
    fields = [field for field in headers if field[0] != FALLBACK]
    fields.append((FALLBACK, kind))
    return ReplyFrame(VERSION, status, fields, body, failure.cause, degraded=joined((f"{service}/{kind}",), below))


def joined(known: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Return both, each name once, `MOST` at most."""
    return tuple(dict.fromkeys((*known, *more)))[:MOST]
