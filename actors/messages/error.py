"""The one error tree: each error is a sentence, knows its code and what became of the call.

Codes are gRPC's names. `cause` is the number that travels in a reply frame (`cause.CAUSES`); numbers are never reused.
Whether a call may be tried elsewhere follows from `processed`: NO is always safe, MAYBE only where a repetition does
no harm.
"""

from .error_code import Code as Code  # noqa: PLC0414 - handed on
from .error_code import Processed as Processed  # noqa: PLC0414
from .mesh_error import MeshError as MeshError  # noqa: PLC0414

# Routing


class NoRoute(MeshError):
    """No rule matches the request."""

    code, cause, sentence = Code.NOT_FOUND, 1, "no route matches this request"


class UnknownSubset(MeshError):
    """The route names a subset that no DestinationRule defines."""

    code, cause, sentence = Code.UNAVAILABLE, 2, "the route names an unknown subset"


class NoEndpoints(MeshError):
    """The destination has no instance that may be called."""

    code, cause, sentence = Code.UNAVAILABLE, 3, "no healthy upstream"


class BreakerOpen(NoEndpoints):
    """A circuit breaker lets no call pass: too many have failed."""

    code, cause, sentence = Code.UNAVAILABLE, 4, "the circuit breaker is open"


# The call did not reach a handler


class NoResponders(MeshError):
    """Nobody listens on the instance's subject."""

    code, cause, sentence = Code.UNAVAILABLE, 10, "the instance does not listen"


class Draining(MeshError):
    """The instance is leaving and takes no new call."""

    code, cause, sentence = Code.UNAVAILABLE, 11, "the instance is draining"


class Overloaded(MeshError):
    """The mailbox is full."""

    code, cause, sentence = Code.RESOURCE_EXHAUSTED, 12, "the mailbox is full"


class Stalled(MeshError):
    """The instance was stopped for a while and does not trust the calls that waited."""

    code, cause, sentence = Code.UNAVAILABLE, 13, "the instance was stalled when the call arrived"


class Undecodable(MeshError):
    """The bytes are no message of this protocol."""

    code, cause, sentence = Code.INVALID_ARGUMENT, 14, "the message could not be decoded"


class UnsupportedVersion(MeshError):
    """The frame speaks a protocol version that this node does not know."""

    code, cause, sentence = Code.UNIMPLEMENTED, 15, "the message has an unsupported protocol version"


class TooLarge(MeshError):
    """The message does not fit the bus."""

    code, cause, sentence = Code.INVALID_ARGUMENT, 16, "the message is larger than the bus allows"


class BusUnavailable(MeshError):
    """There is no connection to the bus; nothing was sent."""

    code, cause, sentence = Code.UNAVAILABLE, 17, "the bus is not connected"


class BusDenied(BusUnavailable):
    """The bus does not take us for who we say we are, or we do not take it: its certificate is not trusted."""

    code, cause, sentence = Code.PERMISSION_DENIED, 21, "the bus refuses the login"


class Unreachable(MeshError):
    """An egress node gets no connection to a service outside the mesh; nothing was sent."""

    code, cause, sentence = Code.UNAVAILABLE, 22, "the service outside the mesh cannot be reached"


class PoolOverflow(MeshError):
    """As much is under way to the destination as its connection pool allows; nothing was sent."""

    code, cause, sentence = Code.RESOURCE_EXHAUSTED, 23, "the destination's limits are reached"


class MissedDeadline(MeshError):
    """The call's time had run out before a handler could take it."""

    code, cause, sentence = Code.DEADLINE_EXCEEDED, 18, "the deadline passed before the call was handled"


class TooDeep(MeshError):
    """Too many instances wait for this call: services call each other in a circle."""

    code, cause, sentence = Code.INVALID_ARGUMENT, 19, "too many calls wait for each other"


class CallCycle(MeshError):
    """The call would wait for one that waits for it: a turn-based actor that is asked by what it asked."""

    code, cause, sentence = Code.FAILED_PRECONDITION, 20, "the call waits for itself"


# Nobody knows whether the call was worked on


class InstanceGone(MeshError):
    """The instance died while the call was with it."""

    code, cause, processed = Code.UNAVAILABLE, 30, Processed.MAYBE
    sentence = "the instance is gone"


