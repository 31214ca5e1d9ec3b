"""What kind of failure an error is, and what it says of the call: the two words that every error has."""

import enum


class Code(enum.Enum):
    """What kind of failure it was, in gRPC's words."""

    CANCELLED = "cancelled"
    INVALID_ARGUMENT = "invalid_argument"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    NOT_FOUND = "not_found"
    PERMISSION_DENIED = "permission_denied"
    RESOURCE_EXHAUSTED = "resource_exhausted"
    FAILED_PRECONDITION = "failed_precondition"
    ABORTED = "aborted"
    UNIMPLEMENTED = "unimplemented"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


class Processed(enum.IntEnum):
    """Whether the called instance worked on the call."""

    NO = 0
    """It certainly did not: the call may go to another instance."""
    MAYBE = 1
    """Nobody knows: only a call that may run twice is tried again."""
    YES = 2
    """It did, and this is its answer."""
