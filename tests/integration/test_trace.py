"""One request is one trace: in a real OTLP receiver over both protocols, and in the mesh's own store."""

import asyncio
import contextlib
import json
import signal
import time

import pytest

from plait.tracing.context import parse
from plait.tracing.store.otlp_json import spans_of
from tests.integration.documents import entrance, reviews
from tests.integration.load import ask
from tests.otlp import collector

pytestmark = pytest.mark.anyio

WAY = ["plait-gateway", "productpage", "reviews", "ratings"]
"""The services from the outermost span to the innermost; details hangs beside reviews."""


def family(spans: list[tuple[str, str, str]]) -> dict[str, str]:
    """Each service's parent service, of (span, parent, service); the outermost has none."""
    services = {span: service for span, _, service in spans}
    parents = {span: parent for span, parent, _ in spans}
    found: dict[str, str] = {}
    for span, service in services.items():
        above = parents[span]
        while above and services[above] == service:  # a client's span beneath its own server's
            above = parents[above]
        if services.get(above, "") != service:
            found[service] = services.get(above, "")
    return found


EXPECTED = {"plait-gateway": "", "productpage": "plait-gateway"} | {
    "details": "productpage",
    "reviews": "productpage",
    "ratings": "reviews",
}


@pytest.mark.parametrize("protocol", ["http", "grpc"])
async def test_a_page_is_one_trace_with_right_parents_in_a_collector(own_mesh, protocol):
    async with collector() as taken:
        mesh = await asyncio.to_thread(own_mesh, "--otlp", taken.url(protocol))
        await asyncio.to_thread(mesh.apply, reviews(v2=100))
        page = await ask(mesh.http, "/productpage")
        trace = page.headers["traceparent"].split("-")[1]
        wanted = bytes.fromhex(trace)
        await taken.until(lambda spans: len([one for one in spans if one.span.trace_id == wanted]) >= 9)
        spans = [one for one in taken.spans if one.span.trace_id == wanted]
        ids = [one.span.span_id for one in spans]
        assert len(set(ids)) == len(ids) == 9  # five services, and a client's span for each of the four calls
        assert {one.over for one in spans} == {protocol}
        told = [(one.span.span_id.hex(), one.span.parent_span_id.hex(), one.resource["service.name"]) for one in spans]
        assert family(told) == EXPECTED
        assert len([one for one in spans if not one.span.parent_span_id]) == 1
        assert all(one.span.start_time_unix_nano <= one.span.end_time_unix_nano for one in spans)
        root = next(one for one in spans if not one.span.parent_span_id)
        assert root.attributes["http.status_code"] == 200
        began = time.monotonic()
        assert await asyncio.to_thread(mesh.stop) == 0
        assert time.monotonic() - began < 5.0


