"""What an HTTP listener allows a client: sizes in bytes, counts, and times in seconds."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of one listener. The defaults suit an edge that faces the internet.

    Times have the roster's coarse grain (`sweep`): a limit is never enforced early, and at most two grains late.
    """

    method_bytes: int = 32
    target_bytes: int = 8 * 1024
    """A longer request target is answered with 414."""
    header_bytes: int = 32 * 1024
    """Request line, fields and blank line together; also the trailers of a chunked body. More is answered with 431."""
    fields: int = 100
    """More header fields are answered with 431."""
    body_bytes: int = 512 * 1024
    """A larger body is answered with 413, as soon as its length is known."""
    extension_bytes: int = 256
    """Extensions of one chunk; a whole body may carry 64 times as much."""
    held_bytes: int = 64 * 1024
    """Pipelined bytes kept while an exchange is open; beyond them reading pauses."""
    header_timeout: float = 5.0
    """From the first byte of a request to the end of its head."""
    body_grace: float = 5.0
    """How long a body may take before its rate counts."""
    body_rate: float = 1024.0
    """Bytes per second that a body must make after the grace."""
    idle_timeout: float = 60.0
    """How long a connection may rest without a request."""
    write_timeout: float = 60.0
    """How long a client may leave an answer unread in a full buffer."""
    linger: float = 2.0
    """How long a refused client may go on sending; closing at once would destroy the refusal on its way."""
    requests: int = 1000
    """Requests on one connection; the last is answered with `connection: close`. 0: no limit."""
    connections: int = 10_000
    """Connections of one listener; one more is answered with 503."""
    sweep: float = 0.5
    """Grain of the coarse clock: one timer per listener looks after all connections."""
