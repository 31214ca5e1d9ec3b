"""What the buses over TCP do with real servers: log in, respect limits, notice silence, survive slowness and stalls."""

import asyncio
import contextlib
import random
import socket
import time

import pytest

from plait.actors.bus import lean, natspy
from plait.actors.bus.bus import BusState
from plait.actors.messages.error import BusUnavailable, Overloaded, TooLarge

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["lean-asyncio", "lean-uvloop", "natspy"])
def kind(request):
    return request.param


@pytest.fixture
def anyio_backend(kind):
    return ("asyncio", {"use_uvloop": kind == "lean-uvloop"})


@pytest.fixture
async def connect(kind):
    """Connects to a URL, and closes in the end."""
    buses = []

    async def made(url, **options):
        module = natspy if kind == "natspy" else lean
        buses.append(await module.connect(url, "test", rng=random.Random(1), **options))
        return buses[-1]

    yield made
    for bus in buses:
        await bus.close()


USERS = 'authorization { users: [ { user: "ann", password: "p@ss:word" } ] }'
TOKEN = 'authorization { token: "s3cret" }'


@pytest.mark.parametrize(("extra", "credentials"), [(USERS, "ann:p%40ss%3Aword"), (TOKEN, "s3cret")])
async def test_the_credentials_of_the_url_open_the_door_again_and_again(connect, start_nats, until, extra, credentials):
    server = start_nats(extra)
    bus = await connect(server.url_for(credentials))
    await bus.flush()
    first = bus.identity
    server.restart()
    await until(lambda: bus.identity != first and bus.state is BusState.CONNECTED)
    await bus.flush()


@pytest.mark.parametrize("credentials", ["ann:wr0ng", "bob:p%40ss%3Aword", "t0ken", ""])
async def test_wrong_credentials_fail_at_once_and_stay_out_of_the_error(connect, start_nats, credentials):
    server = start_nats(USERS)
    started = time.monotonic()
    with pytest.raises(BusUnavailable, match=r"127.0.0.1.*Authorization Violation") as error:
        await connect(server.url_for(credentials) if credentials else server.url, connect_timeout=5.0)
    assert time.monotonic() - started < 3
    assert "wr0ng" not in str(error.value)
    assert "t0ken" not in str(error.value)


async def test_no_server_is_an_error_that_names_the_place(connect, start_nats):
    server = start_nats()
    server.stop()
    started = time.monotonic()
    with pytest.raises(BusUnavailable, match=f"no NATS at {server.url}: .*efused"):
        await connect(server.url)
    assert time.monotonic() - started < 3


async def test_a_server_that_says_nothing_is_given_up_in_time(connect):
    async def listen(reader, writer):
        await reader.read()
        writer.close()

    mute = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with mute:
        port = mute.sockets[0].getsockname()[1]
        with pytest.raises(BusUnavailable, match=f"no NATS at nats://127.0.0.1:{port}: "):
            await connect(f"nats://127.0.0.1:{port}", connect_timeout=0.2)


async def test_the_server_says_how_large_a_message_may_be(connect, start_nats):
    bus = await connect(start_nats("max_payload: 1KB").url)
    assert bus.max_payload == 1024
    bus.publish(b"x", b"x" * 1024)
    with pytest.raises(TooLarge):
        bus.publish(b"x", b"x" * 1025)
    await bus.flush()


async def test_a_refused_subject_is_counted_and_the_connection_lives(connect, start_nats, until):
    server = start_nats(
        "authorization { users: [ { user: u, password: p, permissions: "
        '{ publish: { deny: "secret.>" }, subscribe: { deny: "secret.>" } } } ] }'
    )
    bus = await connect(server.url_for("u:p"))
    got = []
    bus.subscribe(b"secret.x", lambda *_: None)
    bus.subscribe(b"open.x", lambda *message: got.append(message))
    bus.publish(b"secret.x", b"")
    bus.publish(b"open.x", b"")
    await until(lambda: bus.refusals == 2 and got)
    assert bus.state is BusState.CONNECTED


async def test_a_frozen_server_is_noticed_and_its_return_too(connect, start_nats, until):
    server = start_nats()
    bus = await connect(server.url, ping_interval=0.2)
    server.pause()
    await until(lambda: bus.state is BusState.RECONNECTING, limit=3)
    server.resume()
    await until(lambda: bus.state is BusState.CONNECTED, limit=6)
    await bus.flush()


