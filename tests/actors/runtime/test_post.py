"""References over the bus, on two nodes of the in-memory one: words, errors, copies and order as in one node."""

import asyncio

import msgspec
import pytest

from plait.actors.messages.actor import ACTOR_VERSION, Act, ActorFrame
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
from plait.actors.runtime.ref import Ref
from plait.actors.runtime.spec import ChildSpec, SupervisorSpec
from tests.actors.runtime.post_world import SUBJECTS, Ask, Bad, Basket, Wait, Watcher, Who, Worker
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


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
