"""A real mesh is asked by DNS: by a stub resolver, by dig, over UDP and TCP, while instances come and go."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess

import dns.asyncresolver
import dns.resolver
import pytest

from tests.integration.load import ask
from tests.integration.mesh import Mesh

pytestmark = pytest.mark.anyio

DIG = shutil.which("dig")


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """One `plait up --dns` for all tests here."""
    mesh = Mesh(tmp_path_factory.mktemp("named")).up("--dns", "127.0.0.1:0")
    yield mesh
    mesh.end_nodes()
    assert mesh.stop() == 0, mesh.main.told()
    assert mesh.left() == []


def port_of(mesh):
    return int(mesh.main.line("dns").rpartition(":")[2])


def resolver(port):
    found = dns.asyncresolver.Resolver(configure=False)
    found.nameservers, found.port, found.lifetime = ["127.0.0.1"], port, 5.0
    return found


async def records(port, name, kind="A", *, tcp=False):
    """What a stub resolver is told; nothing where there is no such name or no such record."""
    try:
        answer = await resolver(port).resolve(name, kind, tcp=tcp)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer) as error:
        return type(error).__name__
    return sorted(data.to_text() for data in answer)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_the_address_is_printed_before_ready(named):
    words = [line.split()[0] for line in named.main.out.splitlines()]
    assert words == ["nats", "http", "admin", "dns", "ready"]
    assert named.main.line("dns").startswith("dns://127.0.0.1:")


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
async def test_a_stub_resolver_finds_services_versions_and_nodes(named, tcp):
    port = port_of(named)
    assert await records(port, "reviews.service.plait.", tcp=tcp) == ["127.0.0.1"]
    assert await records(port, "v2.reviews.service.plait.", tcp=tcp) == ["127.0.0.1"]
    assert await records(port, "reviews.service.plait.", "AAAA", tcp=tcp) == "NoAnswer"
    assert await records(port, "v9.reviews.service.plait.", tcp=tcp) == "NXDOMAIN"
    (said,) = await records(port, "v2.reviews.service.plait.", "TXT", tcp=tcp)
    assert '"version=v2"' in said
    for name in ("reviews.service.plait.", "_reviews._http.service.plait."):
        ((*_, target),) = [one.split() for one in await records(port, name, "SRV", tcp=tcp)]
        assert await records(port, target, tcp=tcp) == ["127.0.0.1"]


async def test_a_gateway_is_found_with_the_port_that_it_was_given(named):
    port = free_port()
    named.node("gateway", "--name", "edge", "--http", f"127.0.0.1:{port}", "--advertise", "192.0.2.80")
    try:
        found = await records(port_of(named), "plait-gateway.service.plait.", "SRV")
        assert f"1 1 {port} edge.node.plait." in found
        assert await records(port_of(named), "edge.node.plait.") == ["192.0.2.80"]
        (member,) = [one for one in named.read("ls", "instances")["items"] if one["node"] == "edge"]
        assert (member["address"], member["port"]) == ("192.0.2.80", port)
    finally:
        await asyncio.to_thread(named.end_nodes)


async def test_an_instance_that_dies_is_not_named_any_more(named, eventually):
    port, name = port_of(named), "fragile.service.plait."
    assert await records(port, name) == "NXDOMAIN"
    node = named.node("oddities:Fragile", "--advertise", "192.0.2.7", "--label", "track=canary")
    assert await records(port, name) == ["192.0.2.7"]
    assert await records(port, "canary.fragile.service.plait.") == ["192.0.2.7"]
    os.kill(node.pid, signal.SIGKILL)

    async def gone():
        return await records(port, name) == "NXDOMAIN"

    await eventually(gone, 5.0)
    node.process.wait(5)
    named.nodes.remove(node)


async def test_a_node_of_its_own_answers_and_prefers_its_locality(named):
    port = free_port()
    named.node("dns", "--dns", f"127.0.0.1:{port}", "--locality", "eu/b", "--name", "names")
    for zone, address in (("a", "192.0.2.1"), ("b", "192.0.2.2")):
        named.node("oddities:Fragile", "--advertise", address, "--locality", f"eu/{zone}")
    try:
        seen = [await resolver(port).resolve("fragile.service.plait.", "A") for _ in range(20)]
        assert {tuple(data.to_text() for data in answer) for answer in seen} == {("192.0.2.2", "192.0.2.1")}
        answer = await resolver(port).resolve("plait-dns.service.plait.", "SRV")
        assert answer[0].target.to_text() == "names.node.plait."
        servers = await records(port, "plait.", "NS")
        assert (len(servers), "names.node.plait." in servers) == (2, True)
    finally:
        await asyncio.to_thread(named.end_nodes)


async def test_names_of_others_come_from_the_server_that_was_named(named):
    first, port = port_of(named), free_port()
    refusing = resolver(first)
    with pytest.raises(dns.resolver.NoNameservers, match="REFUSED"):
        await refusing.resolve("www.example.", "A")
    named.node("dns", "--dns", f"127.0.0.1:{port}", "--dns-forward", f"127.0.0.1:{first}")
    try:
        with pytest.raises(dns.resolver.NoNameservers, match="REFUSED"):
            await resolver(port).resolve("www.example.", "A")
        assert await records(port, "reviews.service.plait.") == ["127.0.0.1"]
    finally:
        await asyncio.to_thread(named.end_nodes)


def test_a_port_in_use_ends_the_start_with_what_to_do(named):
    done = named.plait("node", "dns", "--dns", f"127.0.0.1:{port_of(named)}")
    assert done.returncode == 1
    assert f"127.0.0.1:{port_of(named)}: the address is in use" in done.stderr
    assert "another port" in done.stderr


@pytest.mark.skipif(DIG is None, reason="dig is not installed (Debian: bind9-dnsutils)")
@pytest.mark.parametrize("how", ["+notcp", "+tcp", "+noedns", "+qr", "+dnssec"])
@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("reviews.service.plait", "SRV", ".node.plait."),
        ("reviews.service.plait", "A", "127.0.0.1"),
        ("reviews.service.plait", "TXT", '"version=v3"'),
        ("v2.reviews.service.plait", "A", "127.0.0.1"),
        ("V2.Reviews.Service.Plait", "TXT", '"version=v2"'),
        ("plait", "SOA", "hostmaster.plait."),
    ],
)
def test_dig_reads_every_kind_of_record(named, how, name, kind, said):
    assert DIG is not None
    where = ["@127.0.0.1", "-p", str(port_of(named)), "+tries=1", "+time=5"]
    done = subprocess.run([DIG, *where, how, name, kind], capture_output=True, text=True, timeout=15, check=False)
    assert done.returncode == 0, done.stdout
    assert "status: NOERROR" in done.stdout
    assert said in done.stdout.partition("ANSWER SECTION")[2]
    assert "WARNING: Message parser" not in done.stdout
    assert "malformed" not in done.stdout


@pytest.mark.skipif(DIG is None, reason="dig is not installed (Debian: bind9-dnsutils)")
def test_dig_is_told_what_is_not_there(named):
    assert DIG is not None
    where = ["@127.0.0.1", "-p", str(port_of(named)), "+tries=1", "+time=5"]
    done = subprocess.run(
        [DIG, *where, "nobody.service.plait"], capture_output=True, text=True, timeout=15, check=False
    )
    assert "status: NXDOMAIN" in done.stdout
    assert "SOA" in done.stdout.partition("AUTHORITY SECTION")[2]


async def test_the_metrics_tell_what_became_of_questions(named):
    await records(port_of(named), "ratings.service.plait.", tcp=True)
    text = (await ask(named.admin, "/metrics")).body
    counts = dict(line.split() for line in text.splitlines() if line.startswith("plait_dns_total"))
    assert float(counts['plait_dns_total{outcome="asked"}']) > 0
    assert float(counts['plait_dns_total{outcome="tcp_opened"}']) > 0
