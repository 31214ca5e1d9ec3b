"""The sockets of DNS: one port for both, questions over connections, limits."""

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
from plait.registry.dns_door import Verdict
from tests.registry.dns_sockets import FOREIGN, QUERY, by_udp, ended, framed, tcp, udp, unframed
from tests.registry.dns_world import World, instance

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param}


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
    server = await serve(world, idle=2.0)
    sock = socket.create_connection(server.address)
    sock.setblocking(False)
    sent, asked = 0, -1
    try:
        async with asyncio.timeout(30):
            while asked != len(server.asked):  # until it is asked no more for a whole round, however slow it is
                asked = len(server.asked)
                for _ in range(100):  # each question asks for 32 KB
                    with contextlib.suppress(BlockingIOError):
                        sent += sock.send(framed(QUERY) * 100)
                    await asyncio.sleep(0.005)
        assert 0 < asked < 20_000_000 / 32_000
        assert sent > 100 * len(framed(QUERY))
        await until(lambda: not len(server._streams), 10.0)
    finally:
        sock.close()


async def test_a_client_that_has_asked_all_may_close_its_half(serve):
    server = await serve()
    async with tcp(server) as (reader, writer):
        writer.write(framed(QUERY))
        writer.write_eof()
        assert (await unframed(reader))[:2] == QUERY[:2]
        assert await ended(reader)


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
