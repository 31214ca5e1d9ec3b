"""Clients of DNS by UDP and TCP, for tests of its sockets."""

import asyncio
import contextlib

import dns.message

QUERY = dns.message.make_query("reviews.service.plait.", "A", id=77).to_wire()
FOREIGN = dns.message.make_query("Example.com.", "A", id=78, use_edns=0).to_wire()


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
