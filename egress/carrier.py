"""What carries calls to a service outside the mesh, and what it brings back: nodes are given one by their ground."""

from typing import Protocol

from ..actors.messages.envelope import CallFrame, Headers


class Answer:
    """What came back."""

    __slots__ = ("body", "degraded", "headers", "status")

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.degraded: tuple[str, ...] = ()


class Carrier(Protocol):
    """Carries calls to one target."""

    async def send(self, frame: CallFrame, traceparent: str) -> Answer:
        """Carry a call out and bring the answer.

        Raises:
            Unreachable: no connection; nothing was sent.
            Broken, DeadlineExceeded: it was sent, and what became of it is not known.
            HandlerFailed: the answer is larger than the bus takes.
            Undecodable: the call is none that HTTP could carry.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
