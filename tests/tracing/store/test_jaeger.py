"""Jaeger's query API over the store: the shapes that its readers expect, and clear refusals of everything else."""

import json
import string
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.tracing.record import Kind, SpanEvent, Status
from plait.tracing.store.jaeger import answer
from plait.tracing.store.memory import TraceStore
from plait.tracing.store.otlp_json import resource_spans, spans_of
from plait.tracing.store.span_time import moment, nanoseconds, seconds_of
from tests.tracing.store.test_memory import span

T0 = 10**9
TIMES = {"query.startTimeMin": moment(T0 - 60), "query.startTimeMax": moment(T0 + 60)}


@pytest.fixture
def store():
    store = TraceStore()
    failed = {"status": Status.ERROR, "message": "no healthy upstream"}
    events = (SpanEvent("plait.retry", T0 * 10**9, {"plait.attempt": 2, "plait.wait_ms": 1.5, "hedged": False}),)
    store.add([span(1, 1, "gateway", duration=300), span(1, 2, "reviews", 1, 5, 200, **failed, events=events)])
    store.add([span(2, 1, "gateway", start=1000, kind=Kind.CLIENT, attributes={"http.status_code": 404, "ok": True})])
    return store


def ask(store, path, **query):
    status, body = answer(store, path, urlencode(query.pop("q", {}) | query))
    return status, json.loads(body)


def test_services_and_operations(store):
    assert ask(store, "/api/v3/services") == (200, {"services": ["gateway", "reviews"]})
    both = [{"name": "GET /gateway", "spanKind": "client"}, {"name": "GET /gateway", "spanKind": "server"}]
    assert ask(store, "/api/v3/operations", service="gateway") == (200, {"operations": both})
    assert ask(store, "/api/v3/operations", service="gateway", spanKind="CLIENT")[1] == {"operations": both[:1]}


def test_a_trace_is_otlp_in_json_and_reads_back_as_it_was(store):
    status, told = ask(store, f"/api/v3/traces/{1:032x}")
    assert status == 200
    groups = told["result"]["resourceSpans"]
    assert groups[1]["resource"]["attributes"][0] == {"key": "service.name", "value": {"stringValue": "reviews"}}
    shown = groups[1]["scopeSpans"][0]["spans"][0]
    assert (shown["traceId"], shown["spanId"], shown["parentSpanId"]) == (f"{1:032x}", f"{2:016x}", f"{1:016x}")
    assert (shown["kind"], shown["status"]) == (2, {"code": 2, "message": "no healthy upstream"})
    assert shown["startTimeUnixNano"] == str(10**18 + 5_000_000)
    assert shown["events"][0]["attributes"] == [
        {"key": "plait.attempt", "value": {"intValue": "2"}},
        {"key": "plait.wait_ms", "value": {"doubleValue": 1.5}},
        {"key": "hedged", "value": {"boolValue": False}},
    ]
    assert spans_of(groups) == list(store.get(f"{1:032x}"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [2, 1]),
        ({"query.serviceName": "reviews"}, [1]),
        ({"query.service_name": "reviews"}, [1]),
        ({"query.operationName": "GET /gateway"}, [2, 1]),
        ({"query.serviceName": "gateway", "query.operationName": "GET /reviews"}, []),
        ({"query.durationMin": "250ms"}, [1]),
        ({"query.durationMax": "0.2s"}, [2]),
        ({"query.searchDepth": "1"}, [2]),
        ({"query.attributes": '{"error":"true"}'}, [1]),
        ({"query.attributes": '{"http.status_code":"404","ok":"true"}'}, [2]),
        ({"query.startTimeMin": moment(T0 + 0.5)}, [2]),
        ({"query.startTimeMax": moment(T0 + 0.5)}, [1]),
    ],
)
def test_searches_find_what_they_ask_for(store, query, found):
    _, told = ask(store, "/api/v3/trace-summaries", q=TIMES | query)
    assert [int(one["traceId"], 16) for one in told["summaries"]] == found
    status, whole = ask(store, "/api/v3/traces", q=TIMES | query)
    assert status == (200 if found else 404)
    if found:
        assert {int(one.trace_id, 16) for one in spans_of(whole["result"]["resourceSpans"])} == set(found)


