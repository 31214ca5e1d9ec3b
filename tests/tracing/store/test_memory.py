"""The trace store: bounded in every direction, and found again by what people know of a trace."""

import msgspec
import pytest

from plait.tracing.record import Kind, SpanRecord, Status
from plait.tracing.store.memory import AmbiguousTrace, ServiceCount, TraceNotFound, TraceStore

MS = 1_000_000


def span(trace, number=1, service="reviews", parent=0, start=0, duration=10, **changes):
    record = SpanRecord(
        trace_id=f"{trace:032x}" if isinstance(trace, int) else trace,
        span_id=f"{number:016x}",
        parent_id=f"{parent:016x}" if parent else "",
        service=service,
        instance=f"{service}-1",
        node="n1",
        name=f"GET /{service}",
        kind=Kind.SERVER,
        start_ns=10**18 + start * MS,
        duration_ns=duration * MS,
    )
    return msgspec.structs.replace(record, **changes)


def ids(summaries):
    return [int(summary.trace_id, 16) for summary in summaries]


def test_the_oldest_trace_makes_room():
    store = TraceStore(max_traces=3)
    for trace in range(1, 6):
        store.add([span(trace, start=trace)])
    assert ids(store.list()) == [5, 4, 3]
    assert (len(store), store.evicted, store.spans) == (3, 2, 3)


def test_a_trace_keeps_only_so_many_spans_and_says_what_it_lost():
    store = TraceStore(max_spans=5)
    store.add(span(1, number) for number in range(1, 9))
    store.add([span(1, 1), span(1, 2)])
    assert len(store.get(f"{1:032x}")) == 5
    assert store.summary(f"{1:032x}").dropped == store.dropped == 3


def test_all_spans_together_are_bounded():
    store = TraceStore(max_traces=100, max_spans=10, max_total=25)
    for trace in range(1, 11):
        store.add(span(trace, number, start=trace) for number in range(1, 11))
        assert store.spans <= 25
    assert ids(store.list()) == [10, 9]


def test_a_span_that_comes_twice_counts_once():
    store = TraceStore()
    store.add([span(1, status=Status.ERROR)] * 3)
    summary = store.summary(f"{1:032x}")
    assert (summary.spans, summary.errors, store.spans) == (1, 1, 1)


def test_a_summary_tells_root_times_and_services_in_whatever_order_spans_came():
    spans = [
        span(1, 3, "ratings", parent=2, start=4, duration=2, status=Status.ERROR),
        span(1, 2, "reviews", parent=1, start=2, duration=30),
        span(1, 1, "gateway", start=0, duration=20),
        span(1, 4, "ratings", parent=2, start=7, duration=2),
    ]
    store = TraceStore()
    store.add(spans)
    (summary,) = store.list()
    assert (summary.service, summary.operation) == ("gateway", "GET /gateway")
    assert (summary.start_ns, summary.duration_ns) == (10**18, 32 * MS)
    assert (summary.spans, summary.errors) == (4, 1)
    assert summary.services == (
        ServiceCount("gateway", 1, 0),
        ServiceCount("ratings", 2, 1),
        ServiceCount("reviews", 1, 0),
    )
    assert [one.service for one in store.get(summary.trace_id)] == ["gateway", "reviews", "ratings", "ratings"]
    assert store.services() == ("gateway", "ratings", "reviews")


def test_while_the_root_is_missing_the_earliest_span_stands_for_it():
    store = TraceStore()
    store.add([span(1, 3, "ratings", parent=2, start=4), span(1, 2, "reviews", parent=1, start=2)])
    assert store.list()[0].service == "reviews"


def test_traces_are_chosen_by_service_errors_and_duration():
    store = TraceStore()
    store.add([span(1, service="a", start=1), span(2, service="b", start=2, status=Status.ERROR)])
    store.add([span(3, service="a", start=3, duration=500), span(4, service="b", start=4, duration=499)])
    store.add([span(4, 2, service="a", start=5)])
    assert ids(store.list()) == [4, 3, 2, 1]
    assert ids(store.list(service="a")) == [4, 3, 1]
    assert ids(store.list(errors=True)) == [2]
    assert ids(store.list(min_duration=0.5)) == [3]
    assert ids(store.list(limit=2)) == [4, 3]
    assert store.list(service="nobody") == []


def test_a_trace_is_found_by_the_beginning_of_its_id():
    store = TraceStore()
    store.add([span("abcdef12" + "0" * 24), span("abcdef13" + "0" * 24)])
    assert store.get("ABCDEF12")[0].trace_id == "abcdef12" + "0" * 24
    with pytest.raises(TraceNotFound, match="at least 8 digits"):
        store.get("abcdef1")
    with pytest.raises(TraceNotFound, match="not sampled"):
        store.get("abcdef14")


def test_a_beginning_that_several_share_is_told():
    store = TraceStore()
    store.add([span("abcdef12" + "0" * 24), span("abcdef12" + "1" * 24)])
    with pytest.raises(AmbiguousTrace, match="2 traces"):
        store.get("abcdef12")
    assert store.get("abcdef121")[0].trace_id == "abcdef12" + "1" * 24


def test_traces_that_failed_or_were_slow_stay_while_others_go():
    store = TraceStore(max_traces=10)
    store.add([span(1, status=Status.ERROR), span(2, duration=1500)])
    for trace in range(3, 100):
        store.add([span(trace, start=trace)])
    assert sorted(ids(store.list(limit=100))) == [1, 2, *range(92, 100)]


def test_traces_that_failed_make_room_for_others_once_they_are_most():
    store = TraceStore(max_traces=10)
    for trace in range(1, 41):
        store.add([span(trace, start=trace, status=Status.ERROR)])
    for trace in range(41, 81):
        store.add([span(trace, start=trace)])
    kept = ids(store.list(limit=100))
    assert len(kept) == 10
    assert len([one for one in kept if one <= 40]) == 5


def test_a_flood_of_large_spans_is_bounded_by_its_bytes():
    store = TraceStore(max_bytes=100_000)
    for trace in range(1, 1000):
        store.add([span(trace, n) for n in range(1, 4)], size=1000)
        assert store.size <= 100_000
    assert (store.spans, store.size) == (99, 99_000)
    assert store.evicted == 999 - 33
