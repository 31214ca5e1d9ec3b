"""The way of one call through a service: find the handler, set its context, run it, make its answer."""

import asyncio
import logging
from collections.abc import Awaitable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

from ...tracing import tag
from ...tracing.record import Kind
from ..messages.envelope import CallFrame
from ..messages.error import HandlerFailed
from ..proxy.event import EVENT
from ..proxy.inbound import Served
from ..runtime.context import CallContext, current
from .checkup import CHECK, Checkup
from .event import UNREADABLE, Handler
from .request import Request
from .response import Response, respond
from .route import BadArgument, Endpoint

if TYPE_CHECKING:
    from ...tracing.tracer import ActiveSpan
    from .service import Service

log = logging.getLogger("plait.service")


def handle(service: "Service", served: Served | Checkup) -> Any:
    """Return the response, or a coroutine that comes to it; runs in a context of the call's own.

    Raises:
        HandlerFailed: the handler raised, and the service is to be restarted for it.
    """
    frame = served.frame
    found = service.router.find(frame.path, frame.method)
    if found is None:
        return _otherwise(service, served)
    endpoint, params = found
    traceparent, span = frame.traceparent, None
    if traceparent[54:55] in _SAMPLED:
        span = _start(service, served, endpoint)
        if span is not None:
            traceparent = span.traceparent
    current.set(
        CallContext(frame, served.deadline, service.hosting.instance.id, traceparent, tokens=frame.retry_tokens)
    )
    try:
        answer = endpoint.function(service) if endpoint.bare else endpoint.call(service, Request(frame, params))
        if type(answer) is CoroutineType:
            return _finish(service, endpoint, span, cast("Awaitable[Any]", answer))
        response = respond(answer)
    except Exception as error:
        return _failed(service, endpoint, span, error)
    return _answered(response, span)


def _otherwise(service: "Service", served: Served | Checkup) -> Any:
    """Handle what is no request that the service has a handler for."""
    if isinstance(served, Checkup):
        return served.run(service, handle) if served.frame.method == CHECK else _nowhere(service, served.frame)
    return _event(service, served) if served.frame.method == EVENT else _nowhere(service, served.frame)


def _nowhere(service: "Service", frame: CallFrame) -> Response:
    allowed = service.router.allowed(frame.path)
    if not allowed:
        return Response.problem(404, "not_found", f"{service.name} has no {frame.path}")
    response = Response.problem(405, "unimplemented", f"{frame.path} does not take {frame.method}")
    response.headers.append(("allow", ", ".join(sorted(allowed))))
    return response


_SAMPLED = frozenset("13579bdf")
"""Last digits of a traceparent's flags that say sampled."""


async def _finish(
    service: "Service", endpoint: Endpoint | Handler, span: "ActiveSpan | None", work: Awaitable[Any]
) -> Response:
    try:
        answer = respond(await work)
    except asyncio.CancelledError as error:
        if not _cancelled():  # nobody cancelled this call: the handler let one through
            left = RuntimeError("the handler waited for something that was cancelled")
            left.__cause__ = error
            return _failed(service, endpoint, span, left)
        if span is not None:
            span.set(tag.ERROR_TYPE, "cancelled")
            span.fail("cancelled: the caller's time ended or the caller gave up")
            span.end()
        raise
    except Exception as error:
        return _failed(service, endpoint, span, error)
    return _answered(answer, span)


def _cancelled() -> bool:
    """Whether the call in hand was cancelled. Its task is named in no frame of the error that it keeps: a circle."""
    task = asyncio.current_task()
    return task is None or bool(task.cancelling())


def _start(service: "Service", served: Served | Checkup, endpoint: Endpoint) -> "ActiveSpan | None":
    frame = served.frame
    attributes: dict[str, str | int | float | bool] = {
        tag.HTTP_METHOD: tag.method(frame.method),
        tag.HTTP_ROUTE: endpoint.template,
        tag.URL_PATH: frame.path,
        tag.URL_SCHEME: "http",
        tag.SERVER_ADDRESS: frame.authority,
        tag.METHOD: frame.method,
        tag.URL: f"http://{frame.authority}{frame.path}",
        tag.REQUEST_ID: frame.baggage.get("x-request-id", ""),
        tag.SOURCE: frame.source,
        tag.SUBSET: frame.subset,
        tag.REVISION: frame.revision,
        tag.ATTEMPT: frame.attempt,
        tag.QUEUED_MS: _queued(service, served),
    }
    return service.hosting.serve(endpoint.name, frame.traceparent, frame.tracestate, attributes)


