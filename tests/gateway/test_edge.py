"""What the edge must refuse and what it must serve, byte for byte, over real sockets (RFC 9110, RFC 9112)."""

import asyncio
import re

import pytest

from plait.gateway.listener import Listener

pytestmark = pytest.mark.anyio

HOST = b"Host: t\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"


def post(*lines: bytes, body: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\n" + HOST + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def get(*lines: bytes, target: bytes = b"/", version: bytes = b"HTTP/1.1", host: bytes = HOST) -> bytes:
    return b"GET " + target + b" " + version + b"\r\n" + host + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def chunks(body: bytes) -> bytes:
    return post(CHUNKED, body=body + SMUGGLED)


REFUSED = {
    # two stories about where the body ends
    "length and chunks": post(b"Content-Length: 6", CHUNKED, body=b"0\r\n\r\nG"),
    "chunks and length": post(CHUNKED, b"Content-Length: 4", body=b"0\r\n\r\n"),
    "two lengths": post(b"Content-Length: 5", b"Content-Length: 10", body=b"helloworld"),
    "the same length twice": post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
    "list of lengths": post(b"Content-Length: 5, 10", body=b"helloworld"),
    "length with plus": post(b"Content-Length: +5", body=b"hello"),
    "length with minus": post(b"Content-Length: -1"),
    "hexadecimal length": post(b"Content-Length: 0x5", body=b"hello"),
    "length with underscore": post(b"Content-Length: 1_0", body=b"helloworld"),
    "empty length": post(b"Content-Length: "),
    "length in words": post(b"Content-Length: abc"),
    "length beyond 64 bits": post(b"Content-Length: 18446744073709551621", body=b"hello"),
    "length of many digits": post(b"Content-Length: " + b"9" * 5000),
    "length in Arabic digits": post("Content-Length: \u0665".encode(), body=b"hello"),
    "length with a blank": post(b"Content-Length: 1 0", body=b"helloworld"),
    "blank before the colon": post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
    "identity coding": post(b"Transfer-Encoding: identity", b"Content-Length: 5", body=b"hello"),
    "unknown coding": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "chunked not last": post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"),
    "chunked twice": post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"),
    "chunked twice in a list": post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
    "quoted coding": post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"),
    "vertical tab before the coding": post(b"Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n"),
    "NUL behind the coding": post(b"Transfer-Encoding: chunked\0", body=b"0\r\n\r\n"),
    "folded coding": post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"),
    "coding in HTTP/1.0": b"POST / HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n\r\n0\r\n\r\n",
    # chunks
    "line feed in an extension": chunks(b"5;a\nX\r\nhello\r\n0\r\n\r\n"),
    "huge extension": chunks(b"5;" + b"a" * 200_000 + b"\r\nhello\r\n0\r\n\r\n"),
    "chunk size 0x5": chunks(b"0x5\r\nhello\r\n0\r\n\r\n"),
    "chunk size +5": chunks(b"+5\r\nhello\r\n0\r\n\r\n"),
    "chunk size -5": chunks(b"-5\r\nhello\r\n0\r\n\r\n"),
    "chunk size 0_5": chunks(b"0_5\r\nhello\r\n0\r\n\r\n"),
    "blank before a chunk size": chunks(b" 5\r\nhello\r\n0\r\n\r\n"),
    "blank behind a chunk size": chunks(b"5 \r\nhello\r\n0\r\n\r\n"),
    "chunk size beyond 64 bits": chunks(b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    "chunk size ended by a line feed": chunks(b"5\nhello\r\n0\r\n\r\n"),
    "chunk ended by a line feed": chunks(b"5\r\nhello\n0\r\n\r\n"),
    "chunk longer than its size": chunks(b"5\r\nhelloXX0\r\n\r\n"),
    "chunk size ended by a carriage return": chunks(b"5\rhello\r\n0\r\n\r\n"),
    "empty chunk size": chunks(b"\r\nhello\r\n0\r\n\r\n"),
    "broken trailer": chunks(b"0\r\nX Y: z\r\n\r\n"),
    "huge trailers": chunks(b"0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n"),
    # lines and fields
    "line feeds alone": b"GET / HTTP/1.1\nHost: t\n\n",
    "one line feed alone": b"GET / HTTP/1.1\r\nHost: t\nX: y\r\n\r\n",
    "carriage return in a value": get(b"X: a\rb"),
    "NUL in a value": get(b"X: a\0b"),
    "bell in a value": get(b"X: a\x07b"),
    "delete in a value": get(b"X: a\x7fb"),
    "folded field": get(b"X: a\r\n b"),
    "blank before the first field": b"GET / HTTP/1.1\r\n Host: t\r\n\r\n",
    "blank in a name": get(b"X Y: a"),
    "blank behind a name": get(b"X : a"),
    "tab behind a name": get(b"X\t: a"),
    "no colon": get(b"Xyz"),
    "empty name": get(b": a"),
    "name beyond ASCII": get("X\u00e9: a".encode()),
    "parenthesis in a name": get(b"X(a): b"),
    # the host
    "no host": get(host=b""),
    "two hosts": get(b"Host: b"),
    "blank in the host": get(host=b"Host: a b\r\n"),
    "user in the host": get(host=b"Host: u@h\r\n"),
    "path in the host": get(host=b"Host: h/x\r\n"),
    "list of hosts": get(host=b"Host: a,b\r\n"),
    "empty host": get(host=b"Host:\r\n"),
    "port of five nines": get(host=b"Host: h:99999\r\n"),
    "user in an absolute target": get(target=b"http://u@h/"),
    "another scheme": get(target=b"https://t/"),
    # the request line
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/1.2": get(version=b"HTTP/1.2"),
    "HTTP/2.0": get(version=b"HTTP/2.0"),
    "HTTP/1.1x": get(version=b"HTTP/1.1x"),
    "http/1.1": get(version=b"http/1.1"),
    "HTTP/01.1": get(version=b"HTTP/01.1"),
    "two blanks": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    "tabs for blanks": b"GET\t/\tHTTP/1.1\r\n" + HOST + b"\r\n",
    "blank behind the version": get(version=b"HTTP/1.1 "),
    "blank in the target": get(target=b"/a b"),
    "NUL in the target": get(target=b"/\0"),
    "target beyond ASCII": get(target=b"/\xc3\xa9"),
    "fragment": get(target=b"/#x"),
    "relative target": get(target=b"x"),
    "asterisk for GET": get(target=b"*"),
    "escaped NUL": get(target=b"/a%00b"),
    "escaped line end": get(target=b"/a%0d%0aX:y"),
    "broken escape": get(target=b"/a/%zz"),
    "control character in the method": b"G\x01T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "endless method": b"A" * 100_000 + b" / HTTP/1.1\r\n" + HOST + b"\r\n",
    "method with a dot": b"A.B / HTTP/1.1\r\n" + HOST + b"\r\n",
    "blank first": b" GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    "two empty lines first": b"\r\n\r\n" + get(),
    "CONNECT": b"CONNECT t:80 HTTP/1.1\r\nHost: t:80\r\n\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "upgrade": get(b"Connection: upgrade", b"Upgrade: websocket"),
    "unknown expectation": post(b"Content-Length: 5", b"Expect: x", body=b"hello"),
    # sizes
    "target of 64 KiB": get(target=b"/" + b"a" * 65536),
    "value of 128 KiB": get(b"X: " + b"a" * 131_072),
    "name of 64 KiB": get(b"X" * 65536 + b": y"),
    "2000 fields": get(*(b"X%d: y" % number for number in range(2000))),
    "body of 600 KiB": post(b"Content-Length: 614400", body=b"a" * 614_400),
    "chunks of 600 KiB": post(CHUNKED, body=b"10000\r\n" + b"a" * 65536 + b"\r\n" + b"90000\r\n" + b"a" * 65536),
}

SERVED = {
    "one request": (get(), 1),
    "two requests": (get() + get(target=b"/2"), 2),
    "a body and a request": (post(b"Content-Length: 5", body=b"hello") + get(), 2),
    "chunks and a request": (post(CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n") + get(), 2),
    "chunks with an extension": (post(CHUNKED, body=b"5;a=b\r\nhello\r\n0\r\n\r\n"), 1),
    "chunks with a trailer": (post(CHUNKED, body=b"0\r\nContent-Length: 50\r\n\r\n") + get(), 2),
    "Chunked": (post(b"Transfer-Encoding: Chunked", body=b"0\r\n\r\n"), 1),
    "tabs around a value": (get(b"X:\ta\tb\t"), 1),
    "value beyond ASCII": (get(b"X: \xff\xfe"), 1),
    "field with underscores": (post(b"Transfer_Encoding: chunked", b"Content-Length: 5", body=b"hello") + get(), 2),
    "zeros before a length": (post(b"Content-Length: 0005", body=b"hello") + get(), 2),
    "a length that Connection lists": (post(b"Connection: Content-Length", b"Content-Length: 5", body=b"hello"), 1),
    "GET with a body": (get(b"Content-Length: 5") + b"hello" + get(), 2),
    "a body that looks like a request": (post(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED), 1),
    "one empty line first": (b"\r\n" + get(), 1),
    "absolute target": (get(target=b"http://x/"), 1),
    "HTTP/1.0": (get(version=b"HTTP/1.0", host=b""), 1),
    "an end that the client asked for": (get(b"Connection: close") + get(), 1),
    "an offer of h2c": (get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: x") + get(), 2),
    "a method of its own": (b"BREW /pot HTTP/1.1\r\n" + HOST + b"\r\n", 1),
}


@pytest.fixture
async def listener(echo):
    listener = Listener(echo, "127.0.0.1", 0)
    await listener.start()
    yield listener
    await listener.drain(1)


async def talk(listener: Listener, data: bytes) -> list[int]:
    """Send bytes and close that side; the statuses of the answers."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(*listener.address)
        writer.write(data)
        writer.write_eof()
        answer = await reader.read(-1)
        writer.close()
        await writer.wait_closed()
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


@pytest.mark.parametrize("case", REFUSED)
async def test_the_edge_refuses(listener, case):
    statuses = await talk(listener, REFUSED[case])
    assert len(statuses) == 1
    assert 400 <= statuses[0] <= 505


@pytest.mark.parametrize("case", SERVED)
async def test_the_edge_serves(listener, case):
    data, answers = SERVED[case]
    assert await talk(listener, data) == [200] * answers
