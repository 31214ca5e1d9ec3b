"""Istio's own conformance list, gateways: hosts, ports, redirects to HTTPS, the tasks of ingress."""

import re

import pytest

from tests.conformance.way import TO, gateway, virtual_service
from tests.integration.load import ask

pytestmark = pytest.mark.anyio


def server(port, hosts, more=""):
    return f"{{ port: {{ number: {port}, name: http-{port}, protocol: HTTP }}, hosts: {hosts}{more} }}"


@pytest.fixture(scope="session")
def mapped(conforming_mesh):
    """A second gateway, behind one trusted proxy, whose two addresses serve a Gateway's ports 80 and 85."""
    flags = "--http 127.0.0.1:0=80 --http 127.0.0.1:0=85 --trusted-hops 1 --label istio=mapped"
    node = conforming_mesh.node("gateway", *flags.split())
    urls = re.findall(r"^http +(\S+)", node.out, re.MULTILINE)
    assert len(urls) == 2, node.out
    return {80: urls[0], 85: urls[1]}


async def test_1893_a_gateway_without_routes_answers_404(world):
    await world.apply(gateway("lonely", server(80, "[foo.bar]")))
    assert (await world.ask("/", host="foo.bar")).status == 404


async def test_1911_plain_http_is_sent_to_https(world):
    await world.apply(
        gateway("secure", server(80, "[secure.test]", ", tls: { httpsRedirect: true }")),
        virtual_service("secure", "secure.test", f"[{{ {TO} }}]", "gateways: [secure]"),
    )
    for headers in ({}, {"x-forwarded-proto": "https"}):  # nobody outside is believed
        answer = await world.ask("/a?b=c", host="secure.test", headers=headers)
        assert (answer.status, answer.headers["location"]) == (301, "https://secure.test/a?b=c")


async def test_1949_what_a_trusted_proxy_got_by_https_is_served(world, mapped):
    await world.apply(
        gateway("mapped", server(80, "[secure.test]", ", tls: { httpsRedirect: true }"), selector="istio: mapped"),
        virtual_service("secure", "secure.test", f"[{{ {TO} }}]", "gateways: [mapped]"),
    )
    host = {"host": "secure.test"}
    answer = await ask(mapped[80], "/", headers={**host, "x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.9"})
    assert answer.status == 200
    assert '"x-forwarded-proto":"https"' in answer.body
    assert '"x-forwarded-for":"192.0.2.9,127.0.0.1"' in answer.body
    assert (await ask(mapped[80], "/", headers=host)).status == 301
    assert (await ask(mapped[80], "/", headers={**host, "x-forwarded-proto": "http"})).status == 301


@pytest.mark.parametrize(
    ("host", "port", "location"),
    [
        ("b.test", 80, "http://b.test/foo"),
        ("b.test:80", 80, "http://b.test:80/foo"),
        ("b.test", 85, "http://b.test:85/foo"),
        ("b.test:85", 85, "http://b.test:85/foo"),
    ],
)
async def test_531_a_redirect_has_the_port_of_the_request(world, mapped, host, port, location):
    redirect = "redirect: { uri: /foo, derivePort: FROM_REQUEST_PORT }"
    await world.apply(
        gateway("mapped", server(80, "['*']"), server(85, "['*']"), selector="istio: mapped"),
        virtual_service("b", "b.test", f"[{{ {redirect} }}]", "gateways: [mapped]"),
    )
    answer = await ask(mapped[port], "/old", headers={"host": host})
    assert (answer.status, answer.headers["location"]) == (301, location)


@pytest.mark.parametrize("port", ["", ":80", ":12345"])
async def test_2206_the_port_in_host_does_not_count(world, port):
    await world.apply(
        gateway("wild", server(80, "['*.example.com']")),
        virtual_service("wild", "*.example.com", f"[{{ {TO} }}]", "gateways: [wild]"),
    )
    assert (await world.ask("/", host=f"foo.example.com{port}")).status == 200
    assert (await world.ask("/", host=f"example.com{port}")).status == 404


async def test_task_ingress_control_only_what_is_routed_is_reached(world):
    paths = ", ".join(f"{{ uri: {{ prefix: {path} }} }}" for path in ("/status", "/delay"))
    await world.apply(
        gateway("httpbin", server(80, "[httpbin.example.com]")),
        virtual_service("httpbin", "httpbin.example.com", f"[{{ match: [{paths}], {TO} }}]", "gateways: [httpbin]"),
    )
    assert (await world.ask("/status/200", host="httpbin.example.com")).status == 200
    assert (await world.ask("/delay/2", host="httpbin.example.com")).status == 200
    assert (await world.ask("/headers", host="httpbin.example.com")).status == 404
    assert (await world.ask("/status/200", host="other.example.com")).status == 404


async def test_a_gateway_that_no_policy_selects_answers_404(world):
    await world.clear()
    answer = await world.ask("/", host="front.test")
    assert (answer.status, "no_route" in answer.body) == (404, True)


async def test_a_host_by_name_comes_before_all_hosts_where_the_gateway_has_one_host(world):
    await world.apply(
        gateway("narrow", server(80, "[narrow.test]")),
        virtual_service("anything", "*", f"[{{ {TO} }}]", "gateways: [narrow]"),
    )
    assert (await world.ask("/", host="narrow.test")).status == 200
    teapot = "[{ directResponse: { status: 418 } }]"
    await world.apply(virtual_service("named", "narrow.test", teapot, "gateways: [narrow]"))
    assert (await world.ask("/", host="narrow.test")).status == 418
