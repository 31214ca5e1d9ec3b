"""One attempt on the wire: what is sent, what comes back, and what each kind of silence means."""

import asyncio

import pytest

from plait.actors.messages.codec import decode_call, encode
from plait.actors.messages.envelope import ReplyFrame
from plait.actors.messages.error import (
    BadReply,
    BusUnavailable,
    DeadlineExceeded,
    Disconnected,
    Draining,
    FaultInjected,
    InstanceGone,
    MissedDeadline,
    NoResponders,
    Processed,
    TooLarge,
)
from plait.actors.messages.instance import Instance
from plait.actors.messages.rule import Destination, RetryPolicy, RouteRule, RuleSet
from plait.actors.proxy.call import Caller
from tests.nodes import SUBJECTS
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

NO_RETRY = RuleSet(
    "default/echo",
    ("echo.default.svc.cluster.local",),
    routes=(RouteRule(destinations=(Destination("echo"),), retries=RetryPolicy(0)),),
)


class Far:
    """An instance on the other side of the bus, by hand: takes frames, answers with what `reply` returns."""

    def __init__(self, network, name="echo-1"):
        self.node = network.node(f"far-{name}")
        self.frames, self.replies, self.cancelled = [], [], []
        self.reply = None
        self.node.bus.subscribe(SUBJECTS.calls_to("echo", name), self._take)
        self.node.bus.subscribe(
            SUBJECTS.cancels_to("echo", name), lambda s, r, payload, h: self.cancelled.append(payload)
        )
        network.announce(Instance(name, "echo", "v1", {}, "", "far", 1))

    def _take(self, subject, reply, payload, headers):
        self.frames.append(decode_call(payload))
        self.replies.append(reply)
        if self.reply is not None:
            answer = self.reply
            self.node.bus.publish(reply, answer if isinstance(answer, bytes) else encode(answer))


@pytest.fixture
async def near(network):
    node = network.node("near")
    node.rules(NO_RETRY)
    return node


@pytest.fixture
async def far(network, near):
    far = Far(network)
    await far.node.bus.flush()
    return far


def now():
    return asyncio.get_running_loop().time()


async def test_a_call_travels_whole_and_its_reply_comes_back(near, far):
    far.reply = ReplyFrame(1, 201, [("x", "1")], b"made")
    call = near.call("echo", "/a", method="POST", headers=[("k", "v")], body=b"\0", baggage={"end-user": "jason"})
    reply = await near.proxy.send(call)
    assert (reply.status, reply.headers, reply.body) == (201, [("x", "1")], b"made")
    (frame,) = far.frames
    assert (frame.method, frame.path, frame.headers, frame.body) == ("POST", "/a", [("k", "v")], b"\0")
    assert (frame.baggage, frame.attempt, frame.destination, frame.timeout) == ({"end-user": "jason"}, 1, "echo", None)
    assert near.notes.answers == [201]


async def test_replies_find_their_calls_in_whatever_order_they_come(near, far):
    calls = [asyncio.ensure_future(near.send("echo", f"/{number}")) for number in range(20)]
    await asyncio.sleep(0.1)
    for frame, reply in reversed(list(zip(far.frames, far.replies, strict=True))):
        far.node.bus.publish(reply, encode(ReplyFrame(1, 200, [], frame.path.encode())))
    replies = await asyncio.gather(*calls)
    assert [reply.body for reply in replies] == [b"/%d" % number for number in range(20)]
    assert len(near.wire.waiting) == 0


async def test_nobody_listening_is_told_at_once(network, near):
    network.announce(Instance("echo-9", "echo", "v1", {}, "", "nowhere", 1))
    begin = now()
    with pytest.raises(NoResponders):
        await near.send("echo")
    assert now() == begin


async def test_what_is_left_of_the_time_is_sent_along_and_is_never_wall_clock(near, far):
    task = asyncio.ensure_future(near.send("echo", timeout=2.5))
    await asyncio.sleep(3)
    with pytest.raises(DeadlineExceeded):
        await task
    assert 2_490_000 <= far.frames[0].timeout <= 2_500_000


async def test_of_two_ends_the_nearer_one_is_sent(near, far):
    for limit, expires, sent in ((9.0, 4.0, 4.0), (4.0, 9.0, 4.0)):
        task = asyncio.ensure_future(near.proxy.send(near.call("echo", timeout=limit, expires=now() + expires)))
        await asyncio.sleep(0.1)
        task.cancel()
        assert far.frames[-1].timeout == pytest.approx(sent * 1e6, rel=0.01)


async def test_a_limit_that_ends_raises_in_time_and_tells_the_instance_to_stop(near, far):
    begin = now()
    with pytest.raises(DeadlineExceeded, match="upstream request timeout"):
        await near.send("echo", timeout=1.0)
    assert now() - begin == pytest.approx(1.0, abs=0.01)
    await asyncio.sleep(0.1)
    assert far.cancelled == far.replies
    assert len(near.wire.waiting) == 0
    assert near.bus.waiting == {}


