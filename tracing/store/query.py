"""What a search for traces asks for, and what an operation is."""

from collections.abc import Mapping

import msgspec

from ..record import Kind, SpanRecord, Status


class Query(msgspec.Struct, frozen=True):
    """Conditions that must all hold; the span's own must hold for one and the same span."""

    service: str = ""
    operation: str = ""
    attributes: Mapping[str, str] = {}
    """By name, compared as text; `error` finds failed spans, as Jaeger's own tag does."""
    errors: bool = False
    """Only traces with a failed span."""
    earliest_ns: int = 0
    """Of the trace's start, wall clock, nanoseconds since 1970."""
    latest_ns: int = 2**63 - 1
    shortest_ns: int = 0
    """Of the whole trace, from its first start to its last end."""
    longest_ns: int = 2**63 - 1

    @property
    def of_spans(self) -> bool:
        """Whether spans have to be looked at."""
        return bool(self.service or self.operation or self.attributes)

    def finds(self, span: SpanRecord) -> bool:
        """Whether one span is as asked."""
        return (
            self.service in ("", span.service)
            and self.operation in ("", span.name)
            and all(_has(span, name, value) for name, value in self.attributes.items())
        )


class Operation(msgspec.Struct, frozen=True, order=True):
    """What a service does, by its spans' names."""

    name: str
    kind: str
    """`server`, `client`, …"""


def operation_of(span: SpanRecord) -> Operation:
    """Return the operation that a span is one of."""
    return Operation(span.name, Kind(span.kind).name.lower())


def _has(span: SpanRecord, name: str, value: str) -> bool:
    if name == "error":
        return (span.status is Status.ERROR) == (value.lower() == "true")
    found = span.attributes.get(name)
    return found is not None and (str(found).lower() if isinstance(found, bool) else str(found)) == value
