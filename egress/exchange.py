"""One call over HTTP/1.1 to a service outside the mesh, and what its failures mean for the mesh."""

import httpcore

from ..actors.messages.envelope import CallFrame, Headers
from ..actors.messages.error import (
    Broken,
    DeadlineExceeded,
    HandlerFailed,
    MeshError,
    Overloaded,
    Undecodable,
    Unreachable,
)
from ..tracing.b3 import FIELDS as B3
from ..tracing.b3 import format_b3
from .carrier import Answer
from .dial import Dial, tls_context
from .target import Target

CONNECT_LIMIT = 10.0
"""Seconds for a connection, TLS and the name's resolution included."""
IDLE_LIMIT = 300.0
"""Seconds that the service may say nothing, for calls without a deadline."""
POOL = 1024
"""Connections to one address."""
KEPT = 64
"""Idle connections that are kept."""
KEPT_FOR = 30.0
"""Seconds that they are kept."""

HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip
"""Fields that mean one connection, not the message (RFC 9110, 7.6.1)."""
_OURS = HOP_BY_HOP | B3 | {"host", "content-length", "traceparent", "tracestate", "baggage", "expect"}
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})


class Exchange:
    """The connections to one target."""

    def __init__(self, target: Target, largest: int) -> None:
        """Read the files that its TLS settings name.

        Args:
            target: whom to call.
            largest: bytes of an answer's body that the bus takes.

        Raises:
            OSError, ssl.SSLError: a file is not there, or holds no certificate or key.
        """
        tls = target.tls
        self._target = target
        self._largest = largest
        self._scheme = b"http" if tls is None else b"https"
        self._sni = None if tls is None else (tls.sni or target.host)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=None if tls is None else tls_context(tls),
            max_connections=POOL,
            max_keepalive_connections=KEPT,
            keepalive_expiry=KEPT_FOR,
            network_backend=Dial(() if tls is None else tls.names),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def send(self, frame: CallFrame, traceparent: str) -> Answer:
        """Carry a call out and bring the answer, see `Carrier`."""
        try:
            return await self._send(frame, traceparent)
        except MeshError:
            raise
        except Exception as error:
            raise self._meaning(error) from error

    async def _send(self, frame: CallFrame, traceparent: str) -> Answer:
        target = self._target
        path = f"{frame.path}?{frame.query}" if frame.query else frame.path
        extensions: dict[str, object] = {
            "timeout": {"connect": CONNECT_LIMIT, "read": IDLE_LIMIT, "write": IDLE_LIMIT, "pool": CONNECT_LIMIT}
        }
        if self._sni is not None:
            extensions["sni_hostname"] = self._sni
        async with self._pool.stream(
            frame.method.encode("ascii"),
            httpcore.URL(scheme=self._scheme, host=target.address.encode(), port=target.port, target=path.encode()),
            headers=_sent(frame, traceparent, target.host),
            content=frame.body if frame.body or frame.method not in _BODILESS else None,
            extensions=extensions,
        ) as response:
            body: list[bytes] = []
            size = 0
            async for part in response.aiter_stream():
                size += len(part)
                if size > self._largest:
                    raise HandlerFailed(f"{target.host} answered with more than {self._largest} bytes")
                body.append(part)
            return Answer(response.status, _received(response.headers), b"".join(body))

    def _meaning(self, error: Exception) -> MeshError:
        where = f"{self._target.host} at {self._target.title}"
        told = f"{where}: {error or type(error).__name__}"
        if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):
            return Unreachable(told)
        if isinstance(error, httpcore.PoolTimeout):
            return Overloaded(f"{where}: {POOL} calls are under way")
        if isinstance(error, httpcore.TimeoutException):
            return DeadlineExceeded(told)
        if isinstance(error, httpcore.LocalProtocolError | UnicodeEncodeError):
            return Undecodable(told)
        return Broken(told)


def _sent(frame: CallFrame, traceparent: str, host: str) -> list[tuple[bytes, bytes]]:
    dropped = _OURS | _named(frame.headers)
    fields = [("host", frame.authority or host), ("traceparent", traceparent), ("b3", format_b3(traceparent))]
    if frame.tracestate:
        fields.append(("tracestate", frame.tracestate))
    request = frame.baggage.get("x-request-id", "")
    if request and not any(name == "x-request-id" for name, _ in frame.headers):
        fields.append(("x-request-id", request))
    fields += [(name, value) for name, value in frame.headers if name not in dropped and not name.startswith(":")]
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in fields]


def _received(raw: list[tuple[bytes, bytes]]) -> Headers:
    fields = [(name.decode("ascii").lower(), value.decode("latin-1")) for name, value in raw]
    dropped = HOP_BY_HOP | _named(fields) | {"content-length"}
    return [(name, value) for name, value in fields if name not in dropped]


def _named(headers: Headers) -> set[str]:
    """The fields that a Connection field names."""
    return {one.strip().lower() for name, value in headers if name == "connection" for one in value.split(",")}
