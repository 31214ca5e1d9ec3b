"""Which calls may be sent twice: by their method, or by the key with which the caller says that they may run twice."""

from ..messages.error import MeshError, Processed
from .call import Call

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110, 9.2.1): they may run twice."""

KEY = "idempotency-key"
"""The header by which a client says that the service tells a repetition from a new request (IETF httpapi draft)."""

REPLAYABLE = 64 * 1024
"""Bytes of a body that is sent once more (Linkerd's bound): a longer one would cost as much as many calls."""


def may_run_twice(call: Call) -> bool:
    """Return whether it does no harm when a call is worked on twice."""
    if call.method in SAFE_METHODS or call.idempotency_key:
        return True
    return any(name == KEY and value for name, value in call.headers)


def does_no_harm(call: Call, error: MeshError) -> bool:
    """Return whether another attempt does no harm: the call was not processed, or it may run twice."""
    if error.processed is Processed.NO:
        return True
    return error.processed is Processed.MAYBE and may_run_twice(call)
