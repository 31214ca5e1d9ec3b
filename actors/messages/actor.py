"""What nodes say to each other about their actors: tell, ask, cancel, watch, and the answers."""

import enum

import msgspec

ACTOR_VERSION = 1


class Message(msgspec.Struct, frozen=True, tag=True):
    """What users' messages are subclassed from: immutable, and told apart on the bus by the class's name."""


class Act(enum.IntEnum):
    """What a frame asks of a node."""

    TELL = 0
    ASK = 1
    CANCEL = 2
    """Stop working on an ask; `actor` holds its reply subject."""
    WATCH = 3
    """Tell the sender when the actor is gone; answered at once with whether it is there."""
    UNWATCH = 4
    TERMINATED = 5
    """An actor that the receiver watches is gone: `actor` is its address, `payload` the reason as text."""


class ActorFrame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One message on its way to an actor of another node; new fields go last with a default."""

    version: int
    act: int
    actor: str
    """The actor's path in the node."""
    payload: bytes
    """The message in msgpack."""
    timeout: int | None = None
    """Time left in microseconds; None unlimited. Never wall-clock."""
    chain: tuple[str, ...] = ()
    """Those that wait for the answer, outermost first."""
    traceparent: str = ""
    tracestate: str = ""
    baggage: dict[str, str] = {}
    revision: int = 0
    flags: int = 0


class ActorReply(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The answer to an ask or a watch."""

    version: int
    payload: bytes
    """The answer in msgpack, or the error as text."""
    cause: int = 0
    """0 for an answer, else the number of an error (`cause.CAUSES`)."""
