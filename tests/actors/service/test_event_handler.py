"""Handlers of events: what they are given, what is no handler, and what becomes of an event that cannot be read."""

import asyncio
import logging

import msgspec
import pytest

from plait.actors import Request, Service, on
from plait.actors.service.poison import BODY, RATE
from plait.tracing.record import Kind
from tests.nodes import SUBJECTS
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Created(msgspec.Struct):
    number: int


class Takes(Service, name="takes"):
    """Keeps what it was given."""

    async def pre_start(self):
        self.given = []

    @on("as.struct")
    async def struct(self, event: Created):
        self.given.append(event)

    @on("as.dict")
    async def mapping(self, event: dict[str, int]):
        self.given.append(event)

    @on("as.bytes")
    async def raw(self, event: bytes):
        self.given.append(event)

    @on("as.text")
    def text(self, event: str):
        self.given.append(event)

    @on("as.anything")
    def anything(self, event):
        self.given.append(event)

    @on("as.request")
    def whole(self, request: Request):
        self.given.append((request.method, request.path, request.headers["content-type"], request.body))


@pytest.fixture
async def takes(network):
    return (await network.node("home").host(Takes)).actor


@pytest.fixture
async def letters(network):
    """What was laid out on the dead-letter subject."""
    found = []
    watcher = network.server.connect("watcher")
    subject = SUBJECTS.dead_letter("takes", "takes-1")
    watcher.subscribe(subject, lambda subject, reply, payload, headers: found.append(msgspec.json.decode(payload)))
    return found


@pytest.mark.parametrize(
    ("topic", "event", "given"),
    [
        ("as.struct", Created(1), Created(1)),
        ("as.struct", {"number": 2}, Created(2)),
        ("as.struct", b'{"number": 3}', Created(3)),
        ("as.dict", {"a": 1}, {"a": 1}),
        ("as.bytes", b"\x00\xff", b"\x00\xff"),
        ("as.text", "ü", "ü"),
        ("as.anything", [1, None], [1, None]),
        ("as.request", Created(1), ("EVENT", "as.request", "application/json", b'{"number":1}')),
    ],
)
async def test_a_handler_is_given_what_its_argument_asks_for(takes, topic, event, given):
    assert await takes.emit(topic, event) == 1
    await asyncio.sleep(0.1)
    assert takes.given == [given]


async def test_an_event_that_does_not_fit_is_logged_counted_and_laid_out_on_the_dead_letter_subject(
    network, takes, letters, caplog
):
    caplog.set_level(logging.WARNING, "plait.service")
    await takes.emit("as.struct", {"number": "one", "long": "x" * 2 * BODY})
    await takes.emit("as.text", b"\xff")
    await asyncio.sleep(0.1)
    assert (takes.given, takes.unread()) == ([], 2)
    assert "takes-1 cannot read an event as.struct: Expected `int`, got `str`" in caplog.text
    first, second = letters
    assert (first["topic"], first["group"], first["source"]) == ("as.struct", "takes", "takes")
    assert first["reason"].startswith("Expected `int`, got `str`")
    assert first["body"].startswith('{"number":"one"')
    assert (len(first["body"]), first["size"] > 2 * BODY) == (BODY, True)
    assert second["body"] == "\ufffd"
    assert network.nodes[0].notes.answers == [400, 400], "an answer: nobody else is given the event"


async def test_dead_letters_have_a_rate(takes, letters):
    for _ in range(3 * RATE):
        await takes.emit("as.struct", "none")
    await asyncio.sleep(1.5)
    assert (len(letters), takes.unread()) == (RATE, 3 * RATE)
    await takes.emit("as.struct", "none")
    await asyncio.sleep(0.1)
    assert len(letters) == RATE + 1


async def test_an_event_that_an_instance_does_not_know_is_answered_not_handled(network, takes):
    node = network.nodes[0]
    reply = await node.send("takes", "nothing.known", method="EVENT")
    assert reply.status == 404


async def test_a_handler_has_a_consumer_span_below_the_emitters(network, takes, monkeypatch):
    began = []

    class Span:
        traceparent = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"

        def set(self, key, value): ...
        def update(self, attributes): ...
        def end(self):
            began.append("ended")

    class Tracer:
        def start(self, name, kind, traceparent, tracestate, attributes):
            began.append((name, kind, traceparent, attributes["messaging.destination.name"]))
            return Span()

    msgspec.structs.force_setattr(takes.hosting, "tracer", Tracer())
    sampled = "00-" + "1" * 32 + "-" + "3" * 16 + "-01"
    monkeypatch.setattr(takes, "_origin", lambda headers: ({}, sampled, ""))
    await takes.emit("as.struct", Created(1))
    await asyncio.sleep(0.1)
    assert began == [("EVENT as.struct", Kind.CONSUMER, sampled, "as.struct"), "ended"]


@pytest.mark.parametrize("topic", ["", ".", "a.", "a..b", "orders.*", "orders.>", "a b", "a\n", ".".join("a" * 17)])
def test_a_topic_that_is_none_is_refused_where_it_is_written(topic):
    with pytest.raises(ValueError, match="topic"):
        on(topic)


def test_what_is_no_method_with_one_argument_is_refused_where_it_is_written():
    with pytest.raises(ValueError, match="none has to take one argument"):

        class _Nothing(Service, name="nothing"):
            @on("orders")
            def none(self): ...

    with pytest.raises(ValueError, match="two has to take one argument"):

        class _Two(Service, name="two"):
            @on("orders")
            def two(self, one, other): ...

    with pytest.raises(ValueError, match="stands on a method, not on staticmethod"):

        class _Static(Service, name="static"):
            @on("orders")
            @staticmethod
            def loose(event): ...

    with pytest.raises(ValueError, match="cannot be given events"):

        class _Odd(Service, name="odd"):
            @on("orders")
            def odd(self, event: list[int] | set[int]): ...


def test_groups_that_are_none_or_wanted_twice_are_refused():
    with pytest.raises(ValueError, match="group"):
        on("orders", group="a.b")
    with pytest.raises(ValueError, match="not both"):
        on("orders", group="a", each=True)
    with pytest.raises(ValueError, match="two handlers of 'orders' for group 'twice'"):

        class _Twice(Service, name="twice"):
            @on("orders")
            def one(self, event): ...

            @on("orders", group="twice")
            def other(self, event): ...


def test_a_subclass_announces_its_own_service_and_may_replace_a_handler():
    class Base(Service):
        @on("orders")
        def take(self, event): ...

    class Own(Base, name="own", namespace="shop"):
        def take(self, event):
            """No handler any more."""

    class Kept(Base, name="kept", namespace="shop"):
        pass

    assert list(Own.interests) == []
    assert list(Kept.interests) == [("orders", "kept_shop")]
