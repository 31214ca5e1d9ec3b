"""A collector for tests: takes OTLP over gRPC and HTTP (protobuf, gzip or JSON) and keeps the spans it was sent."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import grpc
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as wire
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Seen(NamedTuple):
    """A span that arrived."""

    resource: dict[str, str]
    span: Span
    over: str
    """`grpc` or `http`."""

    @property
    def attributes(self) -> dict[str, object]:
        return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in self.span.attributes}


class Collector(service.TraceServiceServicer):
    """Everything that arrived, and a way to wait for more."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []
        self.grpc_port = 0
        self.http_port = 0
        self._arrived = asyncio.Event()

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.grpc_port if scheme == 'grpc' else self.http_port}"

    async def until(self, holds: Callable[[list[Seen]], bool], limit: float = 10.0) -> list[Seen]:
        """Wait until `holds` is true of all spans so far; they are returned."""
        async with asyncio.timeout(limit):
            while not holds(self.spans):
                self._arrived.clear()
                await self._arrived.wait()
        return self.spans

    def _take(self, request: wire.ExportTraceServiceRequest, over: str) -> None:
        for group in request.resource_spans:
            resource = {pair.key: pair.value.string_value for pair in group.resource.attributes}
            self.spans += [Seen(resource, span, over) for scope in group.scope_spans for span in scope.spans]
        self._arrived.set()

    async def Export(self, request, context):  # noqa: N802 (the name is the protocol's)
        self._take(request, "grpc")
        return wire.ExportTraceServiceResponse()

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), contextlib.closing(writer):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                status = "200 OK" if head[0].startswith("POST /v1/traces ") else "404 Not Found"
                if status.startswith("200"):
                    body = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
                    as_json = "json" in headers.get("content-type", "")
                    empty = wire.ExportTraceServiceRequest()
                    self._take(Parse(body, empty) if as_json else type(empty).FromString(body), "http")
                writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()


@contextlib.asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """Run a collector on two free ports of 127.0.0.1."""
    taken = Collector()
    over_grpc = grpc.aio.server()
    service.add_TraceServiceServicer_to_server(taken, over_grpc)
    taken.grpc_port = over_grpc.add_insecure_port("127.0.0.1:0")
    await over_grpc.start()
    over_http = await asyncio.start_server(taken._http, "127.0.0.1", 0)
    taken.http_port = over_http.sockets[0].getsockname()[1]
    try:
        yield taken
    finally:
        over_http.close()
        await over_http.wait_closed()
        await over_grpc.stop(0)
