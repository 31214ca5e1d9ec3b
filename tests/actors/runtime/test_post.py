"""References over the bus, on two nodes of the in-memory one: words, errors, copies and order as in one node."""

import asyncio
import random
from typing import Any

import msgspec
import pytest

from plait.actors.bus.memory import MemoryServer
from plait.actors.loop.backoff import Backoff
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.actor import ACTOR_VERSION, Act, ActorFrame, Message
from plait.actors.messages.codec import encode
from plait.actors.messages.error import (
    BadMessage,
    BadReply,
    DeadlineExceeded,
    HandlerFailed,
    NoResponders,
    Overloaded,
    UnknownActor,
    UnknownMessage,
)
from plait.actors.messages.subject import Subjects
from plait.actors.runtime.actor import Actor
from plait.actors.runtime.post import Post
from plait.actors.runtime.ref import Ref
from plait.actors.runtime.spec import ChildSpec, Limits, SupervisorSpec
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings
from plait.actors.runtime.watch import Terminated
from plait.actors.runtime.way import MOST
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

SUBJECTS = Subjects("m")


class Basket(msgspec.Struct, tag=True):
    items: list[str]


class Wait(Message):
    seconds: float


class Bad(Message):
    text: str


Who = msgspec.defstruct("Who", [("ref", Ref)], bases=(Message,), tag="Who", frozen=True)


class Ask(Message):
    way: tuple[str, ...]


class Worker(Actor):
    def __init__(self):
        self.log = []

    async def receive(self, message: Basket | Wait | Bad | Who | Ask | int) -> Any:
        match message:
            case Bad(text):
                raise ValueError(text)
            case Wait(seconds):
                try:
                    await asyncio.sleep(seconds)
                except asyncio.CancelledError:
                    self.log.append("cancelled")
                    raise
            case Who(ref):
                return await ref.ask(1, 5)
            case Ask(way):
                return await self.find(way[0]).ask(Ask(way[1:]) if way[1:] else 7, 5)
            case _:
                pass
        self.log.append(message)
        return message


class Watcher(Actor):
    def __init__(self):
        self.gone = []

    def receive(self, message: Any) -> Any:
        if isinstance(message, Terminated):
            self.gone.append((message.ref.address, message.reason))
        else:
            self.watch(message)


class Node:
    def __init__(self, server, name):
        loop = asyncio.get_running_loop()
        self.deadlines = Deadlines(loop)
        self.around = Surroundings(loop, self.deadlines, random.Random(name), node=name)
        self.supervisor = Supervisor(name, self.around, Limits(100, 10.0, Backoff(0.1, 0.1, 0.0)))
        self.bus = server.connect(name)
        self.post = Post(self.bus, SUBJECTS, self.around)
        self.post.open()

    async def start(self, name, kind=Worker, **more):
        await self.supervisor.start()
        return await self.supervisor.start_child(ChildSpec(name, kind, **more))

    def ref(self, address):
        return Ref.to(address, self.around)

    async def leave(self):
        await self.supervisor.stop()
        self.post.close()
        await self.bus.close()
        self.deadlines.close()


@pytest.fixture
async def server():
    return MemoryServer()


@pytest.fixture
async def nodes(server):
    nodes = [Node(server, "one"), Node(server, "two")]
    yield nodes
    for node in nodes:
        await node.leave()


@pytest.fixture(params=["local", "remote"])
async def pair(nodes, request):
    """A worker and a reference to it, in the same node or from the other one."""
    cell = await nodes[0].start("w", mailbox=2)
    return cell, nodes[0 if request.param == "local" else 1].ref("one/w")


async def test_what_is_sent_is_a_copy(pair):
    cell, ref = pair
    basket = Basket(["a"])
    ref.tell(basket)
    answer = asyncio.ensure_future(ref.ask(basket, 5, into=Basket))
    await asyncio.sleep(0)
    basket.items.append("b")
    assert await answer == Basket(["a"])
    assert cell.actor.log == [Basket(["a"])] * 2
    assert await ref.ask(Basket(["c"]), 5) == {"type": "Basket", "items": ["c"]}


