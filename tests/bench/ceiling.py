"""The lean ceiling: HTTP over a minimal NATS protocol to bare actors, with no feature of a mesh at all.

`python -m tests.bench.ceiling ROLE --nats PORT` is one process: ROLE is `gateway`, `echo`, `productpage`, `details`,
`reviews` or `ratings`. It is what plait is measured against, so it cuts every corner: no authentication, deadlines,
reconnection, write limits or errors; whatever breaks, breaks the run. Nothing here is used by the mesh.
"""

import argparse
import asyncio
import os
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any, cast

import httptools
import msgspec
import uvloop

Deliver = Callable[[bytes, bytes, bytes], None]
"""Takes a message: its subject, its reply subject and its payload."""

Handler = Callable[[], Coroutine[Any, Any, object]]
"""Makes one answer, which becomes JSON."""

CONNECT = b'CONNECT {"verbose":false,"pedantic":false,"lang":"python","version":"0","protocol":1,"headers":true}\r\n'
MSG, INFO, PING = ord("M"), ord("I"), b"PI"


class Call(msgspec.Struct, array_like=True):
    """What the gateway and services ask."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes


class Reply(msgspec.Struct, array_like=True):
    """What a service answers."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


encode = msgspec.msgpack.Encoder().encode
decode_call = msgspec.msgpack.Decoder(Call).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode
to_json = msgspec.json.Encoder().encode
from_json = msgspec.json.Decoder().decode


class Wire(asyncio.Protocol):
    """A NATS connection: parses in place, calls back directly, joins the writes of one turn of the loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.greeted = self.loop.create_future()
        self._rest = b""
        self._out: list[bytes] = []
        self._deliver: dict[bytes, Deliver] = {}
        self._waiting: dict[bytes, asyncio.Future[bytes]] = {}
        self._tokens = count()
        self._inbox = b"_BENCH." + os.urandom(6).hex().encode() + b"."
        self._cut = len(self._inbox)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)  # uvloop's is registered nowhere

    def data_received(self, data: bytes) -> None:
        buffer = self._rest + data if self._rest else data
        at, size, find = 0, len(buffer), buffer.find
        while at < size:
            end = find(b"\r\n", at)
            if end < 0:
                break
            if buffer[at] == MSG:
                words = buffer[at + 4 : end].split(b" ")
                stop = end + 2 + int(words[-1])
                if stop + 2 > size:
                    break
                reply = words[2] if len(words) == 4 else b""
                self._deliver[words[1]](words[0], reply, buffer[end + 2 : stop])
                at = stop + 2
                continue
            if buffer[at : at + 2] == PING:
                self.write(b"PONG\r\n")
            elif buffer[at] == INFO and not self.greeted.done():  # a second CONNECT would end all deliveries
                self.transport.write(CONNECT)
                self.greeted.set_result(None)
            at = end + 2
        self._rest = buffer[at:]

    def write(self, data: bytes) -> None:
        if not self._out:
            self.loop.call_soon(self._flush)
        self._out.append(data)

    def _flush(self) -> None:
        out, self._out = self._out, []
        self.transport.writelines(out)

    def subscribe(self, subject: bytes, deliver: Deliver) -> None:
        number = b"%d" % (len(self._deliver) + 1)
        self._deliver[number] = deliver
        self.write(b"SUB %b %b\r\n" % (subject, number))

    def publish(self, subject: bytes, payload: bytes, reply: bytes = b"") -> None:
        self.write(b"PUB %b %b %d\r\n%b\r\n" % (subject, reply, len(payload), payload))

    def request(self, subject: bytes, payload: bytes) -> asyncio.Future[bytes]:
        token = b"%d" % next(self._tokens)
        answer: asyncio.Future[bytes] = self.loop.create_future()
        self._waiting[token] = answer
        self.publish(subject, payload, self._inbox + token)
        return answer

    def _answered(self, subject: bytes, _reply: bytes, payload: bytes) -> None:
        answer = self._waiting.pop(subject[self._cut :], None)
        if answer is not None and not answer.done():
            answer.set_result(payload)

    @classmethod
    async def connect(cls, port: int) -> "Wire":
        _, wire = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        await wire.greeted
        wire.subscribe(wire._inbox + b"*", wire._answered)
        return wire


class Edge(asyncio.Protocol):
    """One HTTP/1.1 connection of a client that does not pipeline."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is registered nowhere
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url = url
        self._headers: list[tuple[str, str]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower().decode(), value.decode()))

    def on_message_complete(self) -> None:
        path = self._url.decode()
        subject = b"bench.productpage" if path.startswith("/productpage") else b"bench.echo"
        call = Call(self._parser.get_method().decode(), path, self._headers, b"")
        self._wire.request(subject, encode(call)).add_done_callback(self._answer)

    def _answer(self, answer: asyncio.Future[bytes]) -> None:
        reply = decode_reply(answer.result())
        if not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 %d OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n%b"
                % (reply.status, len(reply.body), reply.body)
            )


