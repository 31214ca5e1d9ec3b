"""The OTLP bytes of the mesh in the hands of others: rotel, a collector in Rust, takes them and passes them on."""

import asyncio
import contextlib
import importlib.util
import random
import socket
from pathlib import Path

import pytest

from plait.tracing import tag
from plait.tracing.otlp import OtlpExporter
from plait.tracing.record import Kind
from plait.tracing.sampler import HeadSampler
from plait.tracing.tracer import Tracer
from tests.otlp import collector

pytestmark = [pytest.mark.anyio, pytest.mark.foreign]


@pytest.fixture
def agent():
    """The path of rotel's program."""
    found = importlib.util.find_spec("rotel")
    if found is None or found.origin is None:
        pytest.skip("needs rotel, a collector: pip install rotel")
    path = Path(found.origin).parent / "rotel-agent"
    if not path.exists():
        pytest.skip("the rotel that is installed brings no program for this machine")
    return path


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def listening(port, process, limit=10.0):
    async with asyncio.timeout(limit):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                return
            assert process.returncode is None, "rotel did not start"
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def rotel(agent, onward, tmp_path):
    """Run rotel; give where it takes OTLP, by scheme. What it takes it sends on to `onward`."""
    ports = {"grpc": free_port(), "http": free_port()}
    with (tmp_path / "rotel.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            agent,
            "start",
            "--otlp-grpc-endpoint",
            f"127.0.0.1:{ports['grpc']}",
            "--otlp-http-endpoint",
            f"127.0.0.1:{ports['http']}",
            "--exporter",
            "otlp",
            "--otlp-exporter-endpoint",
            onward,
            "--batch-timeout",
            "50ms",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=tmp_path,
        )
        try:
            for port in ports.values():
                await listening(port, process)
            yield {scheme: f"{scheme}://127.0.0.1:{port}" for scheme, port in ports.items()}
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 5.0)
            except TimeoutError:
                process.kill()
                await process.wait()


@pytest.mark.parametrize("scheme", ["http", "grpc"])
async def test_a_collector_by_others_takes_spans_and_passes_them_on_unchanged(agent, scheme, tmp_path):
    async with collector() as taken, rotel(agent, taken.url("grpc").replace("grpc:", "http:"), tmp_path) as urls:
        exporter = OtlpExporter(urls[scheme], period=0.05, timeout=5.0)
        tracer = Tracer("reviews", tag.resource("reviews", version="v2"), [exporter], rng=random.Random(1))
        parent = HeadSampler(1.0, random.Random(2)).admit().traceparent
        span = tracer.start("GET ratings", Kind.CLIENT, parent, "vendor=1", {tag.HTTP_METHOD: "GET"})
        span.event(tag.RETRY, {tag.ATTEMPT: 2, "plait.wait_ms": 1.5})
        span.fail("no healthy upstream")
        span.end()
        (seen,) = await taken.until(lambda spans: len(spans) >= 1)
        assert await exporter.aclose()
        assert (exporter.exported, exporter.dropped) == (1, 0)
    got = seen.span
    assert (got.trace_id.hex(), got.parent_span_id.hex()) == (parent[3:35], parent[36:52])
    assert (got.name, got.kind, got.status.code) == ("GET ratings", Kind.CLIENT, 2)
    assert (seen.resource["service.name"], seen.resource["istio.canonical_revision"]) == ("reviews", "v2")
    assert seen.attributes["http.request.method"] == "GET"
    (event,) = got.events
    assert event.name == "plait.retry"
    assert event.attributes[0].value.int_value == 2
