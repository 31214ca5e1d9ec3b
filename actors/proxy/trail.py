"""What a sampled call leaves behind: the client's span, a span for each attempt after the first, and events between.

A call that is not sampled has no trail. The first attempt has no span of its own: most calls need no other, and what
became of it stands in an event of the client's span where it failed.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...tracing import tag
from ...tracing.record import Kind, Value
from ..messages.envelope import Flag, ReplyFrame
from ..messages.error import FaultInjected, MeshError
from ..messages.name import host_of
from ..messages.response_flag import NONE, flag_of
from .call import EVENT, Call

if TYPE_CHECKING:
    from ...tracing.tracer import ActiveSpan
    from .endpoint import Endpoint
    from .waiting import Waiting

SAMPLED = frozenset("13579bdf")
"""Last digits of a traceparent's flags that say sampled."""


def begin(call: Call) -> "Trail | None":
    """Begin the trail of a sampled call; None where nobody takes down what this caller does."""
    tracer = call.caller.tracer
    if tracer is None:
        return None
    if call.method == EVENT:
        span = tracer.start(f"send {call.path}", Kind.PRODUCER, call.traceparent, call.tracestate)
    else:
        span = tracer.start(tag.method(call.method), Kind.CLIENT, call.traceparent, call.tracestate)
    return None if span is None else Trail(call, span)


def keep(call: Call, outcome: ReplyFrame | MeshError, seconds: float) -> None:
    """Take down a call that was not sampled, took `seconds` and has ended badly."""
    tracer = call.caller.tracer
    span = None if tracer is None else tracer.late(tag.method(call.method), Kind.CLIENT, call.traceparent, seconds)
    if span is not None:
        span.set(tag.KEPT, "slow" if isinstance(outcome, ReplyFrame) and outcome.status < 500 else "error")
        Trail(call, span).end(outcome)


