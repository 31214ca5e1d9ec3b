"""One request's way back: what came of its call becomes the HTTP answer, and the end of its span."""

import logging
from typing import TYPE_CHECKING

import msgspec

from ..actors.messages.envelope import Headers, ReplyFrame
from ..actors.messages.error import Cancelled, MeshError
from ..actors.messages.response_flag import flag_of
from ..actors.proxy.call import Call
from ..actors.proxy.degraded import DEGRADED
from ..actors.proxy.running import Running
from ..actors.proxy.trail import upstream
from ..tracing import tag
from .exchange import Exchange
from .recording import Begun
from .translate import cause, translate

if TYPE_CHECKING:
    from ..tracing.tracer import ActiveSpan

log = logging.getLogger("plait.gateway")


class Answering(msgspec.Struct, eq=False):
    """Waits for the outcome of one request's call."""

    exchange: Exchange
    call: Call
    request_id: str
    debug: bool
    """Whether the answer says where the request went."""
    span: "ActiveSpan | None"
    running: Running | None = None
    begun: Begun | None = None
    """What the access log is told; None without one."""

    def done(self, outcome: ReplyFrame | MeshError) -> None:
        """Answer the client."""
        self.exchange.on_disconnect = None
        self.running = None  # it knows this: only the garbage collector would part them
        error: MeshError | None = None
        if type(outcome) is ReplyFrame:
            status, fields, body = outcome.status, outcome.headers, outcome.body
            if self.call.set_cookie:
                fields.append(("set-cookie", self.call.set_cookie))
            if outcome.degraded:
                # Which services have failed is nobody's business outside; that this is not the best answer is.
                fields.append((DEGRADED, ", ".join(outcome.degraded) if self.debug else "true"))
                if self.span is not None:
                    self.span.set(tag.DEGRADED, ", ".join(outcome.degraded))
        else:
            assert isinstance(outcome, MeshError)
            error = outcome
            status, fields, body = _refusal(outcome)
            fields += self.call.error_headers
        if self.span is not None:
            self._end_span(self.span, status, error)
        if self.begun is not None:
            self.begun.end(self.call, self.request_id, status, error, len(body))
        fields.append(("x-request-id", self.request_id))
        fields.append(("traceparent", self.call.traceparent))
        if self.debug:
            fields += self._whereabouts(error)
        self.exchange.reply(status, fields, body)

    def gone(self) -> None:
        """The client went away: nobody waits for the answer any more."""
        if self.running is not None:
            self.running.cancel()
        if self.begun is not None:
            self.begun.end(self.call, self.request_id, 0, Cancelled(), 0)
        if self.span is not None:
            self._describe(self.span)
            self.span.set(tag.ERROR_TYPE, "cancelled")
            self.span.set(tag.RESPONSE_FLAGS, "DC")
            self.span.fail("the client went away")
            self.span.end()

    def _end_span(self, span: "ActiveSpan", status: int, error: MeshError | None) -> None:
        call = self.call
        self._describe(span)
        span.update({tag.HTTP_STATUS: status, tag.STATUS_CODE: status, tag.RESPONSE_FLAGS: flag_of(error)})
        if error is not None:
            span.set(tag.CAUSE, cause(error))
        if call.degraded is not None:
            span.set("plait.fallback", call.degraded.kind)
            span.set("plait.fallback_from", call.degraded.service)
            span.set("plait.fallback_cause", call.degraded.cause)
        if status >= 500:
            span.set(tag.ERROR_TYPE, str(status) if error is None else type(error).__name__)
            span.fail(str(error) if error is not None else "")
        span.end()

    def _describe(self, span: "ActiveSpan") -> None:
        """Name the span by its route: paths are made up by clients, and would be names without end."""
        call = self.call
        span.update({tag.ATTEMPTS: call.attempts, tag.REVISION: call.revision})
        if not call.routed:
            return
        decision = call.decision
        if decision.template:
            span.set(tag.HTTP_ROUTE, decision.template)
        route = decision.template or decision.route or decision.rule_set
        span.name = f"{tag.method(call.method)} {route}".rstrip()
        span.set(tag.ROUTE, f"{decision.rule_set}#{decision.route or decision.index}")
        if call.tried:
            span.set(tag.UPSTREAM_CLUSTER, upstream(call))
            span.set(tag.UPSTREAM_INSTANCE, call.tried[-1].instance.id)

    def _whereabouts(self, error: MeshError | None) -> Headers:
        call = self.call
        fields: Headers = [("x-plait-revision", str(call.revision)), ("x-plait-attempts", str(call.attempts))]
        if call.tried:
            instance = call.tried[-1].instance
            fields.append(("x-plait-upstream", f"{instance.service} {call.cluster.subset or '-'} {instance.id}"))
        if error is not None:
            fields.append(("x-plait-cause", cause(error)))
        return fields


def _refusal(error: MeshError) -> tuple[int, Headers, bytes]:
    if error.__cause__ is not None and not isinstance(error.__cause__, MeshError):
        log.error("a call failed in the proxy itself", exc_info=error)
    status, fields, body = translate(error)
    return status, list(fields), body
