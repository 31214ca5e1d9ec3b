"""Real OTLP over both protocols into a real collector, and what a dead one may cost."""

import logging
import random
import threading
import time

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from plait.tracing import tag
from plait.tracing.context import new_traceparent, parse
from plait.tracing.otlp import Collector, OtlpExporter, Protocol
from plait.tracing.record import Kind
from plait.tracing.tracer import Tracer
from tests.otlp import collector

pytestmark = pytest.mark.anyio

DEAD = "127.0.0.1:1"


def root(tracer, name="GET /", **attributes):
    """Start and end a root span; its traceparent."""
    traceparent = new_traceparent(random.Random(), True)
    tracer.start(name, Kind.SERVER, traceparent, attributes=attributes, root=True).end()
    return traceparent


class Blocked(SpanExporter):
    """An exporter whose collector holds on to the connection until told."""

    def __init__(self):
        self.begun = threading.Event()
        self.release = threading.Event()

    def export(self, spans):
        self.begun.set()
        self.release.wait(10)
        return SpanExportResult.SUCCESS

    def shutdown(self):
        self.release.set()


@pytest.mark.parametrize("scheme", ["http", "grpc"])
async def test_spans_arrive_with_service_parents_and_attributes(scheme):
    async with collector() as there:
        exporter = OtlpExporter(there.url(scheme), period=0.02)
        gateway = Tracer("gateway", tag.resource("gateway", node="n1"), [exporter])
        reviews = Tracer("reviews", tag.resource("reviews", instance="reviews-1", version="v2"), [exporter])
        traceparent = new_traceparent(random.Random(), True)
        outer = gateway.start("GET /productpage", Kind.SERVER, traceparent, root=True)
        inner = reviews.start("GET /reviews", Kind.SERVER, outer.traceparent, attributes={tag.STATUS_CODE: 503})
        inner.fail("no healthy upstream")
        inner.end()
        outer.end()
        seen = await there.until(lambda spans: len(spans) == 2)
        assert await exporter.aclose()
    by_service = {one.resource["service.name"]: one for one in seen}
    top, below = by_service["gateway"], by_service["reviews"]
    assert {one.over for one in seen} == {scheme}
    assert top.span.trace_id.hex() == below.span.trace_id.hex() == parse(traceparent).trace_id
    assert (top.span.parent_span_id, below.span.parent_span_id) == (b"", top.span.span_id)
    assert top.span.kind == 2
    assert below.attributes[tag.STATUS_CODE] == 503
    assert (below.span.status.code, below.span.status.message) == (2, "no healthy upstream")
    assert below.resource[tag.CANONICAL_REVISION] == "v2"
    assert (exporter.exported, exporter.dropped, exporter.waiting) == (2, 0, 0)


async def test_closing_sends_what_still_waits():
    async with collector() as there:
        exporter = OtlpExporter(there.url(), period=3600)
        tracer = Tracer("gateway", exporters=[exporter])
        for _ in range(5):
            root(tracer)
        assert exporter.waiting == 5
        assert await exporter.aclose()
        assert len(there.spans) == 5
        assert (exporter.exported, exporter.dropped) == (5, 0)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
async def test_a_dead_collector_costs_the_exit_less_than_two_seconds(scheme):
    exporter = OtlpExporter(f"{scheme}://{DEAD}", queue=2048, batch=256)
    tracer = Tracer("gateway", exporters=[exporter])
    for _ in range(2000):
        root(tracer)
    began = time.monotonic()
    await exporter.aclose()
    assert time.monotonic() - began < 2.0
    assert exporter.exported == 0
    assert exporter.dropped == 2000


async def test_a_silent_collector_costs_no_more_than_the_limit():
    blocked = Blocked()
    exporter = OtlpExporter(f"http://{DEAD}", exporter=blocked)
    root(Tracer("gateway", exporters=[exporter]))
    began = time.monotonic()
    await exporter.aclose(limit=0.2)
    assert time.monotonic() - began < 1.0
    assert blocked.release.is_set()


async def test_a_full_queue_drops_and_counts_and_holds_nobody_up(caplog):
    blocked = Blocked()
    exporter = OtlpExporter(f"http://{DEAD}", queue=10, batch=5, period=0.01, exporter=blocked)
    tracer = Tracer("gateway", exporters=[exporter])
    root(tracer)
    assert blocked.begun.wait(5)
    began = time.monotonic()
    for _ in range(30):
        root(tracer)
    assert time.monotonic() - began < 1.0
    assert (exporter.waiting, exporter.dropped) == (10, 20)
    blocked.release.set()
    assert await exporter.aclose()
    assert (exporter.exported, exporter.dropped) == (11, 20)
    root(tracer)
    assert exporter.dropped == 21
    assert caplog.records == []


async def test_a_dead_collector_is_told_of_once_a_minute(caplog):
    logger = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    exporter = OtlpExporter(f"http://{DEAD}", exporter=Blocked())
    for place in range(50):
        logger.error("Failed to export batch %d", place)
    exporter.close()
    assert len(caplog.records) <= 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h:4318", (Protocol.HTTP, "http://h:4318/v1/traces", False)),
        ("http://h", (Protocol.HTTP, "http://h:4318/v1/traces", False)),
        ("https://h:1/otlp/v1/traces", (Protocol.HTTP, "https://h:1/otlp/v1/traces", True)),
        ("grpc://h:4317", (Protocol.GRPC, "h:4317", False)),
        ("grpcs://[::1]", (Protocol.GRPC, "[::1]:4317", True)),
    ],
)
def test_a_collectors_url_says_protocol_and_place(url, expected):
    assert Collector.parse(url) == expected


@pytest.mark.parametrize("url", ["", "h:4317", "ftp://h", "http://", "http://h:99999"])
def test_what_is_no_collectors_url_is_refused(url):
    with pytest.raises(ValueError, match=r"is no collector|Port"):
        Collector.parse(url)
