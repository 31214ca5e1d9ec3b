"""The egress actor: stands in the mesh for one address of a service outside, and carries its calls there."""

import asyncio
from collections.abc import Callable
from typing import Any

from ..actors.messages.envelope import CallFrame
from ..actors.messages.error import MeshError
from ..actors.proxy.inbound import Served
from ..actors.runtime.actor import Actor
from ..tracing import tag
from ..tracing.record import Kind
from ..tracing.tracer import ActiveSpan, Tracer
from .carrier import Answer, Carrier
from .target import Target

_NOTHING = Answer(500, [], b"")
"""For the runtime, where the call has been answered with an error already."""


class External(Actor):
    """One per target and life. Its calls are as concurrent as its spec says; the rest waits in the mailbox."""

    def __init__(self, target: Target, make: Callable[[], Carrier], tracer: Tracer) -> None:
        """`make` opens what carries calls to `target`."""
        self._target = target
        self._make = make
        self._tracer = tracer

    async def pre_start(self) -> None:
        """Have connections ready to be made.

        Raises:
            OSError, ssl.SSLError: a file of its TLS settings is not there, or holds no certificate or key.
        """
        self._carrier = self._make()

    async def post_stop(self) -> None:
        """Close them."""
        await self._carrier.close()

    async def receive(self, message: Any) -> Any:
        """Carry one call out; what goes wrong fails the call, and never this life."""
        if not isinstance(message, Served):
            return super().receive(message)
        frame = message.frame
        span = self._start(frame)
        try:
            answer = await self._carrier.send(frame, frame.traceparent if span is None else span.traceparent)
        except asyncio.CancelledError:
            _end(span, "cancelled: the caller's time ended or the caller gave up")
            raise
        except MeshError as error:
            message.fail(error)
            _end(span, error)
            return _NOTHING
        if span is not None:
            span.update({tag.HTTP_STATUS: answer.status, tag.STATUS_CODE: answer.status})
            if answer.status >= 400:
                span.set(tag.ERROR_TYPE, str(answer.status))
        _end(span, "" if answer.status >= 400 else None)
        return answer

    def _start(self, frame: CallFrame) -> ActiveSpan | None:
        attributes: dict[str, str | int | float | bool] = {
            tag.HTTP_METHOD: (method := tag.method(frame.method)),
            tag.URL_PATH: frame.path,
            tag.SERVER_ADDRESS: self._target.host,
            tag.METHOD: frame.method,
            tag.URL: f"{self._target.title}{frame.path}",
            "http.host": frame.authority,
            tag.REQUEST_ID: frame.baggage.get("x-request-id", ""),
            tag.SOURCE: frame.source,
            tag.SUBSET: frame.subset,
            tag.REVISION: frame.revision,
            tag.ATTEMPT: frame.attempt,
        }
        name = f"{method} {self._target.host}"
        return self._tracer.start(name, Kind.CLIENT, frame.traceparent, frame.tracestate, attributes)


def _end(span: ActiveSpan | None, failure: MeshError | str | None) -> None:
    if span is not None:
        if failure is not None:
            if isinstance(failure, MeshError):
                span.set(tag.ERROR_TYPE, type(failure).__name__)
            span.fail(str(failure))
        span.end()