class Disconnected(MeshError):
    """The connection to the bus was lost while the call was under way."""

    code, cause, processed = Code.UNAVAILABLE, 31, Processed.MAYBE
    sentence = "the connection to the bus was lost"


class DeadlineExceeded(MeshError):
    """No answer came in time."""

    code, cause, processed = Code.DEADLINE_EXCEEDED, 32, Processed.MAYBE
    sentence = "upstream request timeout"


class Cancelled(MeshError):
    """The caller gave up."""

    code, cause, processed = Code.CANCELLED, 33, Processed.MAYBE
    sentence = "the caller gave up"


class BadReply(MeshError):
    """Something came back that is no reply."""

    code, cause, processed = Code.INTERNAL, 34, Processed.MAYBE
    sentence = "the instance's reply could not be read"


class Broken(MeshError):
    """The connection to a service outside the mesh ended before it had answered."""

    code, cause, processed = Code.UNAVAILABLE, 35, Processed.MAYBE
    sentence = "the connection to the service outside the mesh broke"


# The mesh decided so


class FaultInjected(MeshError):
    """A fault rule aborted the call with the status it names."""

    code, cause, sentence = Code.ABORTED, 50, "fault filter abort"

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


class Denied(MeshError):
    """A rule does not allow this call."""

    code, cause, sentence = Code.PERMISSION_DENIED, 51, "RBAC: access denied"


class RateLimited(MeshError):
    """A rate limit lets no more calls pass just now."""

    code, cause, sentence = Code.RESOURCE_EXHAUSTED, 55, "too many requests: a rate limit is reached"

    def __init__(self, message: str = "", fields: list[tuple[str, str]] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or []  # header fields that say when to come back


class NotAdmitted(MeshError):
    """Too many calls of the destination fail: a share of them is not sent."""

    code, cause, sentence = Code.RESOURCE_EXHAUSTED, 56, "too many calls fail: this one was not sent"


# The service's own failure


class HandlerFailed(MeshError):
    """The service's handler raised."""

    code, cause, processed = Code.INTERNAL, 70, Processed.YES
    sentence = "the service failed to handle the call"


class BadStatus(MeshError):
    """The service answered, with a status that the caller did not want."""

    code, cause, processed = Code.FAILED_PRECONDITION, 71, Processed.YES
    sentence = "the service answered with an error status"

    def __init__(self, status: int, body: bytes = b"") -> None:
        super().__init__(f"the service answered with status {status}")
        self.status = status
        self.body = body


# Actors


class ActorStopped(MeshError):
    """The actor does not run."""

    code, cause, sentence = Code.UNAVAILABLE, 90, "the actor is stopped"


class UnknownActor(MeshError):
    """The node has no actor of that name."""

    code, cause, sentence = Code.NOT_FOUND, 91, "the node has no such actor"


class UnknownMessage(MeshError):
    """The actor does not know messages of this type."""

    code, cause, sentence = Code.INVALID_ARGUMENT, 94, "the actor does not know this message"


class StartFailed(MeshError):
    """The actor could not start."""

    code, cause, sentence = Code.FAILED_PRECONDITION, 92, "the actor could not start"


class IntensityExceeded(MeshError):
    """A supervisor gave up: too many restarts in its period."""

    code, cause, sentence = Code.UNAVAILABLE, 93, "too many restarts in the period"


class BadMessage(MeshError):
    """The message cannot travel to an actor."""

    code, cause, sentence = Code.INVALID_ARGUMENT, 95, "the message cannot be encoded"


# The control plane


class Refused(MeshError):
    """The control plane refused a change."""

    code, cause, sentence = Code.FAILED_PRECONDITION, 110, "the change was refused"


class InvalidName(MeshError, ValueError):
    """A name is not one that can stand in a subject."""

    code, cause, sentence = Code.INVALID_ARGUMENT, 111, "the name is not valid"


class Conflict(MeshError):
    """Somebody else changed the key first."""

    code, cause, sentence = Code.ABORTED, 112, "the key was changed by another writer"


class UnknownOutcome(MeshError):
    """A write was sent and no answer came: read again, compare, then decide."""

    code, cause, processed = Code.UNAVAILABLE, 113, Processed.MAYBE
    sentence = "whether the write took place is not known"
