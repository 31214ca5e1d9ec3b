"""The called side: what is executed, what is refused with which words, and what is answered with silence."""

import asyncio
import random

import pytest

from plait.actors import Response, Service, get
from plait.actors.messages.cause import CAUSES
from plait.actors.messages.codec import encode
from plait.actors.messages.error import (
    ActorStopped,
    Draining,
    HandlerFailed,
    MissedDeadline,
    Overloaded,
    Stalled,
    Undecodable,
    UnsupportedVersion,
)
from plait.actors.service.context import current
from tests.nodes import SUBJECTS, Asker
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Echo(Service, name="echo", concurrency=2, mailbox=2):
    seen = ()

    async def pre_start(self):
        type(self).seen = self.log = []

    @get("/")
    def plain(self):
        self.log.append("plain")
        return "hello"

    @get("/slow")
    async def slow(self):
        self.log.append("began")
        try:
            await self.sleep(1.0)
        except asyncio.CancelledError:
            self.log.append("cancelled")
            raise
        except BaseException as error:
            self.log.append(type(error))
            raise
        self.log.append("ended")
        return "slept"

    @get("/large")
    def large(self):
        return b"x" * (2 * 1024 * 1024)

    @get("/odd")
    def odd(self):
        return Response(b"", headers=[("x", "\ud800")])

    @get("/swap")
    async def swap(self):
        raise Overloaded("what it called was full")


@pytest.fixture
async def home(network):
    home = network.node("home")
    await home.host(Echo, "echo-1")
    return home


@pytest.fixture
async def asker(network, home):
    asker = Asker(network)
    await asker.node.bus.flush()
    return asker


def inbound(home):
    return home.inbounds["echo-1"]


async def test_a_call_is_executed_and_answered_once(home, asker):
    reply = asker.ask()
    await asyncio.sleep(1)
    assert (asker.got(reply).status, asker.got(reply).body) == (200, b"hello")
    assert Echo.seen == ["plain"]
    assert inbound(home).active == 0


@pytest.mark.parametrize("timeout", [0, -1])
async def test_a_call_whose_time_is_over_is_not_executed(asker, timeout):
    reply = asker.ask(timeout=timeout)
    await asyncio.sleep(1)
    assert asker.got(reply).cause == MissedDeadline.cause
    assert Echo.seen == []


async def test_when_the_time_ends_the_handler_is_cancelled_and_nothing_is_said(home, asker):
    reply = asker.ask("/slow", timeout=300_000)
    await asyncio.sleep(5)
    assert Echo.seen == ["began", "cancelled"]
    assert reply not in asker.replies
    assert inbound(home).active == 0


async def test_a_call_that_waited_beyond_its_time_is_never_begun_and_nothing_is_said(asker):
    first = [asker.ask("/slow") for _ in range(2)]
    late = asker.ask("/slow", timeout=300_000)
    await asyncio.sleep(5)
    assert Echo.seen == ["began", "began", "ended", "ended"]
    assert late not in asker.replies
    assert all(asker.got(reply).body == b"slept" for reply in first)


async def test_a_cancel_stops_the_handler_in_silence(home, asker):
    reply = asker.ask("/slow")
    await asyncio.sleep(0.1)
    asker.node.bus.publish(SUBJECTS.cancel("echo", "echo-1", "asker"), reply)
    await asyncio.sleep(0.1)
    assert Echo.seen == ["began", "cancelled"]
    await asyncio.sleep(5)
    assert reply not in asker.replies
    assert inbound(home).active == 0


async def test_a_cancel_right_behind_its_call_leaves_nothing_behind(home, asker):
    reply = asker.ask("/slow")
    asker.node.bus.publish(SUBJECTS.cancel("echo", "echo-1", "asker"), reply)
    await asyncio.sleep(5)
    assert "ended" not in Echo.seen
    assert reply not in asker.replies
    assert inbound(home).active == 0


async def test_nobody_can_cancel_the_call_of_another(asker):
    reply = asker.ask("/slow")
    for caller, payload in (("mallory", reply), ("asker", b"plait.m.rsp.echo.asker.TOKEN.99"), ("asker", b"\xff")):
        asker.node.bus.publish(SUBJECTS.cancel("echo", "echo-1", caller), payload)
    await asyncio.sleep(5)
    assert Echo.seen == ["began", "ended"]
    assert asker.got(reply).body == b"slept"