async def test_what_one_sender_says_is_handled_in_its_order(pair):
    cell, ref = pair
    for number in range(100):
        ref.tell(number)
    assert await ref.ask(100, 5) == 100
    assert cell.actor.log == list(range(101))


@pytest.mark.parametrize(
    ("message", "more", "error", "text"),
    [
        (Bad("no"), {}, HandlerFailed, "one/w failed: ValueError: no"),
        ("text", {}, UnknownMessage, "w"),
        (object(), {}, BadMessage, "object cannot travel"),
        (1, {"into": Basket}, BadReply, "one/w did not answer with a Basket"),
        (Wait(30), {}, DeadlineExceeded, "one"),
    ],
)
async def test_the_errors_are_the_same(pair, message, more, error, text):
    _, ref = pair
    with pytest.raises(error, match=text):
        await ref.ask(message, 2, **more)


async def test_an_ask_that_nobody_waits_for_is_stopped(pair):
    cell, ref = pair
    ask = asyncio.ensure_future(ref.ask(Wait(30), 60))
    await asyncio.sleep(1)
    ask.cancel()
    await asyncio.sleep(1)
    assert cell.actor.log == ["cancelled"]
    with pytest.raises(DeadlineExceeded):
        await ref.ask(Wait(30), 1)
    await asyncio.sleep(1)
    assert cell.actor.log == ["cancelled"] * 2


async def test_an_actor_below_other_supervisors_goes_by_its_whole_address(nodes):
    await nodes[0].supervisor.start()
    await nodes[0].supervisor.start_child(SupervisorSpec("above", children=(ChildSpec("w", Worker),)))
    ref = nodes[1].ref("one/above/w")
    assert await ref.ask(1, 5) == 1
    with pytest.raises(HandlerFailed, match="one/above/w failed: ValueError: no"):
        await ref.ask(Bad("no"), 5)
    await asyncio.sleep(1)
    with pytest.raises(HandlerFailed, match="one/above/w → one/above/w"):
        await ref.ask(Ask(("one/above/w",)), 5)


async def test_a_full_mailbox_is_told(pair):
    cell, ref = pair
    asks = [asyncio.ensure_future(ref.ask(Wait(1), 30)) for _ in range(4)]
    done = await asyncio.gather(*asks, return_exceptions=True)
    assert [type(one) for one in done].count(Overloaded) == 1
    assert cell.actor.log == [Wait(1)] * 3


async def test_an_actor_that_never_was_is_told(nodes, pair):
    _, ref = pair
    with pytest.raises(UnknownActor, match="one has no actor nobody"):
        await Ref.to("one/nobody", ref._around).ask(1, 5)
    with pytest.raises(NoResponders):
        await Ref.to("three/w", ref._around).ask(1, 5)


async def test_references_that_travel_lead_back(nodes):
    far, near = await nodes[0].start("w"), await nodes[1].start("n")
    assert await nodes[1].ref("one/w").ask(Who(near.ref), 5) == 1
    assert near.actor.log == [1]
    assert far.actor.log == []


async def test_a_circle_over_two_nodes_fails_at_once_with_its_path(nodes):
    await nodes[0].start("w")
    await nodes[1].start("v")
    begin = asyncio.get_running_loop().time()
    with pytest.raises(HandlerFailed, match="one/w → two/v → one/w"):
        await nodes[1].ref("one/w").ask(Ask(("two/v", "one/w")), 60)
    assert asyncio.get_running_loop().time() - begin < 0.1


async def test_what_reaches_nobody_is_seen_on_the_bus(nodes, server):
    seen = []
    server.connect("eye").subscribe(
        b"plait.m.dlq.>", lambda s, r, payload, h: seen.append(msgspec.json.decode(payload))
    )
    nodes[1].ref("one/nobody").tell(1)
    await asyncio.sleep(1)
    assert [(one["node"], one["actor"], one["reason"]) for one in seen] == [("one", "nobody", "unknown_actor")]


