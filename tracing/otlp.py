"""Spans on their way to a collector over OTLP: batched in a thread, bounded, and never in the way.

A collector that is dead costs the requests nothing (the queue is bounded, what does not fit is counted), the log one
line a minute, and the exit less than two seconds (the SDK alone was seen to take seven).
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple
from urllib.parse import urlsplit

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from .log import OncePerFilter

TIMEOUT = 1.0
"""Seconds for one export, with its repetitions."""

QUEUE = 4096
"""Spans that wait at most."""

BATCH = 512
"""Spans of one export."""

PERIOD = 1.0
"""Seconds between exports."""

_brake = OncePerFilter(60.0)
_LOGGERS = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.sdk._shared_internal",
    "urllib3.connectionpool",
)


class Protocol(Enum):
    """How OTLP is spoken."""

    HTTP = "http/protobuf"
    GRPC = "grpc"


class Collector(NamedTuple):
    """Where spans go."""

    protocol: Protocol
    endpoint: str
    """A full URL for HTTP, `host:port` for gRPC."""
    secure: bool

    @classmethod
    def parse(cls, url: str) -> "Collector":
        """Read `http://host:4318`, `https://…`, `grpc://host:4317` or `grpcs://…`.

        For HTTP the path `/v1/traces` is added where the URL has none; ports default to 4318 and 4317.

        Raises:
            ValueError: it is no such URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https", "grpc", "grpcs"} or not parts.hostname:
            raise ValueError(f"{url!r} is no collector: expected http://host:4318 or grpc://host:4317")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        if parts.scheme.startswith("grpc"):
            return cls(Protocol.GRPC, f"{host}:{parts.port or 4317}", parts.scheme == "grpcs")
        path = parts.path if parts.path not in {"", "/"} else "/v1/traces"
        return cls(Protocol.HTTP, f"{parts.scheme}://{host}:{parts.port or 4318}{path}", parts.scheme == "https")


def sdk_exporter(collector: Collector, timeout: float = TIMEOUT) -> SpanExporter:
    """Return the SDK's exporter for a collector; only the protocol that is used is loaded."""
    if collector.protocol is Protocol.GRPC:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        return GrpcExporter(endpoint=collector.endpoint, insecure=not collector.secure, timeout=timeout)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

    return HttpExporter(endpoint=collector.endpoint, timeout=timeout)


class _Counted(SpanExporter):
    """Counts what the exporter under it delivered; while the node leaves it gives up early."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self.taken = 0
        self.exported = 0
        self.failed = 0
        self.stopping = False
        self._gave_up = False
        self._shut = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.taken += len(spans)
        done = False
        try:
            # While the node leaves, the first failure is the last try: the rest would only wait for the same timeout.
            if not self._gave_up:
                done = self._inner.export(spans) is SpanExportResult.SUCCESS
        finally:
            if done:
                self.exported += len(spans)
            else:
                self.failed += len(spans)
                self._gave_up = self.stopping
        return SpanExportResult.SUCCESS if done else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self._gave_up = True
        if not self._shut:
            self._shut = True
            self._inner.shutdown()


class OtlpExporter(SpanProcessor):
    """One queue, one thread and one connection for all tracers of a node. Make it after any fork."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = TIMEOUT,
        queue: int = QUEUE,
        batch: int = BATCH,
        period: float = PERIOD,
        exporter: SpanExporter | None = None,
    ) -> None:
        """Export to `url` (see `Collector.parse`) every `period` seconds, in batches, `timeout` seconds each.

        `exporter` stands in for the SDK's own.

        Raises:
            ValueError: the URL is none of a collector.
        """
        self.collector = Collector.parse(url)
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_brake)  # the same filter is not added twice
        self._exporter = _Counted(exporter or sdk_exporter(self.collector, timeout))
        self._queue = queue
        self._batches = BatchSpanProcessor(
            self._exporter,
            max_queue_size=queue,
            schedule_delay_millis=period * 1000,
            max_export_batch_size=min(batch, queue),
        )
        self._accepted = 0
        self._overflow = 0
        self._closed = False

    @property
    def exported(self) -> int:
        """Spans that the collector took."""
        return self._exporter.exported

    @property
    def dropped(self) -> int:
        """Spans lost: the queue was full, the collector did not take them, or the node left."""
        left = self.waiting if self._closed else 0
        return self._overflow + self._exporter.failed + left

    @property
    def waiting(self) -> int:
        """Spans in the queue."""
        return self._accepted - self._exporter.taken

    def on_end(self, span: ReadableSpan) -> None:
        """Queue an ended span; with a full queue or after `close` only count it."""
        # Two counters with one writer each (the loop, the thread) need no lock; the SDK itself would log each drop.
        if self._closed or self._accepted - self._exporter.taken >= self._queue:
            self._overflow += 1
            return
        self._accepted += 1
        self._batches.on_end(span)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Export what waits now, in this thread. The SDK keeps no time here: each batch may take the export timeout."""
        return self._batches.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Close, as the SDK calls it."""
        self.close()

    def close(self, limit: float = 1.5) -> bool:
        """Export what waits and stop, within `limit` seconds; return whether it was done in time.

        It blocks: use `aclose` on an event loop. Call it after the drain, when the last span has ended.
        """
        if self._closed:
            return True
        self._closed = True
        self._exporter.stopping = True
        leaving = threading.Thread(target=self._batches.shutdown, name="plait-otlp-close", daemon=True)
        leaving.start()
        leaving.join(limit)
        if leaving.is_alive():
            self._exporter.shutdown()  # wakes an exporter that waits to try again
            leaving.join(0.1)
        return not leaving.is_alive()

    async def aclose(self, limit: float = 1.5) -> bool:
        """Do as `close` without holding up the event loop."""
        return await asyncio.to_thread(self.close, limit)
