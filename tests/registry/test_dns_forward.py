"""Questions that are passed on to the DNS servers of others."""

import asyncio
import contextlib
import socket
import time

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import pytest

from tests.registry.dns_sockets import FOREIGN, QUERY, by_udp, ended, framed, tcp, udp, unframed

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param}


@contextlib.asynccontextmanager
async def upstream(answer, port=0):
    """A DNS server of others: `answer(packet)` gives what it sends back, None for nothing."""

    class Upstream(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, addr):
            for one in answer(data) or ():
                self.transport.sendto(one, addr)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Upstream, local_addr=("127.0.0.1", port))
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


def cut(packet):
    response = dns.message.make_response(dns.message.from_wire(packet), recursion_available=True)
    response.flags |= dns.flags.TC
    return response.to_wire()


@contextlib.asynccontextmanager
async def both(by_tcp):
    """A DNS server of others whose answers are cut off by UDP; by TCP, `by_tcp` makes the bytes after the question."""

    async def connection(reader, writer):
        packet = await unframed(reader)
        asked.append(packet)
        writer.write(by_tcp(packet))
        await writer.drain()
        writer.close()

    asked = []
    server = await asyncio.start_server(connection, "127.0.0.1", 0)  # first: ports for TCP are the scarce ones
    port = server.sockets[0].getsockname()[1]
    async with upstream(lambda data: [cut(data)], port) as address:
        try:
            yield address, asked
        finally:
            server.close()
            await server.wait_closed()


async def test_an_answer_that_is_cut_off_by_udp_is_asked_for_by_tcp_for_who_asks_by_tcp(serve):
    async with both(lambda packet: framed(said(packet))) as (address, asked):
        server = await serve(forward=address)
        async with tcp(server) as (reader, writer):
            for _ in range(3):
                writer.write(framed(FOREIGN))
                answer = dns.message.from_wire(await unframed(reader))
                assert (answer.id, answer.answer[0][0].address) == (78, "192.0.2.7")
        assert asked == [FOREIGN] * 3
        short = dns.message.from_wire(await by_udp(server, FOREIGN))
        assert short.flags & dns.flags.TC, "by UDP it says that there is more by TCP"
        assert len(asked) == 3
        assert server.tally()["forward_whole"] == 3
        assert server.tally()["tcp_opened"] == 1


@pytest.mark.parametrize(
    "by_tcp",
    [
        lambda packet: b"",
        lambda packet: b"\xff\xff" + packet,
        lambda packet: framed(b""),
        lambda packet: framed(said(QUERY)),
        lambda packet: framed(b"\0\0" + said(packet)[2:]),
    ],
    ids=["nothing", "half", "empty", "another question", "another id"],
)
async def test_what_is_no_answer_by_tcp_is_a_servfail(serve, by_tcp):
    async with both(by_tcp) as (address, _):
        server = await serve(forward=address)
        async with tcp(server) as (reader, writer):
            writer.write(framed(FOREIGN))
            answer = dns.message.from_wire(await unframed(reader))
    assert (answer.id, answer.rcode()) == (78, dns.rcode.SERVFAIL)


async def test_a_server_that_takes_no_connection_or_is_silent_is_a_servfail_in_time(serve):
    listener = socket.create_server(("127.0.0.1", 0))
    async with upstream(lambda data: [cut(data)], listener.getsockname()[1]) as address:
        server = await serve(forward=address, patience=0.2)
        for _ in range(2):
            async with tcp(server) as (reader, writer):
                writer.write(framed(FOREIGN))
                assert dns.message.from_wire(await unframed(reader)).rcode() == dns.rcode.SERVFAIL
            listener.close()
    assert server.tally()["forward_late"] == 1
