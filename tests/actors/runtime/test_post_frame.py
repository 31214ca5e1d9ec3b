"""What strangers, and a bus that delivers twice, can do to references over the bus."""

import asyncio

import msgspec
import pytest

from plait.actors.messages.actor import ACTOR_VERSION, Act, ActorFrame
from plait.actors.messages.codec import encode
from plait.actors.runtime.way import MOST
from tests.actors.runtime.post_world import SUBJECTS, Wait
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


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
