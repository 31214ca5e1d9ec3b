"""Spans: right parents, right times, and nothing at all where a request is not sampled."""

import random
import traceback

import pytest
from opentelemetry import trace as global_trace
from opentelemetry.sdk.trace import TracerProvider

from plait.tracing import tag
from plait.tracing import tracer as module
from plait.tracing.bus_exporter import BusExporter
from plait.tracing.context import parse
from plait.tracing.record import Kind, Status
from plait.tracing.sampler import HeadSampler
from plait.tracing.tracer import Tracer

SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = SAMPLED[:-2] + "00"
WALL = 1_700_000_000_000_000_000


class Clock:
    """Both clocks of a tracer; the wall clock may be set back, as real ones are."""

    def __init__(self):
        self.wall = WALL
        self.monotonic = 5_000

    def forward(self, nanoseconds):
        self.wall += nanoseconds
        self.monotonic += nanoseconds


def spy(kind, calls):
    """`kind`, with every use noted."""

    def make(*positional, **named):
        calls.append(kind.__name__)
        return kind(*positional, **named)

    return make


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def spans():
    return BusExporter()


@pytest.fixture
def tracer(clock, spans):
    resource = tag.resource("reviews", instance="reviews-1", version="v2", node="n1")
    return Tracer(
        "reviews", resource, [spans], rng=random.Random(1), wall=lambda: clock.wall, monotonic=lambda: clock.monotonic
    )


def test_a_span_is_the_child_of_who_called(tracer, spans):
    span = tracer.start("GET /reviews", Kind.SERVER, SAMPLED)
    below = tracer.start("call ratings", Kind.CLIENT, span.traceparent)
    below.end()
    span.end()
    inner, outer = spans.take()
    assert outer.trace_id == inner.trace_id == parse(SAMPLED).trace_id
    assert outer.parent_id == parse(SAMPLED).span_id
    assert inner.parent_id == outer.span_id == parse(span.traceparent).span_id
    assert inner.span_id == parse(below.traceparent).span_id
    assert (outer.kind, inner.kind) == (Kind.SERVER, Kind.CLIENT)
    assert parse(below.traceparent).flags == 1


def test_a_root_takes_the_ids_that_its_traceparent_has(tracer, spans):
    admission = HeadSampler(1.0, random.Random(5)).admit()
    root = tracer.start("GET /", Kind.SERVER, admission.traceparent, root=admission.root)
    below = tracer.start("call", Kind.CLIENT, root.traceparent)
    below.end()
    root.end()
    inner, outer = spans.take()
    assert root.traceparent == admission.traceparent
    assert (outer.trace_id, outer.span_id) == parse(admission.traceparent)[:2]
    assert outer.parent_id == ""
    assert inner.parent_id == outer.span_id != inner.span_id


def test_what_the_application_traces_itself_stands_below_and_never_above(tracer, spans):
    theirs = TracerProvider(shutdown_on_exit=False).get_tracer("application")
    with theirs.start_as_current_span("unrelated"):
        span = tracer.start("GET /", Kind.SERVER, SAMPLED)
    with global_trace.use_span(span.otel):
        inner = theirs.start_span("their query")
    span.end()
    (record,) = spans.take()
    assert record.parent_id == parse(SAMPLED).span_id
    assert f"{inner.parent.span_id:016x}" == record.span_id
    assert f"{inner.context.trace_id:032x}" == record.trace_id


def test_what_is_too_much_is_cut(tracer, spans):
    span = tracer.start("a", Kind.CLIENT, SAMPLED, attributes={"long": "x" * 5000})
    for place in range(200):
        span.set(f"k{place}", place)
        span.event("e", {"long": "y" * 5000})
    span.fail("z" * 5000)
    span.end()
    (record,) = spans.take()
    assert (len(record.attributes), len(record.events)) == (64, 64)
    assert len(record.attributes["long"]) == len(record.events[0].attributes["long"]) == len(record.message) == 2048


