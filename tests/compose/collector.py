"""Stands for Jaeger in the tests' stack: takes OTLP on its port, and tells at `/services` who has sent spans."""

import gzip
import http.server
import json

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

SEEN: set[str] = set()
"""Names of services."""


class Page(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-encoding"] == "gzip":
            body = gzip.decompress(body)
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            SEEN.update(pair.value.string_value for pair in group.resource.attributes if pair.key == "service.name")
        self._answer(ExportTraceServiceResponse().SerializeToString())

    def do_GET(self) -> None:
        self._answer(json.dumps(sorted(SEEN)).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("0.0.0.0", 4318), Page).serve_forever()
