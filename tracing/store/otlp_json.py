"""Spans as OTLP in JSON, with ids in hex, and back: what Jaeger's query API speaks.

Integers of 64 bits are texts, as protobuf's JSON has them. The reader takes what a real Jaeger sends, so what it finds
is not trusted: what is no span is left out.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from ..record import Kind, SpanRecord, Value
from ..tag import INSTANCE, NODE, SERVICE

Json = dict[str, Any]


def resource_spans(spans: Iterable[SpanRecord]) -> list[Json]:
    """Return `resourceSpans`: the spans by who made them."""
    sources: dict[tuple[str, str, str], list[Json]] = {}
    for span in spans:
        sources.setdefault((span.service, span.instance, span.node), []).append(_span(span))
    return [
        {
            "resource": {"attributes": _attributes({SERVICE: service, INSTANCE: instance, NODE: node})},
            "scopeSpans": [{"scope": {"name": "plait"}, "spans": found}],
        }
        for (service, instance, node), found in sources.items()
    ]


def _span(span: SpanRecord) -> Json:
    status: Json = {"code": int(span.status)} if span.status else {}
    if span.message:
        status["message"] = span.message
    parent = {"parentSpanId": span.parent_id} if span.parent_id else {}
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        **parent,
        "name": span.name,
        "kind": int(span.kind),
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes),
        "events": [
            {"timeUnixNano": str(one.time_ns), "name": one.name, "attributes": _attributes(one.attributes)}
            for one in span.events
        ],
        "status": status,
    }


def _attributes(values: Mapping[str, Value]) -> list[Json]:
    return [{"key": key, "value": _value(value)} for key, value in values.items() if value != ""]


def _value(value: Value) -> Json:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


# Back


def spans_of(resource_spans: object) -> list[SpanRecord]:
    """Return the spans of `resourceSpans` as a Jaeger or this store sends them."""
    found: list[SpanRecord] = []
    for group in _dicts(resource_spans):
        resource = group.get("resource")
        of = _plain(_dict(resource).get("attributes"))
        for scope in _dicts(group.get("scopeSpans")):
            for one in _dicts(scope.get("spans")):
                record = _record(one, of)
                if record is not None:
                    found.append(record)
    return found


def _record(one: Json, of: dict[str, Value]) -> SpanRecord | None:
    start, end = _number(one.get("startTimeUnixNano")), _number(one.get("endTimeUnixNano"))
    status = _dict(one.get("status"))
    fields = (
        one.get("traceId"),
        one.get("spanId"),
        one.get("parentSpanId") or "",
        str(of.get(SERVICE, "")),
        str(of.get(INSTANCE, "")),
        str(of.get(NODE, "")),
        str(one.get("name", "")),
        _number(one.get("kind")) or int(Kind.INTERNAL),
        start,
        max(0, end - start),
        _number(status.get("code")),
        str(status.get("message", "")),
        _plain(one.get("attributes")),
        [
            (str(event.get("name", "")), _number(event.get("timeUnixNano")), _plain(event.get("attributes")))
            for event in _dicts(one.get("events"))
        ],
    )
    try:
        return msgspec.convert(fields, SpanRecord)
    except msgspec.ValidationError:
        return None


def _plain(attributes: object) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for one in _dicts(attributes):
        key, value = one.get("key"), _dict(one.get("value"))
        if not isinstance(key, str) or not value:
            continue
        kind, held = next(iter(value.items()))
        if kind == "intValue":
            found[key] = _number(held)
        elif isinstance(held, Value):
            found[key] = held
        else:
            found[key] = msgspec.json.encode(held).decode()
    return found


def _number(value: object) -> int:
    """A number as it stands or as text; 0 for all else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else 0


def _dict(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def _dicts(value: object) -> list[Json]:
    return (
        [cast("Json", one) for one in cast("list[object]", value) if isinstance(one, dict)]
        if isinstance(value, list)
        else []
    )