def test_an_unsampled_request_does_not_touch_the_sdk(tracer, spans, monkeypatch):
    calls = []
    for name in ("ReadableSpan", "SpanContext", "TraceState", "Event", "Status", "ActiveSpan"):
        monkeypatch.setattr(module, name, spy(getattr(module, name), calls))
    for traceparent in (UNSAMPLED, "", SAMPLED[:-2] + "02"):
        for root in (True, False):
            assert tracer.start("GET /", Kind.SERVER, traceparent, "a=1", {"k": "v"}, root=root) is None
    assert calls == []
    tracer.start("GET /", Kind.SERVER, SAMPLED).end()  # the spies do see a sampled one
    assert {"ActiveSpan", "ReadableSpan", "SpanContext"} <= set(calls)
    assert len(spans) == 1


def test_the_start_is_wall_clock_and_the_duration_is_not(tracer, spans, clock):
    span = tracer.start("GET /", Kind.SERVER, SAMPLED)
    clock.forward(2_000_000)
    span.event("retry", {"attempt": 2})
    clock.wall -= 3_600_000_000_000  # somebody sets the clock back an hour
    clock.forward(1_000_000)
    span.end()
    (record,) = spans.take()
    assert record.start_ns == WALL
    assert record.duration_ns == 3_000_000
    assert [(event.name, event.time_ns - WALL, event.attributes) for event in record.events] == [
        ("retry", 2_000_000, {"attempt": 2})
    ]


def test_attributes_keep_their_types_and_the_resource_says_whose_they_are(tracer, spans):
    span = tracer.start("GET /", Kind.SERVER, SAMPLED, attributes={tag.METHOD: "GET"})
    span.set(tag.STATUS_CODE, 200)
    span.set("share", 0.5)
    span.set("cached", True)
    span.end()
    (record,) = spans.take()
    assert record.attributes == {tag.METHOD: "GET", tag.STATUS_CODE: 200, "share": 0.5, "cached": True}
    assert record.attributes["cached"] is True
    assert (record.service, record.instance, record.node) == ("reviews", "reviews-1", "n1")
    assert record.status is Status.UNSET


def test_a_failure_is_told_with_its_sentence_or_its_exception(tracer, spans):
    plain = tracer.start("a", Kind.CLIENT, SAMPLED)
    plain.fail("no healthy upstream")
    plain.end()
    raised = tracer.start("b", Kind.SERVER, SAMPLED)
    try:
        raise LookupError("no such book")
    except LookupError as error:
        raised.fail(error)
        expected = traceback.format_exc().splitlines()[-1]
    raised.end()
    one, two = spans.take()
    assert (one.status, one.message, one.events) == (Status.ERROR, "no healthy upstream", ())
    assert (two.status, two.message) == (Status.ERROR, "no such book")
    assert two.events[0].name == "exception"
    assert str(two.events[0].attributes["exception.stacktrace"]).endswith(f"{expected}\n")


def test_after_the_end_nothing_changes_and_nothing_is_logged(tracer, spans, caplog):
    span = tracer.start("a", Kind.CLIENT, SAMPLED)
    span.succeed()
    span.end()
    span.set("late", 1)
    span.event("late")
    span.fail("late")
    span.end()
    (record,) = spans.take()
    assert (record.status, record.attributes, record.events) == (Status.OK, {}, ())
    assert caplog.records == []


def test_tracestate_goes_with_the_span(tracer):
    span = tracer.start("a", Kind.CLIENT, SAMPLED, "congo=t61rcWkgMzE")
    assert span.otel.get_span_context().trace_state.to_header() == "congo=t61rcWkgMzE"


def test_the_global_provider_is_left_alone(tracer):
    before = global_trace.get_tracer_provider()
    Tracer("x").start("a", Kind.CLIENT, SAMPLED).end()
    assert global_trace.get_tracer_provider() is before


def test_what_nobody_takes_is_dropped_and_counted():
    spans = BusExporter(capacity=3)
    tracer = Tracer("x", exporters=[spans])
    for place in range(5):
        tracer.start(f"s{place}", Kind.INTERNAL, SAMPLED).end()
    assert (len(spans), spans.dropped) == (3, 2)
    assert [record.name for record in spans.take(2)] == ["s0", "s1"]
    assert [record.name for record in spans.take()] == ["s2"]
    assert spans.take() == []


def test_a_namespaced_service_is_named_as_people_write_it():
    found = tag.resource("reviews_prod", version="v1")
    assert found[tag.SERVICE] == "reviews.prod"
    assert (found[tag.CANONICAL_SERVICE], found[tag.NAMESPACE]) == ("reviews", "prod")
    assert tag.INSTANCE not in found
