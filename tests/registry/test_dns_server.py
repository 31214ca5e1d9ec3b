"""The sockets of DNS: one port for both, questions over connections, limits, and questions passed on to others."""

import asyncio
import contextlib
import errno
import socket
import time

import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from plait.actors.messages.error import StartFailed
from plait.registry.dns_door import DoorLimits, Verdict
from plait.registry.dns_server import DnsServer
from tests.registry.dns_world import World, instance

pytestmark = pytest.mark.anyio

QUERY = dns.message.make_query("reviews.service.plait.", "A", id=77).to_wire()
FOREIGN = dns.message.make_query("Example.com.", "A", id=78, use_edns=0).to_wire()


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
async def serve():
    """Starts a server on a free port: `await serve(world)`."""
    servers = []

    async def start(world=None, *, host="127.0.0.1", port=0, forward=None, **limits):
        world = world or World(forward=forward is not None)
        server = DnsServer(host, port, forward, time.monotonic, DoorLimits(**limits))
        server.asked, server.lost = [], []
        servers.append(server)

        def answer(packet, source, stream):
            server.asked.append((source, stream))
            return world.raw(packet, stream)

        await server.start(answer, server.lost.append)
        return server

    yield start
    for server in servers:
        await server.close()


class Client(asyncio.DatagramProtocol):
    """A UDP client that notes what it gets."""

    def __init__(self):
        self.got = asyncio.Queue()

    def datagram_received(self, data, addr):
        self.got.put_nowait((data, addr))


@contextlib.asynccontextmanager
async def udp(**where):
    transport, client = await asyncio.get_running_loop().create_datagram_endpoint(Client, **where)
    try:
        yield transport, client
    finally:
        transport.close()
        await asyncio.sleep(0)


async def by_udp(server, packet):
    async with udp(remote_addr=server.address) as (transport, client):
        transport.sendto(packet)
        async with asyncio.timeout(5):
            return (await client.got.get())[0]


@contextlib.asynccontextmanager
async def tcp(server):
    reader, writer = await asyncio.open_connection(*server.address)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def framed(packet):
    return len(packet).to_bytes(2, "big") + packet


async def unframed(reader):
    async with asyncio.timeout(5):
        return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))


async def ended(reader, limit=5.0):
    async with asyncio.timeout(limit):
        with contextlib.suppress(OSError):
            return await reader.read(1) == b""
        return True


async def test_one_port_answers_by_udp_and_tcp(serve):
    server = await serve()
    host, port = server.address
    for ask in (dns.asyncquery.udp, dns.asyncquery.tcp):
        message = await ask(dns.message.from_wire(QUERY), host, port=port, timeout=5)
        assert len(message.answer[0]) == 2
    assert server.asked == [("127.0.0.1", False), ("127.0.0.1", True)]


async def test_ipv6_is_served(serve):
    try:
        server = await serve(host="::1")
    except StartFailed as error:
        pytest.skip(f"no IPv6 here: {error}")
    assert len(dns.message.from_wire(await by_udp(server, QUERY)).answer[0]) == 2
    assert server.asked == [("::1", False)]


async def test_a_server_that_is_started_again_has_its_port_still(serve):
    server = await serve()
    address = server.address
    for _ in range(3):
        async with tcp(server) as (reader, writer):
            writer.write(framed(QUERY))
            await unframed(reader)
            await server.close()
            assert await ended(reader)
        await server.close()
        await server.start(lambda *_: QUERY, server.lost.append)
        assert server.address == address
        assert await by_udp(server, QUERY) == QUERY
    assert server.lost == []


