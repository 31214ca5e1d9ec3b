"""One trace as Jaeger's own page reads it: the JSON of `GET /api/traces/{id}`."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..record import Kind, SpanRecord, Status, Value
from ..tag import INSTANCE, NODE


def old_trace(spans: Sequence[SpanRecord]) -> dict[str, Any]:
    """Return the spans of one trace with the processes that they name."""
    places: dict[tuple[str, str, str], str] = {}
    found: list[dict[str, Any]] = []
    for span in spans:
        key = (span.service, span.instance, span.node)
        found.append(_span(span, places.setdefault(key, f"p{len(places) + 1}")))
    processes = {
        name: {"serviceName": service, "tags": _tags({INSTANCE: instance, NODE: node})}
        for (service, instance, node), name in places.items()
    }
    data = [{"traceID": spans[0].trace_id, "spans": found, "processes": processes, "warnings": None}]
    return {"data": data, "total": 0, "limit": 0, "offset": 0, "errors": None}


def _span(span: SpanRecord, process: str) -> dict[str, Any]:
    above = {"refType": "CHILD_OF", "traceID": span.trace_id, "spanID": span.parent_id}
    tags = {**span.attributes, "span.kind": Kind(span.kind).name.lower()}
    if span.status is Status.ERROR:
        tags |= {"error": True, "otel.status_code": "ERROR", "otel.status_description": span.message}
    return {
        "traceID": span.trace_id,
        "spanID": span.span_id,
        "operationName": span.name,
        "references": [above] if span.parent_id else [],
        "startTime": span.start_ns // 1000,
        "duration": span.duration_ns // 1000,
        "tags": _tags(tags),
        "logs": [
            {"timestamp": one.time_ns // 1000, "fields": _tags({"event": one.name, **one.attributes})}
            for one in span.events
        ],
        "processID": process,
        "warnings": None,
    }


def _tags(values: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": key, "type": _type(value), "value": value} for key, value in values.items() if value != ""]


def _type(value: Value) -> str:
    if isinstance(value, bool):
        return "bool"
    return "int64" if isinstance(value, int) else "float64" if isinstance(value, float) else "string"
