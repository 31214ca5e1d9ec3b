"""The two frames of a call: what travels to an instance and what comes back.

Both are msgpack arrays with the protocol version in front. A field's place is its name on the wire: new fields go last
with a default, no field is reused or retyped, unknown trailing fields are ignored, so that old and new nodes mix.
"""

import enum

import msgspec

from .load import LoadReport

VERSION = 1
"""The protocol version; it rises only when an old node could not read a new frame."""

Headers = list[tuple[str, str]]
"""Header fields in their order, names in lower case, a name as often as it was sent."""


class Flag(enum.IntFlag):
    """What is special about a call."""

    MIRROR = 1
    HEDGE = 2
    REPLAY = 4
    EXPLAIN = 8
    DRY_RUN = 16


class CallFrame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One attempt of one call, as it travels to an instance."""

    version: int
    call: int
    """Number of the call, random, the same for all its attempts."""
    attempt: int
    """1 for the first attempt."""
    method: str
    """Upper case."""
    authority: str
    path: str
    """Normalised, still percent-encoded."""
    query: str
    """Without the question mark."""
    headers: Headers
    body: bytes
    timeout: int | None
    """Time left in microseconds; 0 is expired, None unlimited. Never wall-clock."""
    traceparent: str
    tracestate: str = ""
    baggage: dict[str, str] = {}
    """The context that travels by itself: `end-user`, `x-request-id`, what services set."""
    source: str = ""
    """The calling service, as it says; its proof is the subject's last token."""
    destination: str = ""
    subset: str = ""
    chain: tuple[str, ...] = ()
    """Instances that wait for this call, outermost first: for cycles and depth."""
    retry_tokens: int = 0
    """Retries that this call and everything below it may still spend."""
    revision: int = 0
    """The policy revision that the origin decided by; 0 where it had none."""
    hash_key: str = ""
    idempotency_key: str = ""
    flags: int = 0
    stream: str = ""
    """Name of the body's stream where the body does not travel in the frame."""


class ReplyFrame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What comes back for one attempt."""

    version: int
    status: int
    headers: Headers
    body: bytes
    cause: int = 0
    """0 for the service's own answer, else the number of an error (`cause.CAUSES`)."""
    spent: int = 0
    """Retry tokens spent below."""
    load: LoadReport | None = None
    """How busy the instance is; in one reply to a caller within a tenth of a second, not in each."""
    decision: bytes = b""
    """The decision record, when the call asked for it."""
    stream: str = ""
    degraded: tuple[str, ...] = ()
    """Fallbacks that this answer is from or was made with, each as `service/kind`."""