async def test_a_server_that_comes_back_after_a_while_is_found(connect, start_nats, until):
    server = start_nats()
    bus = await connect(server.url)
    got = []
    bus.subscribe(b"x", lambda *message: got.append(message))
    server.stop()
    await until(lambda: bus.state is BusState.RECONNECTING)
    server.start()
    await until(lambda: bus.state is BusState.CONNECTED)
    bus.publish(b"x", b"")
    await until(lambda: got)
    assert len(got) == 1


async def test_what_a_server_does_not_read_is_refused_and_nothing_accepted_is_lost(connect, start_nats, until):
    server = start_nats()
    bus = await connect(server.url, queue_limit=256 * 1024, ping_interval=5)
    got = []
    taker = await connect(server.url, ping_interval=5)
    taker.subscribe(b"x", lambda subject, reply, payload, headers: got.append(payload))
    await taker.flush()
    server.pause()
    sent = 0
    try:
        with contextlib.suppress(Overloaded):
            while True:
                bus.publish(b"x", b"%d" % sent + b" " * 10_000)
                sent += 1
                assert sent < 10_000, "somebody must have kept 100 MB"
                if sent % 10 == 0:
                    await asyncio.sleep(0)
    finally:
        server.resume()
    assert bus.state is BusState.CONNECTED
    await until(lambda: len(got) == sent)
    assert [int(payload) for payload in got] == list(range(sent))
    bus.publish(b"x", b"again")
    await until(lambda: got[-1] == b"again")


async def test_what_had_not_left_when_the_server_died_is_not_sent_to_the_next(connect, start_nats, until):
    server = start_nats()
    bus = await connect(server.url, ping_interval=5)
    got = []
    bus.subscribe(b"x", lambda subject, reply, payload, headers: got.append(payload[:5]))
    await bus.flush()
    first = bus.identity
    server.pause()
    for _ in range(200):
        bus.publish(b"x", b"stale" + b" " * 40_000)
        await asyncio.sleep(0)
    server.restart()
    await until(lambda: bus.identity != first and bus.state is BusState.CONNECTED)
    bus.publish(b"x", b"fresh")
    await until(lambda: got)
    assert got == [b"fresh"]


async def test_what_waited_while_the_loop_stood_still_is_seen_as_stalled(connect, nats_server, until):
    bus = await connect(nats_server.url)
    seen = []
    bus.subscribe(b"stall.x", lambda subject, reply, payload, headers: seen.append((payload, bus.stalled)))
    bus.publish(b"stall.x", b"fresh")
    await until(lambda: seen)
    # The gap itself: the loop stands still while somebody else's messages arrive.
    with socket.create_connection(("127.0.0.1", nats_server.port), timeout=3) as other:
        other.sendall(b"CONNECT {}\r\n" + b"PUB stall.x 6\r\nwaited\r\n" * 100 + b"PING\r\n")
        heard = b""
        while b"PONG" not in heard:
            heard += other.recv(65536)
    time.sleep(0.15)  # noqa: ASYNC251
    await until(lambda: len(seen) == 101)
    await until(lambda: not bus.stalled)
    bus.publish(b"stall.x", b"fresh again")
    await until(lambda: len(seen) == 102)
    assert seen == [(b"fresh", False)] + [(b"waited", True)] * 100 + [(b"fresh again", False)]


async def test_a_working_loop_is_never_stalled(connect, nats_server):
    bus = await connect(nats_server.url)
    seen = []
    bus.subscribe(b"busy.x", lambda *_: seen.append(bus.stalled))
    for _ in range(200):
        bus.publish(b"busy.x", b"")
        await bus.flush()
    assert len(seen) == 200
    assert not any(seen)


@pytest.mark.parametrize("kind", ["natspy"], indirect=True)
async def test_jetstream_is_at_hand_beside_the_bus(connect, nats_server):
    bus = await connect(nats_server.url)
    bucket = await bus.client.jetstream().create_key_value(bucket="beside", storage="memory")
    assert (await bucket.get("k", revision=await bucket.put("k", b"v"))).value == b"v"


@pytest.mark.parametrize("kind", ["natspy"], indirect=True)
async def test_what_waited_behind_a_blocking_callback_in_a_clients_queue_is_seen_as_stalled(
    connect, nats_server, until
):
    bus = await connect(nats_server.url)
    seen = []
    bus.subscribe(b"block.a", lambda *_: time.sleep(0.15))
    bus.subscribe(b"block.b", lambda *_: seen.append(bus.stalled))
    bus.publish(b"block.a", b"")
    bus.publish(b"block.b", b"")
    await until(lambda: seen)
    assert seen == [True]
    await until(lambda: not bus.stalled)