async def watch(nodes):
    cell = await nodes[0].start("w")
    watcher = await nodes[1].start("watcher", Watcher)
    watcher.ref.tell(nodes[1].ref("one/w"))
    await asyncio.sleep(1)
    assert watcher.actor.gone == []
    return cell, watcher.actor.gone


async def test_one_that_watches_hears_once_when_the_actor_is_gone(nodes):
    _, gone = await watch(nodes)
    await nodes[0].supervisor.stop_child("w")
    await asyncio.sleep(60)
    assert gone == [("one/w", "stopped")]


async def test_a_restart_is_no_end(nodes):
    cell, gone = await watch(nodes)
    nodes[1].ref("one/w").tell(Bad("no"))
    await asyncio.sleep(60)
    assert (cell.restarts, gone) == (1, [])


async def test_the_end_of_the_node_is_the_end_of_its_actors(nodes, server):
    _, gone = await watch(nodes)
    server.disconnect(nodes[0].bus)
    await asyncio.sleep(60)
    assert gone == [("one/w", "node gone")]


async def test_the_registry_tells_of_a_node_that_is_gone(nodes):
    _, gone = await watch(nodes)
    nodes[1].post.distant.nodes({"one", "two"})
    assert gone == []
    nodes[1].post.distant.nodes({"two"})
    await asyncio.sleep(60)
    assert gone == [("one/w", "node gone")]


async def test_a_word_that_was_lost_is_found_out(nodes, server):
    _, gone = await watch(nodes)
    server.disconnect(nodes[1].bus)
    await nodes[0].supervisor.stop_child("w")
    await nodes[0].start("w")
    await asyncio.sleep(1)
    server.reconnect(nodes[1].bus)
    await asyncio.sleep(60)
    assert gone == [("one/w", "replaced by another of its name")]


async def test_watching_one_that_never_was_is_told(nodes):
    await nodes[0].start("w")
    watcher = await nodes[1].start("watcher", Watcher)
    watcher.ref.tell(nodes[1].ref("one/nobody"))
    await asyncio.sleep(1)
    assert watcher.actor.gone == [("one/nobody", "no such actor")]


async def test_bytes_that_are_no_frame_harm_nobody(nodes, server):
    cell = await nodes[0].start("w")
    stranger = server.connect("stranger")
    subject = SUBJECTS.actor("one", "stranger")
    for payload in (
        b"",
        b"\x93\x01",
        b"\xc1" * 20,
        encode(ActorFrame(9, 0, "w", b"")),
        encode(ActorFrame(1, 99, "w", b"")),
    ):
        stranger.publish(subject, payload, SUBJECTS.node_reply_prefix("one", "stranger", "t") + b"1")
    stranger.publish(subject, encode(ActorFrame(ACTOR_VERSION, int(Act.ASK), "w", b"\x01")), b"plait.m.cp.pol.7")
    await asyncio.sleep(1)
    assert nodes[0].post.undecodable == 6
    assert cell.actor.log == []


class Stranger:
    """A connection that speaks to the node `one` by hand, as the node `name`."""

    def __init__(self, server, name="stranger"):
        self.bus = server.connect(name)
        self.name = name
        self.heard = []
        self.bus.subscribe(SUBJECTS.node_replies(name, "t"), self.hear)

    def hear(self, subject, reply, payload, headers):
        self.heard.append((int(subject.rpartition(b".")[2]), msgspec.msgpack.decode(payload)))

    def reply(self, number):
        return SUBJECTS.node_reply_prefix("one", self.name, "t") + b"%d" % number

    def say(self, act, payload=b"", actor="w", reply=b""):
        frame = ActorFrame(ACTOR_VERSION, int(act), actor, payload)
        self.bus.publish(SUBJECTS.actor("one", self.name), encode(frame), reply)