class Bookinfo:
    """The answers of every service; the page takes the same four inner calls as plait's Bookinfo."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def _fetch(self, service: bytes, path: str) -> Any:
        call = Call("GET", path, [("x-request-id", "abcdef")], b"")
        return from_json(decode_reply(await self._wire.request(b"bench." + service, encode(call))).body)

    async def echo(self) -> object:
        return "hello"

    async def ratings(self) -> object:
        return {"id": 0, "ratings": {"Reviewer1": 5, "Reviewer2": 4}}

    async def details(self) -> object:
        return {
            "id": 0,
            "author": "William Shakespeare",
            "year": 1595,
            "type": "paperback",
            "pages": 200,
            "publisher": "PublisherA",
            "language": "English",
            "ISBN-10": "1234567890",
            "ISBN-13": "123-1234567890",
        }

    async def reviews(self) -> object:
        stars = (await self._fetch(b"ratings", "/ratings/0"))["ratings"]
        texts = {"Reviewer1": "Twins, a town and no end of mix-ups.", "Reviewer2": "Quick, noisy and full of jokes."}
        found = [{"reviewer": who, "text": text, "rating": {"stars": stars[who]}} for who, text in texts.items()]
        return {"id": 0, "podname": "reviews-v2", "reviews": found}

    async def productpage(self) -> object:
        details = asyncio.ensure_future(self._fetch(b"details", "/details/0"))
        reviews = await self._fetch(b"reviews", "/reviews/0")
        return {"title": "The Comedy of Errors", "details": await details, "reviews": reviews}


def serve(wire: Wire, name: str, handler: Handler, leaf: bool) -> None:
    """Answer calls; a leaf never waits, so it is stepped once in place and costs no task."""
    tasks: set[asyncio.Task[None]] = set()

    async def answer(reply: bytes, payload: bytes) -> None:
        decode_call(payload)
        body = to_json(await handler())
        wire.publish(reply, encode(Reply(200, [("content-type", "application/json")], body)))

    def step(_subject: bytes, reply: bytes, payload: bytes) -> None:
        try:
            answer(reply, payload).send(None)
        except StopIteration:
            return
        raise RuntimeError(f"{name} waited, but a leaf must not")

    def start(_subject: bytes, reply: bytes, payload: bytes) -> None:
        task = asyncio.ensure_future(answer(reply, payload))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    wire.subscribe(b"bench." + name.encode(), step if leaf else start)


async def run(role: str, port: int) -> None:
    """Be one process of the ceiling until a signal ends it; says `http   URL` (the gateway) and `ready`."""
    wire = await Wire.connect(port)
    if role == "gateway":
        server = await asyncio.get_running_loop().create_server(lambda: Edge(wire), "127.0.0.1", 0)
        print(f"http   http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    else:
        serve(wire, role, getattr(Bookinfo(wire), role), leaf=role in {"echo", "details", "ratings"})
    print("ready", flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One process of the lean ceiling.")
    parser.add_argument("role", choices=("gateway", "echo", "productpage", "details", "reviews", "ratings"))
    parser.add_argument("--nats", type=int, required=True, metavar="PORT")
    given = parser.parse_args()
    uvloop.run(run(given.role, given.nats))