async def test_an_outside_trace_is_continued(mesh):
    outside = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    page = await ask(mesh.http, "/productpage", headers={"traceparent": outside})
    assert page.headers["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"


async def test_the_mesh_shows_its_own_traces(mesh, bus, eventually):
    await bus.apply(reviews(v3=100))
    page = await ask(mesh.http, "/productpage")
    trace = page.headers["traceparent"].split("-")[1]

    async def whole():
        return len((await bus.ask("trace.show", {"id": trace})).get("spans", ())) == 9

    await eventually(whole, 3.0)
    listed = mesh.plait("trace", "ls", "-o", "name")
    assert listed.stdout.split()[0] == f"trace/{trace}"
    for name in (trace, f"trace/{trace}", trace[:8]):
        shown = mesh.plait("trace", "show", name)
        assert shown.returncode == 0, shown.stderr
        places = [shown.stdout.index(service) for service in WAY]
        assert places == sorted(places)
        assert "details" in shown.stdout
    spans = mesh.read("trace", "show", trace)["items"]
    assert family([(one["span_id"], one["parent_id"], one["service"]) for one in spans]) == EXPECTED
    assert mesh.plait("trace", "show", "0" * 32).returncode == 4


async def test_one_client_reads_the_mesh_and_any_jaeger(mesh, bus, eventually):
    await bus.apply(reviews(v3=100))
    page = await ask(mesh.http, "/productpage")
    trace = page.headers["traceparent"].split("-")[1]
    read = []

    async def whole():
        answer = await ask(mesh.admin, f"/api/v3/traces/{trace}")
        read[:] = spans_of(json.loads(answer.body)["result"]["resourceSpans"]) if answer.status == 200 else []
        return len(read) == 9

    await eventually(whole, 3.0)
    assert family([(one.span_id, one.parent_id, one.service) for one in read]) == EXPECTED
    kinds = sorted((one.service, one.kind.name) for one in read)
    servers = [(service, "SERVER") for service in EXPECTED]
    clients = [("plait-gateway", "CLIENT"), ("productpage", "CLIENT"), ("productpage", "CLIENT"), ("reviews", "CLIENT")]
    assert kinds == sorted(servers + clients)
    root = next(one for one in read if not one.parent_id)
    assert (root.name, root.attributes["http.route"]) == ("GET /productpage", "/productpage")
    services = json.loads((await ask(mesh.admin, "/api/v3/services")).body)["services"]
    assert set(EXPECTED) <= set(services)
    listed = await asyncio.to_thread(
        mesh.plait, "trace", "ls", "--jaeger", mesh.admin, "--service", "ratings", "-o", "name"
    )
    assert listed.stdout.split()[0] == f"trace/{trace}"
    shown = await asyncio.to_thread(mesh.plait, "trace", "show", trace, "--jaeger", mesh.admin)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == (await asyncio.to_thread(mesh.plait, "trace", "show", trace)).stdout
    assert (await asyncio.to_thread(mesh.plait, "trace", "ls", "--min-duration", "1h", "-o", "name")).stdout == ""
    assert (await asyncio.to_thread(mesh.plait, "trace", "show", "0" * 32, "--jaeger", mesh.admin)).returncode == 4
    nobody = await asyncio.to_thread(mesh.plait, "trace", "ls", "--jaeger", "http://127.0.0.1:9")
    assert (nobody.returncode, "Traceback" in nobody.stderr) == (6, False)


NOTHING_TRACED = """
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: mesh, namespace: istio-system }
spec: { tracing: [{ randomSamplingPercentage: 0 }] }
"""


HOSTILE = [
    {"traceparent": "00-" + "f" * 4000},
    {"traceparent": f"00-{'0' * 32}-{'0' * 16}-01"},
    {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01", "tracestate": ",".join(f"a{n}={'x' * 200}" for n in range(30))},
    {"traceparent": f"00-{'1' * 32}-{'2' * 16}-zz", "tracestate": "=,=;\t" * 500},
    {"baggage": ",".join(f"end-user=a{n}" for n in range(900))},
    {"baggage": "end-user=%00%0d%0a%ff;" + "p=1;" * 1000},
    {"b3": "1-" * 2000},
    {"x-b3-traceid": "z" * 32, "x-b3-spanid": "-", "x-b3-sampled": "\x7e"},
]


@pytest.mark.parametrize("headers", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_contexts_cost_a_request_nothing_but_themselves(mesh, headers):
    page = await ask(mesh.http, "/productpage", headers=headers)
    assert page.status == 200
    assert parse(page.headers["traceparent"]) is not None
    assert len(page.headers["traceparent"]) == 55


async def test_b3_is_continued(mesh):
    trace = "80f198ee56343ba864fe8b2a57d3eff7"
    page = await ask(mesh.http, "/productpage", headers={"b3": f"{trace}-e457b5a2e4d86bd1-1"})
    assert page.headers["traceparent"].split("-")[1] == trace


async def test_policy_says_how_much_is_traced_and_what_fails_is_kept_all_the_same(mesh, bus, eventually):
    async def flags(**headers):
        page = await ask(mesh.http, "/productpage", headers=headers)
        return page.headers["traceparent"][-2:], page.headers["traceparent"].split("-")[1]

    assert (await flags())[0] == "01"
    await bus.apply(NOTHING_TRACED)
    assert (await flags())[0] == "00"
    debugged, wanted = await flags(**{"x-plait-debug": "1"})
    assert debugged == "01"
    await bus.apply(entrance("ratings"))
    nobody = await ask(mesh.http, "/ratings/0", headers={"host": "ratings.test"})
    assert nobody.status == 200
    broken = entrance("ratings").replace("http: [{ route", "http: [{ fault: { abort: { httpStatus: 500, "
                                         "percentage: { value: 100 } } }, route")  # fmt: skip
    await bus.apply(broken)
    failed = await ask(mesh.http, "/ratings/0", headers={"host": "ratings.test"})
    assert failed.status == 500

    async def shown(answer):
        trace = answer if isinstance(answer, str) else answer.headers["traceparent"].split("-")[1]
        return (await bus.ask("trace.show", {"id": trace})).get("spans", [])

    async def both():
        return len(await shown(wanted)) >= 9 and len(await shown(failed)) >= 1

    await eventually(both, 3.0)
    (span,) = await shown(failed)
    assert (span["service"], span["kind"], span["status"]) == ("plait-gateway", "client", "error")
    assert span["attributes"]["plait.kept"] == "error"
    assert span["attributes"]["response_flags"] == "FI"
    assert await shown(nobody) == []
    await bus.ask("policy.delete", {"kind": "Telemetry", "name": "mesh", "namespace": "istio-system"})


FALTERING = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ratings }
spec:
  host: ratings
  subsets:
    - { name: v1, labels: { version: v1 } }
    - { name: faltering, labels: { version: faltering } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ratings }
spec:
  hosts: [ratings]
  http:
    - retries: { attempts: 2, retryOn: 5xx }
      route: [{ destination: { host: ratings, subset: faltering } }]
"""


async def test_a_retry_is_seen_in_the_trace_of_the_page(mesh, bus, eventually):
    await asyncio.to_thread(mesh.node, "faltering:Faltering")
    await bus.apply(reviews(v2=100))
    await bus.apply(FALTERING)
    page = await ask(mesh.http, "/productpage")
    assert page.status == 200
    assert "stars black" in page.body  # nobody who reads the page sees that something failed
    trace = page.headers["traceparent"].split("-")[1]
    told = {}

    async def whole():
        told.update(await bus.ask("trace.show", {"id": trace}))
        return len(told.get("spans", ())) == 11

    await eventually(whole, 3.0)
    spans = {span["span_id"]: span for span in told["spans"]}
    ratings = [span for span in spans.values() if span["service"] == "ratings"]
    first, second = sorted(ratings, key=lambda span: span["start_ns"])
    assert [span["attributes"]["http.response.status_code"] for span in (first, second)] == [503, 200]
    assert [span["attributes"]["plait.attempt"] for span in (first, second)] == [1, 2]
    assert (first["status"], second["status"]) == ("error", "unset")
    call = spans[first["parent_id"]]
    again = spans[second["parent_id"]]
    assert (call["kind"], call["service"], call["name"]) == ("client", "reviews", "GET ratings")
    assert (again["kind"], again["service"], again["parent_id"]) == ("client", "reviews", call["span_id"])
    assert again["attributes"]["http.request.resend_count"] == 1
    assert [event["name"] for event in call["events"]] == [
        "plait.attempt.failed",
        "plait.retry",
        "plait.attempt.ended",
    ]
    assert call["events"][0]["attributes"]["error.type"] == "503"
    assert (call["status"], call["attributes"]["plait.attempts"]) == ("unset", 2)
    assert call["attributes"]["upstream_cluster"] == "outbound||faltering|ratings.default.svc.cluster.local"


@contextlib.asynccontextmanager
async def black_hole():
    """A collector that takes connections and never says a word."""
    held = []
    server = await asyncio.start_server(lambda reader, writer: held.append(writer), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for writer in held:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    await server.wait_closed()


async def test_a_collector_that_never_answers_costs_nothing(own_mesh):
    async with black_hole() as url:
        app = "plait.examples.bookinfo.details:Details"
        mesh = await asyncio.to_thread(own_mesh, "--otlp", url, "--app", app)
        await asyncio.to_thread(mesh.apply, entrance("details"))
        pages = [await ask(mesh.http, "/details/0", headers={"host": "details.test"}) for _ in range(10)]
        assert [page.status for page in pages] == [200] * 10
        assert sorted(page.took for page in pages)[5] < 0.5
        began = time.monotonic()
        assert await asyncio.to_thread(mesh.stop, signal.SIGTERM) == 0
        assert time.monotonic() - began < 5.0
        assert mesh.left() == []