class Trail:
    """One call's. All of its methods cost some microseconds: they are for calls that are sampled."""

    __slots__ = ("_call", "_span")

    def __init__(self, call: Call, span: "ActiveSpan") -> None:
        self._call = call
        self._span = span

    def event(self, name: str, attributes: Mapping[str, Value]) -> None:
        """Note that something happened to the call just now."""
        self._span.event(name, attributes)

    # Its attempts

    def send(self, endpoint: "Endpoint") -> "tuple[str, ActiveSpan | None]":
        """An attempt is about to leave; return its traceparent, and its own span where it is not the first."""
        call, above = self._call, self._span
        if call.attempts < 2 or call.caller.tracer is None:
            return above.traceparent, None
        attributes: dict[str, Value] = {
            tag.RESEND: call.attempts - 1,
            tag.ATTEMPT: call.attempts,
            tag.UPSTREAM_INSTANCE: endpoint.instance.id,
            tag.HEDGED: bool(call.flags & Flag.HEDGE),
        }
        name = f"attempt {call.attempts} {call.cluster.service}"
        span = call.caller.tracer.start(name, Kind.CLIENT, above.traceparent, call.tracestate, attributes)
        return above.traceparent if span is None else span.traceparent, span

    def unsent(self, span: "ActiveSpan | None", error: MeshError) -> None:
        """The attempt could not leave."""
        _end(span, error)

    def ended(self, waiting: "Waiting", outcome: ReplyFrame | MeshError | None) -> None:
        """Note what came of an attempt that was sent; None where nobody waits for it any more."""
        endpoint, cluster = waiting.endpoint, waiting.cluster
        error = error_type(outcome)
        if error or waiting.attempt > 1:
            noted: dict[str, Value] = {tag.ATTEMPT: waiting.attempt, tag.UPSTREAM_INSTANCE: endpoint.instance.id}
            if error:
                noted[tag.ERROR_TYPE] = error
            if isinstance(outcome, MeshError):
                noted[tag.CAUSE] = str(outcome)
            name = tag.ATTEMPT_FAILED if error else tag.ATTEMPT_ENDED
            self._span.event(name, noted)
        ejection = cluster.ejected(endpoint)
        if ejection is not None and ejection.since >= waiting.began:
            self._span.event(
                tag.EJECTION,
                {
                    tag.UPSTREAM_INSTANCE: endpoint.instance.id,
                    tag.CAUSE: ejection.cause,
                    "plait.reason": ejection.reason,
                    "plait.seconds": round(ejection.until - ejection.since, 3),
                },
            )
        _end(waiting.span, outcome)

    # Its end

    def end(self, outcome: ReplyFrame | MeshError) -> None:
        """The call has come to its end."""
        call, span = self._call, self._span
        self._describe()
        if isinstance(outcome, MeshError):
            span.set(tag.RESPONSE_FLAGS, flag_of(outcome))
            if isinstance(outcome, FaultInjected):
                span.set(tag.HTTP_STATUS, outcome.status)
                span.set(tag.STATUS_CODE, outcome.status)
            span.event(tag.GAVE_UP, {tag.ATTEMPTS: call.attempts, tag.CAUSE: str(outcome)})
        else:
            span.set(tag.RESPONSE_FLAGS, NONE)
            span.set(tag.HTTP_STATUS, outcome.status)
            span.set(tag.STATUS_CODE, outcome.status)
        degraded = call.degraded
        if degraded is not None:
            noted: dict[str, Value] = {
                "plait.fallback": degraded.kind,
                "plait.fallback_from": f"{degraded.service} {degraded.subset}".rstrip(),
                tag.CAUSE: degraded.cause,
            }
            span.event(tag.FALLBACK, noted)
        _fail(span, outcome, error_type(outcome))
        span.end()

    def cancel(self) -> None:
        """Nobody waits for the call any more."""
        self._describe()
        self._span.set(tag.RESPONSE_FLAGS, "DC")
        self._span.set(tag.ERROR_TYPE, "cancelled")
        self._span.fail("cancelled: the caller's time ended or the caller gave up")
        self._span.end()

    def _describe(self) -> None:
        call, span = self._call, self._span
        if call.method == EVENT:
            span.update(
                {
                    "messaging.system": "nats",
                    "messaging.operation.type": "send",
                    "messaging.destination.name": call.path,
                    "messaging.consumer.group.name": call.cluster.subset,
                    tag.REQUEST_ID: call.baggage.get("x-request-id", ""),
                    tag.ATTEMPTS: call.attempts,
                }
            )
            return
        method = tag.method(call.method)
        span.update(
            {
                tag.HTTP_METHOD: method,
                tag.METHOD: call.method,
                tag.URL_PATH: call.path,
                tag.URL_SCHEME: call.scheme,
                tag.URL: f"{call.scheme}://{call.authority}{call.path}",
                tag.REQUEST_ID: call.baggage.get("x-request-id", ""),
                tag.ATTEMPTS: call.attempts,
                tag.REVISION: call.revision,
            }
        )
        if call.cluster is not None:  # pyright: ignore[reportUnnecessaryComparison] - not yet routed
            cluster = call.cluster
            span.name = f"{method} {cluster.service}"
            span.set(tag.SERVER_ADDRESS, host_of(cluster.service))
            span.set(tag.UPSTREAM_CLUSTER, upstream(call))
        if call.tried:
            span.set(tag.UPSTREAM_INSTANCE, call.tried[-1].instance.id)
        decision = call.decision
        if decision is not None and decision.rule_set:  # pyright: ignore[reportUnnecessaryComparison]
            span.set(tag.ROUTE, f"{decision.rule_set}#{decision.route or decision.index}")


def upstream(call: Call) -> str:
    """Return where a call went, as Istio names clusters: `outbound|9080|v1|reviews.default.svc.cluster.local`."""
    port = call.decision.port if call.decision is not None else None  # pyright: ignore[reportUnnecessaryComparison]
    return f"outbound|{port or ''}|{call.cluster.subset}|{host_of(call.cluster.service)}"


def error_type(outcome: ReplyFrame | MeshError | None) -> str:
    """Return OpenTelemetry's `error.type` of what a client got: the status as text from 400 on, or the error's name."""
    if outcome is None:
        return "cancelled"
    if isinstance(outcome, MeshError):
        return type(outcome).__name__
    return str(outcome.status) if outcome.status >= 400 else ""


def _end(span: "ActiveSpan | None", outcome: ReplyFrame | MeshError | None) -> None:
    if span is None:
        return
    if isinstance(outcome, ReplyFrame):
        span.set(tag.HTTP_STATUS, outcome.status)
        span.set(tag.STATUS_CODE, outcome.status)
    _fail(span, outcome, error_type(outcome))
    span.end()


def _fail(span: "ActiveSpan", outcome: ReplyFrame | MeshError | None, error: str) -> None:
    if error:
        span.set(tag.ERROR_TYPE, error)
        # A status says itself what is wrong; a description beside it is against the conventions.
        span.fail(str(outcome) if isinstance(outcome, MeshError) else "")
