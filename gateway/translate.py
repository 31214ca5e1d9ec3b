"""The one table from the mesh's errors to HTTP: only the gateway knows HTTP's statuses.

What people and tools expect of a mesh keeps its well-known plain text (`no healthy upstream`); all else is JSON.
"""

from ..actors.messages.envelope import Headers
from ..actors.messages.error import (
    BreakerOpen,
    Code,
    DeadlineExceeded,
    Denied,
    FaultInjected,
    MeshError,
    MissedDeadline,
    NoEndpoints,
    NoRoute,
    NotAdmitted,
    Overloaded,
    PoolOverflow,
    RateLimited,
)
from .error_body import error_body

STATUS: dict[Code, int] = {
    Code.CANCELLED: 499,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 503,
    Code.FAILED_PRECONDITION: 503,
    Code.ABORTED: 503,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
}

FLAG: dict[type[MeshError], str] = {
    NoEndpoints: "no_healthy_upstream",
    Overloaded: "overflow",
    PoolOverflow: "overflow",
    RateLimited: "rate_limited",
    NotAdmitted: "not_admitted",
    DeadlineExceeded: "timeout",
    MissedDeadline: "timeout",
    FaultInjected: "fault",
}
"""Short causes for the errors that people look for; others are named by their class."""

TEXT: Headers = [("content-type", "text/plain")]
OVERFLOW: Headers = [*TEXT, ("x-envoy-overloaded", "true")]
JSON: Headers = [("content-type", "application/json")]
OVERLOADED: Headers = [*JSON, ("retry-after", "1"), ("x-envoy-overloaded", "true")]
"""Whoever was refused for want of room may come back: an overload that lasts is cut within a second."""


def translate(error: MeshError) -> tuple[int, Headers, bytes]:
    """Return the status, headers and body that an error becomes."""
    if isinstance(error, FaultInjected):
        return error.status, TEXT, b"fault filter abort"
    if isinstance(error, NoEndpoints) and not isinstance(error, BreakerOpen):
        return 503, TEXT, b"no healthy upstream"
    if isinstance(error, PoolOverflow):
        return 503, OVERFLOW, b"upstream connect error or disconnect/reset before headers. reset reason: overflow"
    if isinstance(error, DeadlineExceeded | MissedDeadline):
        return 504, TEXT, b"upstream request timeout"
    if isinstance(error, Denied):
        return 403, TEXT, b"RBAC: access denied"
    if isinstance(error, RateLimited):
        return 429, [*JSON, *error.fields], error_body(error.code, error.sentence, cause(error))
    if isinstance(error, Overloaded):
        return STATUS[error.code], OVERLOADED, error_body(error.code, error.sentence, cause(error))
    # The request's own words may come back; where the bus is and how instances are called is nobody's business outside.
    message = str(error) if isinstance(error, NoRoute) else error.sentence
    return STATUS[error.code], JSON, error_body(error.code, message, cause(error))


def status_of(kind: type[MeshError]) -> int:
    """Return the status of an error's answer; a `FaultInjected` has one of its own besides."""
    return 429 if issubclass(kind, RateLimited) else STATUS[kind.code]


def cause(error: MeshError) -> str:
    """Return an error's short cause, such as `overflow`."""
    return FLAG.get(type(error), "") or _snake(type(error).__name__)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
