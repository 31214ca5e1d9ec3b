"""Calls out of the mesh through a real egress node: the policies of a service hold for a host outside as well."""

import asyncio
import contextlib
import ssl

import pytest
import trustme

import plait
from plait.actors.messages.error import DeadlineExceeded, FaultInjected, NoEndpoints, Unreachable
from tests.integration.load import ask
from tests.outside import Outside

pytestmark = pytest.mark.anyio

HOST = "api.example.com"


def document(kind: str, name: str, spec: str) -> str:
    return f"---\napiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def entry(*ports: int, more: str = "") -> str:
    endpoints = ", ".join(
        f"{{address: 127.0.0.1, ports: {{http: {port}}}, labels: {{place: p{number}}}}}"
        for number, port in enumerate(ports)
    )
    return document(
        "ServiceEntry",
        "api",
        f"{{hosts: [{HOST}], resolution: STATIC, ports: [{{number: 80, name: http, protocol: HTTP}}], "
        f"endpoints: [{endpoints}]{more}}}",
    )


def route(text: str, destination: str = "") -> str:
    goal = f"route: [{{destination: {{host: {HOST}{destination}}}}}]"
    return document("VirtualService", "api", f"{{hosts: [{HOST}], http: [{{{goal}, {text}}}]}}")


@contextlib.asynccontextmanager
async def servers(count: int = 1):
    """Services outside the mesh."""
    started = [await Outside().start() for _ in range(count)]
    try:
        yield started
    finally:
        for one in started:
            await one.stop()


@pytest.fixture
async def egress(mesh, bus):
    """An egress node beside the shared mesh; gives what waits until so many addresses are served."""
    await asyncio.to_thread(mesh.node, "egress")

    async def serves(count: int, health: str = "healthy") -> None:
        async with asyncio.timeout(5.0):
            while [one["health"] for one in await bus.instances(HOST)] != [health] * count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    return serves


@pytest.fixture
async def there(mesh):
    async with plait.connect(mesh.nats, name="tests") as there:
        yield there


async def test_policies_of_a_host_outside_hold(bus, egress, there, mesh):
    async with servers() as (outside,):
        await bus.apply(entry(outside.port))
        await egress(1)
        reply = await there.call(HOST, "/echo?a=1")
        assert reply.status == 200
        assert reply.body.startswith(b"GET /echo?a=1 HTTP/1.1\r\nhost: api.example.com\r\n")

        await bus.apply(route("timeout: 0.2s"))
        with pytest.raises(DeadlineExceeded):
            await there.call(HOST, "/delay")
        assert outside.asked[-1].startswith("GET /delay")

        await bus.apply(route("retries: {attempts: 2, retryOn: '503'}"))
        del outside.asked[:]
        assert (await there.call(HOST, "/status/503")).status == 503
        assert len(outside.asked) == 3

        await bus.apply(route("fault: {abort: {httpStatus: 418, percentage: {value: 100}}}"))
        with pytest.raises(FaultInjected) as raised:
            await there.call(HOST, "/echo")
        assert (raised.value.status, len(outside.asked)) == (418, 3)

        await bus.apply(
            route("headers: {request: {set: {x-added: yes}}, response: {remove: [x-stays]}}, rewrite: {uri: /echo/}")
        )
        reply = await there.call(HOST, "/any")
        assert reply.body.startswith(b"GET /echo/any ")
        assert b"x-added: yes\r\n" in reply.body
        assert reply.headers.get("x-stays") is None


async def test_a_gateway_leads_out_and_a_time_limit_is_504_there(bus, egress, mesh):
    async with servers() as (outside,):
        gate = document(
            "VirtualService",
            "out",
            f"{{hosts: [{HOST}], gateways: [bookinfo-gateway], http: [{{timeout: 0.2s, retries: {{attempts: 0}}, "
            f"route: [{{destination: {{host: {HOST}}}}}]}}]}}",
        )
        await bus.apply(entry(outside.port) + gate)
        await egress(1)
        host = {"host": HOST}
        assert (await ask(mesh.http, "/echo", headers=host)).status == 200
        late = await ask(mesh.http, "/delay", headers=host)
        assert (late.status, late.body) == (504, "upstream request timeout")
        await outside.stop()
        assert (await ask(mesh.http, "/echo", headers=host)).status == 503


async def test_a_call_to_an_address_that_is_down_goes_to_another(bus, egress, there):
    async with servers(2) as (one, other):
        await bus.apply(entry(one.port, other.port))
        await egress(2)
        await one.stop()
        for _ in range(10):  # also those that may not run twice: a refused connection was not processed
            assert (await there.call(HOST, "/echo", method="POST", body=b"x")).status == 200
        assert len(other.asked) == 10
        await other.stop()
        with pytest.raises(Unreachable):
            await there.call(HOST, "/echo")


async def test_subsets_are_endpoints_with_their_labels(bus, egress, there):
    async with servers(2) as (one, other):
        rule = document("DestinationRule", "api", f"{{host: {HOST}, subsets: [{{name: p1, labels: {{place: p1}}}}]}}")
        await bus.apply(entry(one.port, other.port) + rule + route("name: x", ", subset: p1"))
        await egress(2)
        for _ in range(6):
            await there.call(HOST, "/echo")
        assert (len(one.asked), len(other.asked)) == (0, 6)


async def test_what_is_taken_away_is_not_called_and_what_cannot_be_served_says_why(bus, egress, there):
    async with servers() as (outside,):
        await bus.apply(entry(outside.port))
        await egress(1)
        rule = document(
            "DestinationRule",
            "api",
            f"{{host: {HOST}, trafficPolicy: {{tls: {{mode: SIMPLE, caCertificates: /no/such.pem}}}}}}",
        )
        await bus.apply(rule)
        await egress(1, "critical")
        (instance,) = await bus.instances(HOST)
        assert "No such file" in instance["reason"]
        with pytest.raises(NoEndpoints):
            await there.call(HOST, "/echo")
        for kind in ("DestinationRule", "ServiceEntry"):
            answer = await bus.ask("policy.delete", {"kind": kind, "name": "api"})
            assert "errors" not in answer
        await egress(0)


async def test_a_plain_call_leaves_by_tls_as_istios_example_has_it(bus, egress, there, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("httpbin.org").configure_cert(context)
    secure = await Outside().start(context)
    try:
        ports = "{number: 80, name: http, protocol: HTTP}, {number: 443, name: https, protocol: HTTPS, "
        ports += f"targetPort: {secure.port}}}"
        await bus.apply(
            document(
                "ServiceEntry",
                "api",
                f"{{hosts: [httpbin.org], resolution: STATIC, ports: [{ports}], endpoints: [{{address: 127.0.0.1}}]}}",
            )
            + document(
                "VirtualService",
                "api",
                "{hosts: [httpbin.org], http: [{match: [{port: 80}], "
                "route: [{destination: {host: httpbin.org, port: {number: 443}}}]}]}",
            )
            + document(
                "DestinationRule",
                "api",
                "{host: httpbin.org, trafficPolicy: {portLevelSettings: [{port: {number: 443}, "
                f"tls: {{mode: SIMPLE, caCertificates: {tmp_path}/ca.pem}}}}]}}}}",
            )
        )
        async with asyncio.timeout(5.0):
            while len(await bus.instances("httpbin.org")) != 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        reply = await there.call("httpbin.org", "/echo")
        assert (reply.status, secure.asked) == (200, ["GET /echo HTTP/1.1"])
        assert b"host: httpbin.org\r\n" in reply.body
    finally:
        await secure.stop()
