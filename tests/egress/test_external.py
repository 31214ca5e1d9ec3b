"""The egress actor: its span, and what becomes of calls that fail or that nobody waits for any more."""

import asyncio
from types import SimpleNamespace

import pytest

from plait.actors.messages.error import Unreachable
from plait.actors.messages.external import ExternalPort, ExternalService
from plait.actors.messages.instance import Instance
from plait.actors.proxy.call import Caller
from plait.actors.proxy.inbound import Inbound
from plait.actors.runtime.spec import ChildSpec
from plait.egress.carrier import Answer
from plait.egress.external import External
from plait.egress.target import Target
from tests.nodes import SUBJECTS, Network

pytestmark = pytest.mark.anyio

TARGET = Target("api_example_com", "api.example.com", "127.0.0.1", 80, {}, "", None)


class Span:
    traceparent = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"

    def __init__(self):
        self.told = []

    def set(self, name, value):
        self.told.append((name, value))

    def update(self, attributes):
        self.told += attributes.items()

    def fail(self, failure):
        self.told.append(("failed", str(failure)))

    def end(self):
        self.told.append("ended")


class Carrier:
    """Answers with what `comes` says; keeps the traceparents."""

    def __init__(self):
        self.comes = Answer(200, [], b"there")
        self.sent, self.cancelled, self.closed = [], asyncio.Event(), False

    async def send(self, frame, traceparent):
        self.sent.append(traceparent)
        if isinstance(self.comes, Exception):
            raise self.comes
        if self.comes is None:
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()
        return self.comes

    async def close(self):
        self.closed = True


@pytest.fixture
async def world():
    network = Network()
    here, there = network.node("here"), network.node("there")
    carrier, span = Carrier(), Span()
    tracer = SimpleNamespace(start=lambda *_: span)
    actor = ChildSpec("api-1", lambda: External(TARGET, lambda: carrier, tracer), concurrency=8, mailbox=8)
    cell = await there.supervisor.start_child(actor)
    instance = Instance("api-1", "api_example_com", "", {"plait.dev/port": "80"}, "", "there", 1)
    there.wire.open(Caller("api-1", "api_example_com"))
    inbound = Inbound(instance, cell, there.bus, there.deadlines, there.loop.time, lambda *_: None)
    inbound.open(SUBJECTS)
    network.announce(instance)
    entry = ExternalService("default/api", ("api.example.com",), (ExternalPort(80, "http"),))
    here.rules(entry)
    yield SimpleNamespace(here=here, there=there, carrier=carrier, span=span, cell=cell)
    await network.close()
    assert carrier.closed


async def test_a_call_is_carried_out_within_a_span_of_its_own(world):
    reply = await world.here.send("api_example_com", "/x")
    assert (reply.status, reply.body) == (200, b"there")
    assert world.carrier.sent == [Span.traceparent]
    assert world.span.told == [("http.response.status_code", 200), ("http.status_code", 200), "ended"]


async def test_a_call_that_cannot_be_carried_out_fails_and_the_actor_lives(world):
    world.carrier.comes = Unreachable("nobody there")
    with pytest.raises(Unreachable, match="nobody there"):
        await world.here.send("api_example_com", "/x")
    assert world.span.told[:3] == [("error.type", "Unreachable"), ("failed", "nobody there"), "ended"]
    assert len(world.carrier.sent) == 3  # nothing was sent: tried again, by default twice
    world.carrier.comes = Answer(503, [], b"")
    assert (await world.here.send("api_example_com", "/x")).status == 503
    assert world.span.told[-3:] == [("error.type", "503"), ("failed", ""), "ended"]


async def test_a_call_that_nobody_waits_for_is_broken_off(world):
    world.carrier.comes = None
    call = asyncio.ensure_future(world.here.send("api_example_com", "/x"))
    async with asyncio.timeout(5.0):
        while not world.carrier.sent:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        call.cancel()
        await world.carrier.cancelled.wait()
    assert world.span.told[0][0] == "failed"