async def test_a_caller_that_gives_up_tells_the_instance_to_stop(near, far):
    task = asyncio.ensure_future(near.send("echo"))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0.1)
    assert far.cancelled == far.replies
    assert near.bus.waiting == {}
    (endpoint,) = near.proxy.directory.services()["echo"].values()
    assert endpoint.active == 0


async def test_an_answered_call_sends_no_cancel(near, far):
    far.reply = ReplyFrame(1, 200, [], b"")
    await near.send("echo", timeout=5.0)
    await asyncio.sleep(10)
    assert far.cancelled == []
    assert len(near.deadlines) == 0


async def test_a_lost_connection_fails_what_waits_and_refuses_what_comes(network, near, far):
    task = asyncio.ensure_future(near.send("echo", method="POST"))
    await asyncio.sleep(0.1)
    network.server.disconnect(near.bus)
    with pytest.raises(Disconnected):
        await task
    with pytest.raises(BusUnavailable):
        await near.send("echo")
    assert len(near.wire.waiting) == 0


async def test_an_instance_known_to_be_gone_fails_what_waits_for_it_and_nothing_else(network, near, far):
    near.rules(revision=2)
    other = Far(network, "echo-2")
    tasks = [asyncio.ensure_future(near.send("echo", method="POST")) for _ in range(10)]
    await asyncio.sleep(0.1)
    lost, kept = len(far.frames), len(other.frames)
    assert lost
    assert kept
    network.remove("echo", "echo-1")
    await asyncio.sleep(0.1)
    failed = [task for task in tasks if task.done()]
    assert len(failed) == lost
    assert all(isinstance(task.exception(), InstanceGone) for task in failed)
    for reply in other.replies:
        other.node.bus.publish(reply, encode(ReplyFrame(1, 200, [], b"")))
    await asyncio.wait([task for task in tasks if task not in failed])


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x95", encode([2, 200, [], b""]), encode([1, "x", [], b""])])
async def test_what_is_no_reply_is_an_error_of_its_own(near, far, data):
    far.reply = data or b"\x00"
    with pytest.raises(BadReply):
        await near.send("echo")


async def test_a_refusal_is_raised_as_what_it_is_with_its_words(near, far):
    far.reply = ReplyFrame(1, 500, [], b"leaving now", Draining.cause)
    with pytest.raises(Draining, match="leaving now"):
        await near.send("echo")


async def test_a_cause_of_a_later_release_leaves_open_what_became_of_the_call(near, far):
    far.reply = ReplyFrame(1, 500, [], b"?", 9999)
    with pytest.raises(BadReply) as caught:
        await near.send("echo", method="POST")
    assert caught.value.processed is Processed.MAYBE
    assert len(far.frames) == 1


async def test_a_fault_that_comes_as_a_reply_keeps_its_status_a_number(near, far):
    far.reply = ReplyFrame(1, 418, [], b"fault", FaultInjected.cause)
    with pytest.raises(FaultInjected) as caught:
        await near.send("echo")
    assert caught.value.status == 418


async def test_a_callee_that_found_the_callers_own_limit_passed_is_a_timeout_to_the_caller(near, far):
    far.reply = ReplyFrame(1, 500, [], b"", MissedDeadline.cause)
    with pytest.raises(DeadlineExceeded):
        await near.send("echo", timeout=1.0)


async def test_one_that_found_the_inherited_deadline_passed_is_no_error_at_all(near, far):
    far.reply = ReplyFrame(1, 500, [], b"", MissedDeadline.cause)
    task = asyncio.ensure_future(near.proxy.send(near.call("echo", timeout=10.0, expires=now() + 0.1)))
    await asyncio.sleep(0.9)
    assert not task.done()  # its caller is cancelled by then; it never sees an error that it could catch
    task.cancel()


async def test_what_does_not_fit_the_bus_is_refused_before_it_is_sent(network, near, far):
    near.rules(revision=2)  # with retries
    with pytest.raises(TooLarge):
        await near.send("echo", body=b"x" * (2 * 1024 * 1024))
    assert far.frames == []
    assert len(near.wire.waiting) == 0


async def test_a_refused_call_goes_to_another_instance_and_each_is_tried_once(network, near, far):
    near.rules(revision=2)
    other = Far(network, "echo-2")
    far.reply = ReplyFrame(1, 500, [], b"", Draining.cause)
    other.reply = ReplyFrame(1, 200, [], b"")
    for _ in range(20):
        assert (await near.send("echo", method="POST")).status == 200
    assert len(other.frames) == 20
    assert {frame.attempt for frame in far.frames} == {1}


async def test_what_waits_when_its_caller_closes_fails_and_nobody_elses_does(near, far):
    mine, other = Caller("mine"), Caller("other")
    for caller in (mine, other):
        near.wire.open(caller)
    calls = [asyncio.ensure_future(near.send("echo", method="POST", caller=caller)) for caller in (mine, other)]
    await asyncio.sleep(0.1)
    near.wire.close(mine)
    await asyncio.sleep(0.1)
    assert [call.done() for call in calls] == [True, False]
    assert isinstance(calls[0].exception(), Disconnected)
    assert len(near.bus.waiting) == 1
    calls[1].cancel()