async def test_an_ask_that_the_bus_delivers_twice_is_handled_once_while_it_is_in_hand(nodes, server):
    cell = await nodes[0].start("w")
    stranger = Stranger(server)
    wait = encode(Wait(1))
    for _ in range(2):
        stranger.say(Act.ASK, wait, reply=stranger.reply(1))
    stranger.say(Act.ASK, encode(5), reply=stranger.reply(2))
    await asyncio.sleep(5)
    assert cell.actor.log == [Wait(1), 5]
    assert [number for number, _ in stranger.heard] == [1, 2]
    assert nodes[0].post.asks == {}


async def test_one_that_is_delivered_again_is_not_refused_while_the_first_is_in_hand(nodes, server):
    cell = await nodes[0].start("w", mailbox=1)
    stranger = Stranger(server)
    for number in (1, 2, 1, 2):
        stranger.say(Act.ASK, encode(Wait(1)), reply=stranger.reply(number))
    await asyncio.sleep(0.1)
    nodes[0].bus.stalled = True
    stranger.say(Act.ASK, encode(Wait(1)), reply=stranger.reply(1))
    await asyncio.sleep(5)
    assert cell.actor.log == [Wait(1)] * 2
    assert [(number, answer[2]) for number, answer in stranger.heard] == [(1, 0), (2, 0)]


async def test_what_is_to_be_answered_and_does_not_say_where_is_dropped(nodes, server):
    cell = await nodes[0].start("w")
    nowhere = []
    server.connect("eye").subscribe(b"", lambda *message: nowhere.append(message))
    stranger = Stranger(server)
    stranger.say(Act.ASK, encode(5))
    stranger.say(Act.WATCH)
    await asyncio.sleep(1)
    assert (nowhere, cell.actor.log, nodes[0].post.undecodable) == ([], [], 2)


async def test_one_node_neither_has_answers_sent_to_another_nor_cancels_its_asks(nodes, server):
    cell = await nodes[0].start("w")
    stranger, other = Stranger(server), Stranger(server, "other")
    stranger.say(Act.TELL, encode(1))  # it is known from now on
    other.say(Act.ASK, encode(Wait(2.0)), reply=other.reply(1))
    stranger.say(Act.CANCEL, actor=other.reply(1).decode())
    for forged in (
        other.reply(2),
        SUBJECTS.node_reply_prefix("two", "stranger", "t") + b"1",
        stranger.reply(1) + b".x",
        stranger.reply(1).rpartition(b".")[0],
        stranger.reply(1).replace(b"plait.m.", b"plait.n."),
        b"x" + stranger.reply(1),
    ):
        stranger.say(Act.ASK, encode(2), reply=forged)
    await asyncio.sleep(5)
    assert cell.actor.log == [1, Wait(2)]
    assert nodes[0].post.undecodable == 6
    assert other.heard == [(1, [ACTOR_VERSION, encode(Wait(2.0)), 0])]
    other.say(Act.ASK, encode(Wait(30)), reply=other.reply(3))
    other.say(Act.CANCEL, actor=other.reply(3).decode())
    await asyncio.sleep(1)
    assert cell.actor.log[2:] == ["cancelled"]


async def test_senders_without_number_do_not_fill_the_memory(nodes, server):
    cell = await nodes[0].start("w", mailbox=50_000)
    stranger = server.connect("stranger")
    frame = encode(ActorFrame(ACTOR_VERSION, int(Act.TELL), "w", encode(1)))
    for number in range(MOST + 100):
        stranger.publish(SUBJECTS.actor("one", f"s{number}"), frame)
    stranger.publish(b"plait.m.actor.one." + b"s" * 3000, frame)
    await asyncio.sleep(1)
    assert len(cell.actor.log) == MOST + 101
    assert len(nodes[0].post._senders) == 100
    assert await nodes[1].ref("one/w").ask(2, 5) == 2
