"""A listener binds where it is told, says what is wrong, and stops without losing answers."""

import asyncio
import contextlib

import pytest

from plait.actors.messages.error import StartFailed
from plait.gateway.limit import Limits
from plait.gateway.listener import Listener

pytestmark = pytest.mark.anyio

GET = b"GET /a HTTP/1.1\r\nHost: t\r\n\r\n"


@pytest.fixture
async def serve():
    """Starts a listener on a free port: `await serve(app)`."""
    listeners = []

    async def start(app, **options):
        listener = Listener(app, "127.0.0.1", 0, **options)
        await listener.start()
        listeners.append(listener)
        return listener

    yield start
    for listener in listeners:
        await listener.drain(0)


async def test_a_port_in_use_is_named_with_what_to_do(serve, echo):
    listener = await serve(echo)
    host, port = listener.address
    second = Listener(echo, host, port)
    with pytest.raises(StartFailed, match=f"127.0.0.1:{port}: the address is in use; .*another port"):
        await second.start()
    with pytest.raises(StartFailed, match="not started"):
        _ = second.address
    await second.drain(1)


async def test_a_foreign_address_is_named_with_what_to_do(echo):
    with pytest.raises(StartFailed, match="no such address"):
        await Listener(echo, "192.0.2.1", 0).start()
    with pytest.raises(StartFailed, match="another host and port"):
        await Listener(echo, "127.0.0.1", 70000).start()


async def test_a_client_that_leaves_is_noticed_while_its_request_waits(serve, until):
    left, exchanges = [], []

    def app(request, exchange):
        exchanges.append(exchange)
        exchange.on_disconnect = lambda: left.append(request.path)

    listener = await serve(app)
    _, writer = await asyncio.open_connection(*listener.address)
    writer.write(GET)
    await until(lambda: exchanges)
    writer.close()
    await writer.wait_closed()
    await until(lambda: left)
    await until(lambda: not listener.connections)
    assert left == ["/a"]


async def test_draining_waits_for_open_exchanges_and_takes_no_new_connection(serve, until):
    exchanges = []
    listener = await serve(lambda _, exchange: exchanges.append(exchange))
    address = listener.address
    reader, writer = await asyncio.open_connection(*address)
    idle_reader, idle_writer = await asyncio.open_connection(*address)
    writer.write(GET)
    await until(lambda: exchanges and listener.connections == 2)
    drained = asyncio.create_task(listener.drain(5))
    assert await asyncio.wait_for(idle_reader.read(), 5) == b""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)
    assert not drained.done()
    exchanges[0].reply(200, [], b"done")
    answer = await asyncio.wait_for(reader.read(), 5)
    await asyncio.wait_for(drained, 5)
    assert b"connection: close" in answer
    assert answer.endswith(b"\r\n\r\ndone")
    assert listener.connections == 0
    for each in (writer, idle_writer):
        each.close()
        await each.wait_closed()


async def test_draining_ends_in_its_time_though_an_exchange_stays_open(serve, until):
    exchanges = []
    listener = await serve(lambda _, exchange: exchanges.append(exchange))
    reader, writer = await asyncio.open_connection(*listener.address)
    writer.write(GET)
    await until(lambda: exchanges)
    await asyncio.wait_for(listener.drain(0.01), 5)
    assert exchanges[0].closed
    with contextlib.suppress(ConnectionResetError):  # as the loop's kind has it
        assert await asyncio.wait_for(reader.read(), 5) == b""
    assert not listener.connections
    writer.close()
    with contextlib.suppress(ConnectionResetError):
        await writer.wait_closed()


async def test_a_refusal_arrives_although_the_client_is_still_sending(serve, echo):
    listener = await serve(echo)
    reader, writer = await asyncio.open_connection(*listener.address)
    writer.write(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9000000\r\n\r\n" + b"a" * 3_000_000)
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(b"HTTP/1.1 413 ")
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_does_not_read_holds_up_the_stream(serve, until):
    exchanges = []
    listener = await serve(lambda _, exchange: exchanges.append(exchange))
    reader, writer = await asyncio.open_connection(*listener.address, limit=1024)
    writer.write(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    await until(lambda: exchanges)
    exchange, drained = exchanges[0], []
    exchange.on_drained = lambda: drained.append(True)
    exchange.start(200, [])
    while exchange.writable:
        exchange.send(b"a" * 1_000_000)
        await asyncio.sleep(0)
    assert not drained
    reading = asyncio.create_task(reader.read())
    await until(lambda: drained)
    exchange.end()
    await asyncio.wait_for(reading, 10)
    writer.close()
    await writer.wait_closed()


async def test_the_sweep_runs_by_itself(serve, echo):
    listener = await serve(echo, limits=Limits(idle_timeout=0.0, sweep=0.01))
    reader, writer = await asyncio.open_connection(*listener.address)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    await writer.wait_closed()
