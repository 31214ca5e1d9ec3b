"""`python -m tests.bench.tracing`: what traces cost a request that is not sampled, and one hop that is; µs."""

import random
import statistics
import time
from collections.abc import Callable
from typing import Any, cast

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan

from plait.actors.messages.envelope import VERSION, CallFrame, ReplyFrame
from plait.actors.messages.instance import Instance
from plait.actors.proxy.call import Call, Caller
from plait.actors.proxy.endpoint import Endpoint
from plait.actors.proxy.trail import SAMPLED, begin
from plait.actors.routing.decide import Decision
from plait.tracing import tag
from plait.tracing.bus_exporter import BusExporter
from plait.tracing.context import begin as begin_trace
from plait.tracing.record import Kind, encode_batches
from plait.tracing.sampler import HeadSampler
from plait.tracing.slow import SLOW
from plait.tracing.tracer import Tracer

UNSAMPLED_GOAL, SAMPLED_GOAL = 1.5, 60.0
"""µs: for a request at its edge and its first call; for a hop, the caller's and the called side together."""

TRACE = f"00-{'1' * 32}-{'a' * 16}-0"
REPLY = ReplyFrame(VERSION, 200, [], b"x" * 300)
BATCH = 256


def microseconds(work: Callable[[], object], count: int = 50_000, rounds: int = 9) -> float:
    """Return the median of several rounds of `count`, in CPU time: others may be busy, too; without the loop around."""
    found: list[float] = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(count):
            work()
        whole = time.process_time() - began
        began = time.process_time()
        for _ in range(count):
            pass
        found.append((whole - (time.process_time() - began)) / count * 1e6)
    return statistics.median(found)


class _Cluster:
    service, subset = "reviews", "v1"

    def ejected(self, endpoint: Endpoint) -> None:
        """Nobody is."""


class _Waiting:
    attempt, span, began = 1, None, 0.0

    def __init__(self, endpoint: Endpoint, cluster: _Cluster) -> None:
        self.endpoint, self.cluster = endpoint, cluster


def a_call(caller: Caller, traceparent: str) -> Call:
    """A call that has gone to its one instance."""
    call = Call(caller, 1, "reviews", "GET", "/reviews/0", "", "reviews", [], b"", {"x-request-id": "r"}, traceparent)
    call.tried = [Endpoint(Instance("reviews-v1-1", "reviews", "v1", {}, "", "n", 1))]
    call.attempts, call.routed = 1, True
    upstream: Any = None
    call.decision = Decision("default/reviews", "", 0, "reviews", "v1", None, None, None, None, upstream, None, 1)
    call.cluster = cast("Any", _Cluster())
    return call


def admission() -> Callable[[], object]:
    """The edge: a draw, and ids that a request needs in any case."""
    rng = random.Random(1)
    sampler = HeadSampler(0.01, rng)

    def work() -> None:
        begin_trace(rng, sampler.sample() and False)

    return work


def unsampled() -> Callable[[], object]:
    """What `Running`, `Wire` and `Waiting` ask of each call on its way there and back."""
    call = a_call(Caller("page-1", "page"), TRACE + "0")

    def work() -> None:
        if call.traceparent[54:55] in SAMPLED:
            raise AssertionError
        traceparent, trail, span = call.traceparent, call.trail, None
        if trail is not None:
            raise AssertionError(traceparent, span)
        if call.trail is not None:
            raise AssertionError
        trail, call.trail = call.trail, None
        if trail is not None or (SLOW <= 0.003 or type(REPLY) is not ReplyFrame or REPLY.status >= 500):
            raise AssertionError

    return work


def sampled(spans: BusExporter) -> Callable[[], object]:
    """A client's span and a server's, with all that they say; taken and encoded for the store in batches."""
    tracer = Tracer("page", tag.resource("page", instance="page-1"), [spans], rng=random.Random(1))
    call = a_call(Caller("page-1", "page", tracer=tracer), TRACE + "1")
    endpoint = call.tried[0]
    waiting = cast("Any", _Waiting(endpoint, _Cluster()))
    frame = CallFrame(VERSION, 1, 1, "GET", "reviews", "/reviews/0", "", [], b"", None, TRACE + "1", source="page")

    def work() -> None:
        trail = begin(call)
        assert trail is not None
        traceparent, _ = trail.send(endpoint)
        attributes: dict[str, Any] = {
            tag.HTTP_METHOD: tag.method(frame.method),
            tag.HTTP_ROUTE: "/reviews/{id}",
            tag.URL_PATH: frame.path,
            tag.URL_SCHEME: "http",
            tag.SERVER_ADDRESS: frame.authority,
            tag.METHOD: frame.method,
            tag.URL: f"http://{frame.authority}{frame.path}",
            tag.REQUEST_ID: "r",
            tag.SOURCE: frame.source,
            tag.SUBSET: frame.subset,
            tag.REVISION: frame.revision,
            tag.ATTEMPT: frame.attempt,
            tag.QUEUED_MS: 0.0,
        }
        span = tracer.start("GET /reviews/{id}", Kind.SERVER, traceparent, "", attributes)
        assert span is not None
        span.update({tag.HTTP_STATUS: 200, tag.STATUS_CODE: 200})
        span.end()
        trail.ended(waiting, REPLY)
        trail.end(REPLY)
        if len(spans) >= BATCH:
            encode_batches(spans.take())

    return work


class _Kept(BusExporter):
    """Keeps the SDK's own spans, to encode them as OTLP does."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Keep it."""
        self.kept.append(span)


def main() -> None:
    """Print all."""
    edge, way = microseconds(admission()), microseconds(unsampled())
    _print("unsampled: draw and ids at the edge", edge, UNSAMPLED_GOAL)
    _print("unsampled: a call's way", way, UNSAMPLED_GOAL)
    hop = microseconds(sampled(BusExporter(10**9)), 2_000)
    _print("sampled: a hop, both sides, encoded", hop, SAMPLED_GOAL)
    kept = _Kept()
    work = sampled(kept)
    for _ in range(BATCH):
        work()
    spans = kept.kept
    records = BusExporter(10**9)

    def as_records() -> None:
        for span in spans:
            BusExporter.on_end(records, span)
        encode_batches(records.take(len(spans)))

    own = microseconds(as_records, 20) / len(spans)
    otlp = microseconds(lambda: encode_spans(spans).SerializeToString(), 20) / len(spans)
    print(f"{'one span as a record':40} {own:6.2f} µs   as OTLP {otlp:.2f} µs   ({otlp / own:.1f} times as much)")


def _print(what: str, took: float, goal: float) -> None:
    print(f"{what:40} {took:6.2f} µs   goal {goal:g} µs   {'met' if took <= goal else 'NOT met'}")


if __name__ == "__main__":
    main()