async def test_a_port_in_use_is_named_with_what_to_do(serve):
    server = await serve()
    host, port = server.address
    with pytest.raises(StartFailed, match=f"DNS on 127.0.0.1:{port}: the address is in use; .*another port"):
        await serve(port=port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((host, 0))
        with pytest.raises(StartFailed, match="the address is in use"):
            await serve(port=taken.getsockname()[1])
    with pytest.raises(StartFailed, match="no such address"):
        await serve(host="192.0.2.1")
    with pytest.raises(StartFailed, match="itself"):
        await serve(port=5300, forward=("127.0.0.1", 5300))


async def test_a_free_port_is_free_for_both(serve, monkeypatch):
    loop = asyncio.get_running_loop()
    if "uvloop" in type(loop).__module__:
        pytest.skip("its methods cannot be replaced")
    create_server, tries = loop.create_server, []

    async def taken_twice(make, host, port, **more):
        tries.append(port)
        if len(tries) < 3:
            raise OSError(errno.EADDRINUSE, "taken")
        return await create_server(make, host, port, **more)

    monkeypatch.setattr(loop, "create_server", taken_twice)
    server = await serve()
    assert server.address[1] == tries[-1]
    assert len(tries) == 3


# Connections


async def test_questions_on_one_connection_are_answered_in_order_however_they_are_cut(serve):
    server = await serve()
    names = [f"{version}.reviews.service.plait." for version in ("v1", "v2", "v7")]
    queries = [dns.message.make_query(name, "A", id=number).to_wire() for number, name in enumerate(names)]
    async with tcp(server) as (reader, writer):
        writer.write(b"".join(map(framed, queries)))
        assert [(await unframed(reader))[:2] for _ in queries] == [query[:2] for query in queries]
        for byte in framed(QUERY):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.001)
        assert (await unframed(reader))[:2] == QUERY[:2]


async def test_what_is_dropped_ends_its_connection(serve):
    server = await serve()
    for junk in (b"\0\0", framed(b"x" * 11), framed(QUERY[:2] + b"\x80" + QUERY[3:])):
        async with tcp(server) as (reader, writer):
            writer.write(junk)
            assert await ended(reader)


async def test_a_message_of_64_kib_that_is_no_question_gets_an_answer(serve):
    server = await serve()
    async with tcp(server) as (reader, writer):
        writer.write(framed(QUERY + b"\0" * (65535 - len(QUERY))))
        assert dns.message.from_wire(await unframed(reader)).rcode() == dns.rcode.FORMERR
        writer.write(framed(QUERY))
        assert dns.message.from_wire(await unframed(reader)).rcode() == dns.rcode.NOERROR


async def test_a_connection_that_asks_nothing_is_closed_also_when_it_sends_a_byte_now_and_then(serve):
    server = await serve(idle=0.6)
    async with tcp(server) as (silent, _), tcp(server) as (slow, writer), tcp(server) as (busy, asking):
        began = time.monotonic()

        async def drip():
            with contextlib.suppress(OSError, RuntimeError):  # uvloop's word for a connection that is closed
                for byte in framed(QUERY)[:-1]:
                    writer.write(bytes([byte]))
                    await asyncio.sleep(0.05)

        dripping = asyncio.ensure_future(drip())
        while time.monotonic() - began < 1.2:
            asking.write(framed(QUERY))
            await unframed(busy)
            await asyncio.sleep(0.05)
        assert await ended(silent, 1.0)
        assert await ended(slow, 1.0)
        await dripping


async def test_one_connection_too_many_is_closed_at_once(serve):
    server = await serve(connections=2)
    async with tcp(server) as (_, _), tcp(server) as (reader, writer):
        writer.write(framed(QUERY))
        await unframed(reader)
        async with tcp(server) as (third, _):
            assert await ended(third)
        writer.write(framed(QUERY))
        await unframed(reader)


async def test_a_client_that_reads_no_answers_is_asked_no_more(serve, until):
    world = World(*(instance(f"r{n}", node=f"n{n}", address=f"10.0.{n // 256}.{n % 256}") for n in range(2000)))
    server = await serve(world, idle=1.0)
    sock = socket.create_connection(server.address)
    sock.setblocking(False)
    sent = 0
    began = time.monotonic()
    try:
        while time.monotonic() - began < 0.5:  # each question asks for 32 KB
            with contextlib.suppress(BlockingIOError):
                sent += sock.send(framed(QUERY) * 100)
            await asyncio.sleep(0.005)
        asked = len(server.asked)
        assert asked * 32_000 < 20_000_000
        await asyncio.sleep(0.1)
        assert len(server.asked) == asked
        assert sent > 100 * len(framed(QUERY))
        await until(lambda: not len(server._streams), 5.0)
    finally:
        sock.close()


async def test_a_client_that_has_asked_all_may_close_its_half(serve):
    server = await serve()
    async with tcp(server) as (reader, writer):
        writer.write(framed(QUERY))
        writer.write_eof()
        assert (await unframed(reader))[:2] == QUERY[:2]
        assert await ended(reader)


# Passing on