@pytest.mark.parametrize(
    "reply",
    [
        b"plait.m.rsp.echo.victim.TOKEN.1",
        b"plait.m.rsp.other.asker.TOKEN.1",
        b"plait.m.rsp.echo.asker",
        b"plait.m.rsp.echo.asker2.TOKEN.1",
        b"plait.m.policy.apply",
        b"plait.m.reg.leave.echo.echo-1",
        b"plait.other.rsp.echo.asker.TOKEN.1",
        b"$JS.API.STREAM.DELETE.KV",
        b"_INBOX.x",
        b"",
    ],
)
async def test_a_reply_subject_that_is_not_the_callers_own_is_refused_and_nothing_is_published(home, asker, reply):
    asker.ask(reply=reply)
    asker.ask(reply=reply, payload=b"\xff")
    await asyncio.sleep(1)
    assert asker.replies == {}
    assert Echo.seen == []
    assert [source for source, _ in home.undecodable] == ["asker", "asker"]


async def test_random_bytes_are_counted_and_refused_one_by_one(home, asker):
    rng = random.Random(11)
    replies = [asker.ask(payload=rng.randbytes(rng.randrange(1, 80))) for _ in range(300)]
    await asyncio.sleep(1)
    assert len(home.undecodable) == 300
    assert {asker.got(reply).cause for reply in replies} <= {Undecodable.cause, UnsupportedVersion.cause}
    assert (Echo.seen, inbound(home).active) == ([], 0)


async def test_bytes_that_are_no_call_are_counted_with_their_source_and_refused(home, asker):
    rubbish = asker.ask(payload=b"\xc1rubbish")
    deep = asker.ask(payload=b"\x91" * 50_000)
    later = asker.ask(payload=encode([2, "something else"]))
    await asyncio.sleep(1)
    assert home.undecodable == [("asker", Undecodable), ("asker", Undecodable), ("asker", UnsupportedVersion)]
    assert [asker.got(reply).cause for reply in (rubbish, deep, later)] == [14, 14, 15]
    assert Echo.seen == []
    good = asker.ask()
    await asyncio.sleep(1)
    assert asker.got(good).body == b"hello"


async def test_after_a_stall_what_was_waiting_is_refused_as_not_executed(home, asker):
    home.bus.stalled = True
    refused = asker.ask()
    await asyncio.sleep(1)
    home.bus.stalled = False
    taken = asker.ask()
    await asyncio.sleep(1)
    assert asker.got(refused).cause == Stalled.cause
    assert asker.got(taken).status == 200
    assert Echo.seen == ["plain"]


async def test_a_draining_instance_refuses_what_is_new_and_finishes_what_it_has(home, asker):
    old = asker.ask("/slow")
    await asyncio.sleep(0.1)
    inbound(home).drain()
    new = asker.ask()
    await asyncio.sleep(5)
    assert asker.got(new).cause == Draining.cause
    assert asker.got(old).body == b"slept"


async def test_a_full_mailbox_is_said_at_once(home, asker):
    replies = [asker.ask("/slow") for _ in range(5)]
    await asyncio.sleep(0.1)
    assert asker.got(replies[4]).cause == Overloaded.cause
    assert CAUSES[Overloaded.cause].processed == 0
    assert inbound(home).active == 4
    await asyncio.sleep(5)
    assert [asker.got(reply).body for reply in replies[:4]] == [b"slept"] * 4


async def test_a_stopped_instance_says_so(home, asker):
    await home.supervisor.stop()
    reply = asker.ask()
    await asyncio.sleep(1)
    assert asker.got(reply).cause == ActorStopped.cause


async def test_a_closed_instance_listens_no_more(home, asker):
    inbound(home).close()
    asker.ask()
    await asyncio.sleep(1)
    assert asker.replies == {}


@pytest.mark.parametrize("path", ["/large", "/odd"])
async def test_an_answer_that_cannot_be_sent_is_told_as_the_services_failure(home, asker, path):
    reply = asker.ask(path)
    await asyncio.sleep(1)
    assert asker.got(reply).cause == HandlerFailed.cause
    assert b"could not be sent" in asker.got(reply).body
    assert inbound(home).active == 0


async def test_a_call_inside_the_node_needs_no_bus_and_copies_all_the_same(home):
    class Changer(Service, name="changer"):
        @get("/")
        def change(self):
            self.baggage["end-user"] = "changed"
            current.get().frame.headers.append(("x-new", "1"))
            return "done"

    await home.host(Changer)
    published = []
    home.bus.publish = lambda *message, **more: published.append(message)
    call = home.call("changer", headers=[("k", "v")], baggage={"end-user": "jason"})
    assert (await home.proxy.send(call)).body == b"done"
    assert (call.headers, call.baggage) == ([("k", "v")], {"end-user": "jason"})
    assert published == []


async def test_a_call_inside_the_node_is_cancelled_when_its_caller_gives_up(home):
    task = asyncio.ensure_future(home.send("echo", "/slow"))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.sleep(0.1)
    assert Echo.seen == ["began", "cancelled"]


async def test_a_call_inside_the_node_to_an_instance_that_left_is_refused(home):
    await home.supervisor.stop()
    with pytest.raises(ActorStopped):
        await home.send("echo")