def test_a_summary_counts_spans_and_errors_by_service(store):
    _, told = ask(store, "/api/v3/trace-summaries", q=TIMES | {"query.serviceName": "reviews"})
    assert told["summaries"] == [
        {
            "traceId": f"{1:032x}",
            "rootServiceName": "gateway",
            "rootOperationName": "GET /gateway",
            "spanCount": 2,
            "errorSpanCount": 1,
            "minStartTimeUnixNano": str(10**18),
            "maxEndTimeUnixNano": str(10**18 + 300_000_000),
            "services": [
                {"name": "gateway", "spanCount": 1, "errorSpanCount": 0},
                {"name": "reviews", "spanCount": 1, "errorSpanCount": 1},
            ],
        }
    ]


def test_jaegers_own_page_reads_a_trace(store):
    status, told = ask(store, f"/api/traces/{1:032x}")
    (trace,) = told["data"]
    assert (status, trace["processes"]["p2"]["serviceName"]) == (200, "reviews")
    second = trace["spans"][1]
    assert second["references"] == [{"refType": "CHILD_OF", "traceID": f"{1:032x}", "spanID": f"{1:016x}"}]
    assert (second["startTime"], second["duration"]) == (10**15 + 5000, 200_000)
    assert {"key": "error", "type": "bool", "value": True} in second["tags"]
    assert second["logs"][0]["fields"][0] == {"key": "event", "type": "string", "value": "plait.retry"}


@pytest.mark.parametrize(
    ("path", "query", "status", "said"),
    [
        ("/api/v3/traces/" + "f" * 32, {}, 404, "no trace"),
        ("/api/v3/traces", {}, 400, "startTimeMin"),
        ("/api/v3/traces", TIMES | {"query.startTimeMin": "yesterday"}, 400, "no time"),
        ("/api/v3/traces", TIMES | {"query.durationMin": "long"}, 400, "no duration"),
        ("/api/v3/traces", TIMES | {"query.searchDepth": "-1"}, 400, "searchDepth"),
        ("/api/v3/traces", TIMES | {"query.attributes": "{"}, 400, "attributes"),
        ("/api/v3/operations", {}, 400, "service"),
        ("/api/v3/nothing", {}, 404, "no page"),
        ("/api/v3/traces", {f"a{n}": "" for n in range(100)}, 400, "parameters"),
    ],
)
def test_what_cannot_be_answered_is_said_as_jaeger_does(store, path, query, status, said):
    got, told = ask(store, path, q=query)
    assert (got, told["error"]["httpCode"]) == (status, status)
    assert said in told["error"]["message"]


@given(st.text(string.printable, max_size=200), st.text(string.printable, max_size=200))
def test_no_path_and_no_query_breaks_it(path, query):
    for prefix in ("/api/v3/traces", "/api/v3/", "/api/traces/"):
        status, body = answer(TraceStore(), prefix + path, query)
        assert status in (200, 400, 404)
        json.loads(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["resource", "attributes", "scopeSpans", "spans", "traceId", "key", "value", "events", "status"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_what_a_strange_jaeger_sends_is_no_span(anything):
    assert spans_of([anything]) == []
    assert spans_of({"resourceSpans": anything}) == []


def test_of_a_trace_in_which_one_span_is_none_the_others_are_read(store):
    groups = resource_spans(store.get(f"{1:032x}"))
    groups[0]["scopeSpans"][0]["spans"][0]["traceId"] = "rubbish"
    assert [one.service for one in spans_of(groups)] == ["reviews"]


@pytest.mark.parametrize(("text", "seconds"), [("250ms", 0.25), ("1m30s", 90.0), ("0.5s", 0.5), ("2h", 7200.0)])
def test_durations_are_read_as_go_writes_them(text, seconds):
    assert seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "-1s", "1d", "s", "1e9s", "1s " * 40, "9999999999999s", "99999999h"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="no duration"):
        seconds_of(text)


def test_times_with_nine_digits_and_with_zones_are_read():
    assert nanoseconds("2001-09-09T01:46:40.123456789Z") == 10**18 + 123_456_000
    assert nanoseconds("2001-09-09T03:46:40+02:00") == nanoseconds("2001-09-09T01:46:40") == 10**18


@pytest.mark.parametrize("text", ["", "x", "1960-01-01T00:00:00Z", "2001-99-09T01:46:40Z"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="no time"):
        nanoseconds(text)