def _queued(service: "Service", served: Served | Checkup) -> float:
    """Milliseconds that the call has waited in the mailbox."""
    since = served.since if isinstance(served, Served) else 0.0
    return round((service.clock() - since) * 1e3, 3) if since else 0.0


def _event(service: "Service", served: Served) -> Any:
    """Handle an event. What comes of it the emitter never sees; its node counts it as it does for calls."""
    frame = served.frame
    handler = service.interests.get((frame.path, frame.subset))
    if handler is None:
        return Response.problem(404, "not_found", f"{service.name} wants no {frame.path} for group {frame.subset!r}")
    traceparent, span = frame.traceparent, None
    if traceparent[54:55] in _SAMPLED:
        span = _start_event(service, served, handler)
        if span is not None:
            traceparent = span.traceparent
    current.set(
        CallContext(frame, served.deadline, service.hosting.instance.id, traceparent, tokens=frame.retry_tokens)
    )
    try:
        event = handler.read(frame)
    except UNREADABLE as error:
        service.hosting.poison.take(service, frame, error)
        if span is not None:
            span.fail(error)
        return _answered(Response.problem(400, "invalid_argument", f"the event does not fit: {error}"), span)
    try:
        answer = handler.function(service, event)
        if type(answer) is CoroutineType:
            return _finish(service, handler, span, _unanswered(cast("Awaitable[Any]", answer)))
    except Exception as error:
        return _failed(service, handler, span, error)
    return _answered(Response(b"", 204), span)


async def _unanswered(work: Awaitable[Any]) -> Response:
    await work
    return Response(b"", 204)


def _start_event(service: "Service", served: Served, handler: Handler) -> "ActiveSpan | None":
    frame = served.frame
    attributes: dict[str, str | int | float | bool] = {
        "messaging.system": "nats",
        "messaging.operation.type": "process",
        "messaging.destination.name": frame.path,
        "messaging.consumer.group.name": frame.subset,
        tag.REQUEST_ID: frame.baggage.get("x-request-id", ""),
        tag.SOURCE: frame.source,
        tag.ATTEMPT: frame.attempt,
        tag.QUEUED_MS: _queued(service, served),
    }
    return service.hosting.serve(handler.name, frame.traceparent, frame.tracestate, attributes, Kind.CONSUMER)


def _answered(response: Response, span: "ActiveSpan | None") -> Response:
    degraded = current.get().degraded
    if degraded:  # those above learn it, whatever this handler made of what it was given
        response.degraded = degraded
        if span is not None:
            span.set(tag.DEGRADED, ", ".join(degraded))
    if span is not None:
        span.update({tag.HTTP_STATUS: response.status, tag.STATUS_CODE: response.status})
        if response.status >= 500:
            span.set(tag.ERROR_TYPE, str(response.status))
            span.fail("")
        span.end()
    return response


def _failed(service: "Service", endpoint: Endpoint | Handler, span: "ActiveSpan | None", error: Exception) -> Response:
    if isinstance(error, BadArgument):
        return _answered(Response.problem(400, "invalid_argument", str(error)), span)
    log.error("%s %s failed", service.hosting.instance.id, endpoint.name, exc_info=error)
    if span is not None:
        span.fail(error)
        span.update({tag.HTTP_STATUS: 500, tag.STATUS_CODE: 500, tag.ERROR_TYPE: type(error).__qualname__})
        span.end()
    request = current.get().frame.baggage.get("x-request-id", "unknown")
    message = f"{service.name} failed to handle {endpoint.name} (request {request})"
    if service.restart_on_error:
        # Never the error itself: of one that a further call has brought, callers would believe that it is this call's.
        raise HandlerFailed(f"{message}: {type(error).__name__}") from error
    return Response.problem(500, "internal", message)
