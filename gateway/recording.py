"""What the gateway writes down of a request for the access log: its beginning, and what it came to."""

from collections.abc import Callable

import msgspec

from ..actors.messages.error import MeshError
from ..actors.messages.response_flag import flags
from ..actors.proxy.call import Call
from ..tracing.access import AccessLog, Entry
from .request import HttpRequest


class Recording(msgspec.Struct, frozen=True, eq=False):
    """Makes an entry of each request; there only where somebody asked for an access log."""

    log: AccessLog
    clock: Callable[[], float]
    wall_clock: Callable[[], float]

    def begin(self, request: HttpRequest) -> "Begun":
        """Note how a request came; rules may change its path afterwards."""
        path = f"{request.path}?{request.query}" if request.query else request.path
        return Begun(self, path, len(request.body), self.clock(), self.wall_clock())


class Begun(msgspec.Struct, frozen=True, eq=False):
    """A request that is not answered yet."""

    recording: Recording
    path: str
    received: int
    at: float
    wall: float

    def end(self, call: Call, request_id: str, status: int, error: MeshError | None, sent: int) -> None:
        """Write down what it came to; status 0 is a client that went away."""
        fields = {name: value for name, value in call.headers if name in _FIELDS}
        decision = call.decision if call.routed else None
        tried = call.tried[-1].instance if call.tried else None
        self.recording.log.note(
            Entry(
                began=self.wall,
                seconds=self.recording.clock() - self.at,
                method=call.method,
                path=self.path,
                status=status,
                flags=flags(error, call.attempts, delayed=call.delayed),
                received=self.received,
                sent=sent,
                client=call.client,
                forwarded_for=fields.get("x-forwarded-for", ""),
                user_agent=fields.get("user-agent", ""),
                request_id=request_id,
                authority=call.authority,
                upstream="" if tried is None else tried.id,
                service=call.cluster.service if call.routed else "",
                subset=call.cluster.subset if call.routed else "",
                route=""
                if decision is None or not decision.rule_set
                else f"{decision.rule_set}#{decision.route or decision.index}",
                attempts=call.attempts,
                traceparent=call.traceparent,
            )
        )


_FIELDS = frozenset({"x-forwarded-for", "user-agent"})
