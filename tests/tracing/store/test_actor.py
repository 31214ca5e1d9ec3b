"""Spans go in from the bus, traces come out to users."""

import asyncio
import random

import msgspec
import pytest

from plait.actors.bus.ask import ask
from plait.actors.bus.memory import MemoryServer
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.subject import Subjects
from plait.actors.runtime.spec import ChildSpec
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings
from plait.tracing.record import Kind, SpanEvent, SpanRecord, Status, encode_batch
from plait.tracing.store.actor import TraceActor
from plait.tracing.store.memory import TraceStore

pytestmark = pytest.mark.anyio
SUBJECTS = Subjects()


def span(n, service="reviews", parent="", start=0, length=1_000_000, status=Status.OK):
    return SpanRecord(
        "a" * 32, f"{n:016x}", parent, service, "i1", "n1", "GET /", Kind.SERVER, start, length, status,
        attributes={"k": 1}, events=(SpanEvent("retry", 5),),
    )  # fmt: skip


@pytest.fixture
async def world():
    class World:
        asked = 0

        async def ask(self, what, question=b""):
            self.asked += 1
            reply = b"_INBOX.%d" % self.asked
            inbox = self.bus.inbox(reply)
            payload = question if isinstance(question, bytes) else msgspec.json.encode(question)
            answer = await ask(self.bus, SUBJECTS.user("trace", what), payload, reply, 2.0, deadlines)
            inbox.unsubscribe()
            return msgspec.json.decode(answer)

        def send(self, *spans):
            self.bus.publish(SUBJECTS.span("n1"), encode_batch(spans))

    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    server, world = MemoryServer(), World()
    world.bus = server.connect("user")
    world.actor = TraceActor(SUBJECTS, server.connect("store"))
    supervisor = Supervisor("mesh", Surroundings(loop, deadlines, random.Random(1)))
    await supervisor.start_child(ChildSpec("traces", lambda: world.actor))
    yield world
    await supervisor.stop()
    deadlines.close()


async def test_traces_are_listed(world):
    world.send(span(1, "productpage", length=5_000_000), span(2, parent=f"{1:016x}", status=Status.ERROR))
    (line,) = (await world.ask("ls"))["items"]
    assert line == {
        "trace_id": "a" * 32,
        "root_service": "productpage",
        "root_operation": "GET /",
        "start": "1970-01-01T00:00:00.000+00:00",
        "duration_ms": 5.0,
        "spans": 2,
        "errors": 1,
        "services": ["productpage", "reviews"],
        "dropped": 0,
        "service": "productpage",
        "operation": "GET /",
        "start_ns": 0,
        "duration_ns": 5_000_000,
    }
    for question, count in (
        ({"service": "reviews", "errors": True, "min_duration_ms": 5, "limit": 3}, 1),
        ({"service": "ratings"}, 0),
        ({"min_duration_ms": 5.1}, 0),
        ({"limit": 0}, 0),
    ):
        assert len((await world.ask("ls", question))["items"]) == count


async def test_a_trace_is_shown_with_its_spans_and_its_waterfall(world):
    world.send(span(1, "productpage"), span(2, parent=f"{1:016x}"))
    shown = await world.ask("show", {"id": "aaaaaaaa"})
    assert shown["trace_id"] == "a" * 32
    assert len(shown["lines"]) == 2
    assert (shown["spans"][0]["kind"], shown["spans"][0]["events"][0]["name"]) == ("server", "retry")
    assert (await world.ask("show", {"id": "b" * 32}))["errors"][0]["code"] == "not_found"
    assert "error" in await world.ask("show", {})


async def test_bad_questions_and_noise_stop_nothing(world):
    world.send(span(1))
    for question in ({"min_duration_ms": "5"}, {"min_duration_ms": True}, {"limit": -1}, {"service": 1}, b"[", b"- x"):
        assert (await world.ask("ls", question))["errors"]
    rng = random.Random(3)
    for _ in range(300):
        world.bus.publish(SUBJECTS.span("n1"), rng.randbytes(rng.randrange(60)))
    assert len((await world.ask("ls"))["items"]) == 1
    assert world.actor.undecodable == 300


async def test_a_flood_is_bounded_and_counted_and_the_store_goes_on_answering(world):
    store = world.actor.store = TraceStore(max_bytes=200_000)
    attributes = {"padding": "x" * 1000}
    for n in range(1, 1001):
        flood = msgspec.structs.replace(span(n, f"made-up-{n}"), trace_id=f"{n:032x}", attributes=attributes)
        world.send(flood, msgspec.structs.replace(flood, span_id=f"{n + 5000:016x}"))
        world.bus.publish(SUBJECTS.span("n1"), b"\xc1" * 100)
    world.send(span(1))
    assert len((await world.ask("show", {"id": "a" * 32}))["spans"]) == 1
    assert world.actor.undecodable == 1000
    assert store.size <= 200_000
    assert store.spans < 200
    assert store.evicted == 1001 - len(store)


async def test_one_trace_cannot_take_the_place_of_all(world):
    for n in range(1, 1201):
        world.send(span(n))
    (line,) = (await world.ask("ls"))["items"]
    assert (line["spans"], line["dropped"]) == (500, 700)
    assert world.actor.store.dropped == 700
