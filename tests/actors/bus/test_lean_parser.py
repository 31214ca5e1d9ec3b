"""The parser reads the same from every cut of the bytes, and meets any bytes with `Undecodable` at worst."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors.bus.lean_parser import Parser, answers
from plait.actors.messages.error import NoResponders, Undecodable

STREAM = (
    b'INFO {"server_id":"S"}\r\n'
    b"PING\r\n"
    b"MSG a.b 1 5\r\nhello\r\n"
    b"MSG a.b 1 back 2\r\n\r\n\r\n"  # a payload that looks like an end of line
    b"+OK\r\n"
    b"HMSG a.c 1 back 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n"
    b"HMSG r.1 2 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"
    b"MSG r.2 2 0\r\n\r\n"
    b"MSG r.9 2 4\r\nlate\r\n"
    b"MSG gone 7 1\r\nx\r\n"
    b"-ERR 'Permissions Violation'\r\n"
    b"PONG\r\n"
)


class Record:
    """Keeps all that the parser says, in order."""

    def __init__(self) -> None:
        self.said: list[tuple[object, ...]] = []
        waiting = {b"r.1": self.done, b"r.2": self.done}
        self.waiting = waiting
        self.parser = Parser({b"1": self.deliver, b"2": answers}, waiting, self)

    def deliver(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        self.said.append((subject, reply, payload, headers))

    def done(self, answer: object) -> None:
        self.said.append(("answer", type(answer) if isinstance(answer, Exception) else answer))

    def info(self, text: bytes) -> None:
        self.said.append(("info", text))

    def ping(self) -> None:
        self.said.append(("ping",))

    def pong(self) -> None:
        self.said.append(("pong",))

    def error(self, text: str) -> None:
        self.said.append(("error", text))


EXPECTED = [
    ("info", b'{"server_id":"S"}'),
    ("ping",),
    (b"a.b", b"", b"hello", b""),
    (b"a.b", b"back", b"\r\n", b""),
    (b"a.c", b"back", b"hi", b"NATS/1.0\r\nA: b\r\n\r\n"),
    ("answer", NoResponders),
    ("answer", b""),
    ("error", "Permissions Violation"),
    ("pong",),
]


def read(*chunks: bytes) -> list[tuple[object, ...]]:
    record = Record()
    for chunk in chunks:
        record.parser.feed(chunk)
    return record.said


def test_a_whole_stream_in_one_chunk_is_read() -> None:
    assert read(STREAM) == EXPECTED


@pytest.mark.parametrize("cut", range(1, len(STREAM)))
def test_a_stream_cut_at_any_byte_says_the_same(cut: int) -> None:
    assert read(STREAM[:cut], STREAM[cut:]) == EXPECTED


def test_a_stream_that_comes_byte_by_byte_says_the_same() -> None:
    assert read(*(STREAM[i : i + 1] for i in range(len(STREAM)))) == EXPECTED


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_a_stream_in_any_chunks_says_the_same(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    assert read(*(STREAM[a:b] for a, b in itertools.pairwise(edges))) == EXPECTED


def test_an_answer_is_given_once_and_a_late_one_to_nobody() -> None:
    record = Record()
    record.parser.feed(b"MSG r.2 2 1\r\na\r\nMSG r.2 2 1\r\nb\r\n")
    assert record.said == [("answer", b"a")]
    assert list(record.waiting) == [b"r.1"]


def test_an_answer_does_not_reach_who_waits_when_it_comes_by_another_subscription() -> None:
    record = Record()
    record.parser.feed(b"MSG r.2 1 1\r\na\r\n")
    assert record.said == [(b"r.2", b"", b"a", b"")]
    assert b"r.2" in record.waiting


def test_a_large_payload_in_many_chunks_arrives_whole() -> None:
    payload = bytes(range(256)) * 4096
    message = b"MSG a.b 1 %d\r\n%b\r\nPING\r\n" % (len(payload), payload)
    said = read(*(message[i : i + 1000] for i in range(0, len(message), 1000)))
    assert said == [(b"a.b", b"", payload, b""), ("ping",)]


def test_a_raising_callback_leaves_the_other_messages_of_its_chunk_alone(caplog: pytest.LogCaptureFixture) -> None:
    record = Record()

    def raises(*_: bytes) -> None:
        raise ZeroDivisionError

    record.parser = Parser({b"1": raises, b"2": record.deliver}, {}, record)
    record.parser.feed(b"MSG x 1 1\r\na\r\nMSG y 2 1\r\nb\r\n")
    assert record.said == [(b"y", b"", b"b", b"")]
    assert "raised" in caplog.text


@pytest.mark.parametrize(
    "bad",
    [
        b"HELLO\r\n",
        b"\r\n",
        b"MSG\r\n",
        b"MSG a 1\r\n",
        b"MSG a 1 x\r\n",
        b"MSG a 1 -5\r\n\r\n",
        b"MSG a 1 1 1 1\r\n",
        b"MSG a 1 99999999999\r\n",
        b"MSG a 1 " + b"9" * 5000 + b"\r\n",
        b"MSG a 1 1\r\nxyz\r\n",
        b"HMSG a 1 5 3\r\nabc\r\n",
        b"HMSG a 1 -1 3\r\nabc\r\n",
        b"HMSG a 1 3\r\nabc\r\n",
        b"x" * 70_000,
    ],
)
def test_nonsense_is_undecodable(bad: bytes) -> None:
    with pytest.raises(Undecodable):
        read(bad)


WORDS = st.sampled_from(
    [b"MSG ", b"HMSG ", b"a.b ", b"1 ", b"2 ", b"5", b"-1", b"0", b"\r\n", b"PING", b"INFO {", b"-ERR ", b" ", b"\xff"]
)


@given(st.lists(st.one_of(st.binary(max_size=40), WORDS), max_size=20))
def test_any_bytes_are_read_or_undecodable(chunks: list[bytes]) -> None:
    record = Record()
    try:
        for chunk in chunks:
            record.parser.feed(chunk)
    except Undecodable:
        pass
