"""Spans kept though nothing was sampled: so many a second, counted beyond, and never for a collector."""

import random

from plait.tracing.bus_exporter import BusExporter
from plait.tracing.record import Kind
from plait.tracing.tail import RATE, Tail
from plait.tracing.tracer import Tracer

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


class Clock:
    now = 5.0

    def __call__(self):
        return self.now


def test_only_so_many_a_second_are_kept_and_the_others_counted():
    clock = Clock()
    tail = Tail(BusExporter(), clock)
    assert sum(tail.admits() for _ in range(10 * RATE)) == RATE
    assert tail.dropped == 9 * RATE
    clock.now += 1.0
    assert tail.admits()


def test_a_late_span_began_when_its_call_did_and_goes_to_the_store_alone():
    store, collector = BusExporter(), BusExporter()
    tracer = Tracer(
        "reviews", {}, [store, collector], rng=random.Random(1), wall=lambda: 9_000_000_000,
        monotonic=lambda: 7_000_000_000, tail=Tail(store, Clock()),
    )  # fmt: skip
    span = tracer.late("GET ratings", Kind.CLIENT, PARENT, 2.5)
    span.fail("")
    span.end()
    (kept,) = store.take()
    assert (kept.start_ns, kept.duration_ns) == (6_500_000_000, 2_500_000_000)
    assert (kept.trace_id, kept.parent_id) == (PARENT[3:35], PARENT[36:52])
    assert len(collector) == 0


def test_without_a_tail_or_a_trace_nothing_is_kept():
    assert Tracer("reviews").late("GET", Kind.CLIENT, PARENT, 1.0) is None
    store = BusExporter()
    assert Tracer("reviews", tail=Tail(store, Clock())).late("GET", Kind.CLIENT, "", 1.0) is None