@contextlib.asynccontextmanager
async def upstream(answer):
    """A DNS server of others: `answer(packet)` gives what it sends back, None for nothing."""

    class Upstream(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, addr):
            for one in answer(data) or ():
                self.transport.sendto(one, addr)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Upstream, local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[:2]
    finally:
        transport.close()
        await asyncio.sleep(0)


def said(packet, address="192.0.2.7"):
    query = dns.message.from_wire(packet)
    response = dns.message.make_response(query, recursion_available=True)
    response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", address))
    return response.to_wire()


async def test_names_of_others_are_asked_elsewhere_with_another_id(serve):
    seen = []

    def answer(packet):
        seen.append(packet)
        return [said(packet)]

    async with upstream(answer) as address:
        server = await serve(forward=address)
        for _ in range(3):
            message = dns.message.from_wire(await by_udp(server, FOREIGN))
            assert (message.id, str(message.answer[0][0])) == (78, "192.0.2.7")
        async with tcp(server) as (reader, writer):
            writer.write(framed(FOREIGN) + framed(QUERY))
            writer.write_eof()
            ids = {int.from_bytes((await unframed(reader))[:2], "big") for _ in range(2)}
            assert ids == {77, 78}
            assert await ended(reader)
        assert len({packet[:2] for packet in seen}) > 1
        assert {packet[2:] for packet in seen} == {FOREIGN[2:]}


async def test_an_answer_to_another_question_or_id_is_not_taken(serve):
    def answer(packet):
        other = dns.message.make_query("evil.example.", "A").to_wire()
        wrong = bytes([packet[0] ^ 1, packet[1]])
        yield said(packet[:2] + other[2:], "192.0.2.66")
        yield wrong + said(packet, "192.0.2.66")[2:]
        yield packet
        yield packet[:2]
        yield said(packet)[:20]
        yield said(packet)

    async with upstream(answer) as address:
        server = await serve(forward=address)
        message = dns.message.from_wire(await by_udp(server, FOREIGN))
        assert str(message.answer[0][0]) == "192.0.2.7"


async def test_a_refusal_without_its_question_is_taken(serve):
    async with upstream(lambda packet: [packet[:2] + b"\x81\x05" + b"\0" * 8]) as address:
        server = await serve(forward=address)
        assert dns.message.from_wire(await by_udp(server, FOREIGN)).rcode() == dns.rcode.REFUSED


async def test_a_server_that_does_not_answer_is_a_servfail_in_time(serve):
    async with upstream(lambda _: None) as address:
        server = await serve(forward=address, patience=0.2)
        began = time.monotonic()
        message = dns.message.from_wire(await by_udp(server, FOREIGN))
        assert (message.rcode(), message.id) == (dns.rcode.SERVFAIL, 78)
        assert str(message.question[0].name) == "Example.com."
        assert 0.15 < time.monotonic() - began < 2.0


async def test_a_server_that_is_not_there_is_a_servfail_too(serve):
    server = await serve(forward=("127.0.0.1", 9), patience=0.2)
    for _ in range(3):
        assert dns.message.from_wire(await by_udp(server, FOREIGN)).rcode() == dns.rcode.SERVFAIL


async def test_too_many_questions_that_wait_are_refused_at_once(serve):
    async with upstream(lambda _: None) as address:
        server = await serve(forward=address, pending=3)
        async with udp(remote_addr=server.address) as (transport, client):
            for _ in range(5):  # equal ones are asked once, and all of them wait
                transport.sendto(FOREIGN)
            async with asyncio.timeout(1.0):
                answers = [(await client.got.get())[0] for _ in range(2)]
            assert {dns.message.from_wire(answer).rcode() for answer in answers} == {dns.rcode.SERVFAIL}
            assert client.got.empty()


async def test_a_verdict_to_drop_answers_nothing_by_udp(serve):
    server = await serve()
    await server.close()
    await server.start(lambda packet, *_: Verdict.DROP if packet == QUERY else packet, server.lost.append)
    async with udp(remote_addr=server.address) as (transport, client):
        transport.sendto(QUERY)
        transport.sendto(FOREIGN)
        async with asyncio.timeout(5):
            assert (await client.got.get())[0] == FOREIGN


async def test_a_socket_that_is_lost_is_told(serve, until):
    server = await serve()
    server._datagrams._transport.abort()
    await until(lambda: server.lost)
    await server.close()
    await server.start(lambda packet, *_: packet, server.lost.append)
    assert await by_udp(server, QUERY) == QUERY
