"""Jaeger's query API over the traces that are held here: version 3, and the one page of version 1 that Jaeger keeps.

Shapes after Jaeger's own snapshots of its `api_v3`; whoever reads a Jaeger reads this. Parameters are taken in both of
their spellings (`query.serviceName`, `query.service_name`). Pure: a path and a query go in, a status and JSON come out.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from .jaeger_v1 import old_trace
from .memory import AmbiguousTrace, TraceNotFound, TraceStore, TraceSummary
from .otlp_json import resource_spans
from .query import Query
from .span_time import nanoseconds, seconds_of

PREFIXES = ("/api/v3/", "/api/traces/")
"""What is answered here."""

DEPTH, DEEPEST = 20, 200
"""Traces of one search: where nothing is said, and at most."""

_PARAMETERS = 64
_encode = msgspec.json.Encoder().encode


class BadQuery(ValueError):
    """A parameter is missing, or says nothing that could be searched for."""


def answer(store: TraceStore, path: str, query: str) -> tuple[int, bytes]:
    """Return status and JSON for one GET of `path` with `query` (percent-encoded)."""
    try:
        status, found = 200, _answer(store, path, _parameters(query))
    except BadQuery as error:
        status, found = 400, _problem(400, str(error))
    except (TraceNotFound, AmbiguousTrace) as error:
        status, found = 404, _problem(404, str(error))
    return status, _encode(found)


def _answer(store: TraceStore, path: str, given: Mapping[str, str]) -> dict[str, Any]:
    if path == "/api/v3/services":
        return {"services": list(store.services())}
    if path == "/api/v3/operations":
        service = given.get("service", "")
        if not service:
            raise BadQuery("the parameter `service` is missing")
        found = store.operations(service, given.get("spanKind", given.get("span_kind", "")).lower())
        return {"operations": [{"name": one.name, "spanKind": one.kind} for one in found]}
    if path == "/api/v3/trace-summaries":
        return {"summaries": [_summary(store.summary(one)) for one in _search(store, given)]}
    if path == "/api/v3/traces":
        traces = _search(store, given)
        if not traces:
            raise TraceNotFound("No traces found")
        return {"result": {"resourceSpans": resource_spans(span for one in traces for span in store.get(one))}}
    trace_id = path.removeprefix("/api/v3/traces/").removeprefix("/api/traces/")
    if path.startswith("/api/v3/traces/") and trace_id:
        return {"result": {"resourceSpans": resource_spans(store.get(trace_id))}}
    if path.startswith("/api/traces/") and trace_id:
        return old_trace(store.get(trace_id))
    raise TraceNotFound(f"no page {path[:200]} here")


def _parameters(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_PARAMETERS)
    except ValueError:
        raise BadQuery(f"more than {_PARAMETERS} parameters") from None
    return {_camel(name.removeprefix("query.")): value for name, value in pairs}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(one.capitalize() for one in others)


def _search(store: TraceStore, given: Mapping[str, str]) -> tuple[str, ...]:
    for name in ("startTimeMin", "startTimeMax"):
        if not given.get(name):
            raise BadQuery(f"the parameter `query.{name}` is missing: a time such as 2026-11-24T21:00:00Z")
    query = Query(
        given.get("serviceName", ""),
        given.get("operationName", ""),
        _wanted(given.get("attributes", "")),
        earliest_ns=_time(given, "startTimeMin"),
        latest_ns=_time(given, "startTimeMax"),
        shortest_ns=_lasting(given, "durationMin", 0),
        longest_ns=_lasting(given, "durationMax", 2**63 - 1),
    )
    return store.search(query, _depth(given))


def _depth(given: Mapping[str, str]) -> int:
    text = given.get("searchDepth") or given.get("numTraces") or str(DEPTH)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise BadQuery(f"`query.searchDepth` is no number of traces: {text[:64]!r}")
    return min(int(text), DEEPEST)


def _time(given: Mapping[str, str], name: str) -> int:
    try:
        return nanoseconds(given[name])
    except ValueError as error:
        raise BadQuery(f"`query.{name}`: {error}") from None


def _lasting(given: Mapping[str, str], name: str, otherwise: int) -> int:
    text = given.get(name, "")
    if not text:
        return otherwise
    try:
        return round(seconds_of(text) * 1e9)
    except ValueError as error:
        raise BadQuery(f"`query.{name}`: {error}") from None


def _wanted(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadQuery('`query.attributes` is no JSON object of texts, such as {"http.status_code":"500"}') from None


def _summary(one: TraceSummary) -> dict[str, Any]:
    return {
        "traceId": one.trace_id,
        "rootServiceName": one.service,
        "rootOperationName": one.operation,
        "spanCount": one.spans,
        "errorSpanCount": one.errors,
        "minStartTimeUnixNano": str(one.start_ns),
        "maxEndTimeUnixNano": str(one.start_ns + one.duration_ns),
        "services": [
            {"name": each.service, "spanCount": each.spans, "errorSpanCount": each.errors} for each in one.services
        ],
    }


def _problem(status: int, message: str) -> dict[str, Any]:
    return {"error": {"httpCode": status, "message": message}}
