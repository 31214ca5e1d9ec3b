"""The way to other nodes: what goes on the bus for an ask, when it ends, and caches that do not grow."""

import asyncio
import random
from typing import Any

import msgspec
import pytest

from plait.actors.bus.memory import MemoryServer
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.actor import ACTOR_VERSION, Act, ActorFrame, ActorReply
from plait.actors.messages.codec import encode
from plait.actors.messages.error import (
    BadMessage,
    BadReply,
    DeadlineExceeded,
    Disconnected,
    InvalidName,
    Overloaded,
    TooDeep,
    Undecodable,
)
from plait.actors.messages.subject import Subjects
from plait.actors.runtime.context import DEPTH, CallContext
from plait.actors.runtime.origin import entered
from plait.actors.runtime.post import Post
from plait.actors.runtime.ref import Ref
from plait.actors.runtime.surroundings import Surroundings
from plait.actors.runtime.way import LONGEST, MOST, keep
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

SUBJECTS = Subjects("m")


class Far:
    """The node `far`, played by hand: keeps the frames that come, and answers with what it is given."""

    def __init__(self, server):
        self.bus = server.connect("far")
        self.frames: list[ActorFrame] = []
        self.replies: list[bytes] = []
        self.bytes: bytes | None = None
        self.bus.subscribe(SUBJECTS.actors_of("far"), self.hear)

    def hear(self, subject, reply, payload, headers):
        self.frames.append(msgspec.msgpack.decode(payload, type=ActorFrame))
        if reply:
            self.replies.append(reply)
            if self.bytes is not None:
                self.bus.publish(reply, self.bytes)

    def answer(self, value, cause=0):
        self.bytes = encode(ActorReply(ACTOR_VERSION, value if cause else encode(value), cause))


@pytest.fixture
async def server():
    return MemoryServer()


@pytest.fixture
async def far(server):
    return Far(server)


@pytest.fixture
async def post(server):
    loop = asyncio.get_running_loop()
    around = Surroundings(loop, Deadlines(loop), random.Random(1), node="near")
    post = Post(server.connect("near"), SUBJECTS, around)
    post.open()
    yield post
    post.close()
    await post.bus.close()
    assert len(around.deadlines) == 0
    around.deadlines.close()


def ask(post, message: Any = 1, timeout: float = 5, address="far/w", into=None):
    return Ref.to(address, post.surroundings).ask(message, timeout, into=into)


async def inside(work, expires=None, chain=()):
    """Await `work()` in the context of an actor that was asked by `chain`, until `expires`."""
    origin = ActorFrame(
        ACTOR_VERSION, int(Act.ASK), "", b"", None, chain, "00-a", "state", {"user": "ann"}, revision=7, flags=1
    )
    context = entered(CallContext(origin, expires, "", "").frame, expires, "near/me", "00-b")
    return await asyncio.get_running_loop().create_task(work(), context=context)


async def test_an_answer_comes_and_nothing_is_left(post, far):
    far.answer(3)
    assert [await ask(post) for _ in range(2)] == [3, 3]
    assert [(frame.act, frame.actor, frame.payload) for frame in far.frames] == [(Act.ASK, "w", b"\x01")] * 2
    assert len(set(far.replies)) == 2
    assert post.bus.waiting == {}


async def test_all_of_the_work_in_hand_travels_on(post, far):
    far.answer(3)
    await inside(lambda: ask(post), chain=("a/b",))
    frame = far.frames[0]
    assert frame.chain == ("a/b", "near/me")
    assert (frame.traceparent, frame.tracestate, frame.baggage) == ("00-b", "state", {"user": "ann"})
    assert (frame.revision, frame.flags, frame.timeout) == (7, 1, 5_000_000)
    await inside(lambda: tell(post), chain=("a/b",))
    await asyncio.sleep(0)
    frame = far.frames[1]
    assert (frame.act, frame.chain, frame.traceparent, frame.timeout) == (Act.TELL, (), "00-b", None)


async def tell(post):
    Ref.to("far/w", post.surroundings).tell(1)


async def test_a_deadline_of_the_work_in_hand_ends_an_ask_sooner(post, far):
    begin = post.surroundings.clock()
    with pytest.raises(DeadlineExceeded, match=r"no answer on plait\.m\.actor\.far\.near within 2 s"):
        await inside(lambda: ask(post), expires=begin + 2)
    assert 2 <= post.surroundings.clock() - begin < 2.1
    assert far.frames[0].timeout == pytest.approx(2_000_000, abs=1)
    with pytest.raises(DeadlineExceeded, match="within 5 s"):
        await inside(lambda: ask(post), expires=begin + 60)
    assert post.bus.waiting == {}
    assert [frame.act for frame in far.frames] == [Act.ASK] * 2  # the other node knows the limit itself


async def test_an_ask_without_time_is_told_so(post, far):
    with pytest.raises(DeadlineExceeded):
        await inside(lambda: ask(post), expires=post.surroundings.clock() - 1)
    assert far.frames[0].timeout == 0


async def test_an_asker_that_is_cancelled_says_which_ask_it_was(post, far):
    asking = asyncio.ensure_future(ask(post))
    await asyncio.sleep(1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.sleep(1)
    assert [(frame.act, frame.actor) for frame in far.frames] == [(Act.ASK, "w"), (Act.CANCEL, far.replies[0].decode())]
    assert post.bus.waiting == {}
    far.bus.publish(far.replies[0], b"late")
    await asyncio.sleep(1)


async def test_a_connection_that_is_lost_ends_the_asks(post, far, server):
    asking = asyncio.ensure_future(ask(post))
    await asyncio.sleep(1)
    server.disconnect(post.bus)
    with pytest.raises(Disconnected):
        await asking
    assert post.bus.waiting == {}


@pytest.mark.parametrize(
    ("answer", "error"),
    [(b"", Undecodable), (b"\xc1", Undecodable), (encode(ActorReply(1, b"no", 99_999)), BadReply)],
)
async def test_answers_that_are_none_are_told(post, far, answer, error):
    far.bytes = answer
    with pytest.raises(error):
        await ask(post)


async def test_an_error_comes_with_its_words(post, far):
    far.answer(b"full", Overloaded.cause)
    with pytest.raises(Overloaded, match="full"):
        await ask(post)
    far.answer("text")
    with pytest.raises(BadReply, match="far/w did not answer with a int"):
        await ask(post, into=int)


async def test_what_cannot_be_sent_is_told_at_once(post, far):
    with pytest.raises(BadMessage):
        await ask(post, object())
    with pytest.raises(InvalidName):
        await ask(post, address="no node/w")
    with pytest.raises(TooDeep):
        await inside(lambda: ask(post), chain=tuple(f"n/{number}" for number in range(DEPTH)))
    await asyncio.sleep(1)
    assert far.frames == []


async def test_ways_without_number_do_not_fill_the_memory(post, far):
    for number in range(MOST + 10):
        Ref.to(f"far/w{number}", post.surroundings).tell(1)
    Ref.to(f"far/{'w' * LONGEST}", post.surroundings).tell(1)
    await asyncio.sleep(1)
    assert [frame.actor for frame in far.frames[-2:]] == [f"w{MOST + 9}", "w" * LONGEST]
    assert len(post._ways) == 10


async def test_a_cache_that_is_full_begins_anew():
    known: dict[str, int] = {}
    assert all(keep(known, f"{number}", number) == number for number in range(MOST))
    assert len(known) == MOST
    assert keep(known, "new", 1) == 1
    assert known == {"new": 1}
    assert keep(known, "n" * (LONGEST + 1), 2) == 2
    assert known == {"new": 1}
