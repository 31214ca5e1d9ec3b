"""References within a node: copies, refusals, cycles, deadlines, dead letters, watching, stash, timers, behaviours."""

import asyncio
import random
from typing import Any

import msgspec
import pytest

from plait.actors.loop.backoff import Backoff
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.actor import Message
from plait.actors.messages.error import (
    ActorStopped,
    BadMessage,
    BadReply,
    CallCycle,
    DeadlineExceeded,
    HandlerFailed,
    Overloaded,
    UnknownActor,
    UnknownMessage,
)
from plait.actors.runtime.actor import Actor
from plait.actors.runtime.ref import Ref
from plait.actors.runtime.spec import ChildSpec, Limits
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings
from plait.actors.runtime.watch import Terminated
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Basket(msgspec.Struct):
    items: list[str]


class Add(Message):
    n: int


class Who(Message):
    ref: Ref


class Keeper(Actor):
    """Keeps what it gets; answers with it."""

    def __init__(self):
        self.got = []

    def receive(self, message: Any) -> Any:
        self.got.append(message)
        if message == "bad":
            raise ValueError("no")
        return message


class Picky(Actor):
    def receive(self, message: Add | Who) -> Any:
        return message.n if isinstance(message, Add) else message.ref.address


class Chain(Actor):
    """Asks the next one in a row of addresses, and waits."""

    async def receive(self, message: list[str]) -> Any:
        if not message:
            return "end"
        return await self.find(message[0]).ask(message[1:], 5)


class Slow(Actor):
    def __init__(self):
        self.log = []

    async def receive(self, message: Any) -> Any:
        try:
            await asyncio.sleep(message)
        except asyncio.CancelledError:
            self.log.append(f"{message} cancelled")
            raise
        self.log.append(message)
        return message


class Watcher(Actor):
    def __init__(self):
        self.gone = []

    def receive(self, message: Any) -> Any:
        if isinstance(message, Terminated):
            self.gone.append((message.ref.address, message.reason))
        elif isinstance(message, Who):
            self.watch(message.ref)
            self.watch(message.ref)
        return None


@pytest.fixture
async def node():
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    around = Surroundings(loop, deadlines, random.Random(1), node="n")
    supervisor = Supervisor("n", around, Limits(5, 10.0, Backoff(1.0, 1.0, 0.0)))
    await supervisor.start()
    yield supervisor
    await supervisor.stop()
    deadlines.close()


async def start(node, name, kind, **more):
    return await node.start_child(ChildSpec(name, kind, **more))


async def test_what_can_be_changed_is_copied_and_what_cannot_is_handed_over(node):
    cell = await start(node, "k", Keeper)
    basket, add = Basket(["one"]), Add(1)
    cell.ref.tell(basket)
    cell.ref.tell(add)
    basket.items.append("two")
    assert cell.actor.got[0] == Basket(["one"])
    assert cell.actor.got[1] is add


async def test_an_answer_is_a_copy_too_and_of_the_type_that_was_asked_for(node):
    cell = await start(node, "k", Keeper)
    answer = await cell.ref.ask(Basket(["one"]), 5, into=Basket)
    answer.items.append("two")
    assert cell.actor.got == [Basket(["one"])]
    assert await cell.ref.ask(Basket(["one"]), 5) == {"items": ["one"]}
    with pytest.raises(BadReply, match="n/k did not answer with a Add"):
        await cell.ref.ask(Basket(["one"]), 5, into=Add)


async def test_what_cannot_travel_is_refused_here_as_well(node):
    cell = await start(node, "k", Keeper)
    with pytest.raises(BadMessage, match="object cannot travel"):
        cell.ref.tell(object())
    assert cell.actor.got == []


async def test_an_answer_that_cannot_travel_fails_the_ask_and_not_the_actor(node):
    class Odd(Actor):
        def receive(self, message: Any) -> Any:
            return object()

    cell = await start(node, "odd", Odd)
    with pytest.raises(HandlerFailed, match="n/odd answered with what cannot travel"):
        await cell.ref.ask(1, 5)
    assert cell.restarts == 0


async def test_a_message_of_a_type_that_is_not_taken_is_refused_and_the_actor_lives_on(node):
    cell = await start(node, "p", Picky)
    with pytest.raises(UnknownMessage, match="p takes no str"):
        await cell.ref.ask("what", 5)
    cell.ref.tell("what")
    assert node.surroundings.dead_letters.counts == {"unknown_message": 1}
    assert (await cell.ref.ask(Add(3), 5), cell.restarts) == (3, 0)


async def test_references_travel_in_messages(node):
    cell = await start(node, "p", Picky)
    assert await cell.ref.ask(Who(cell.ref), 5) == "n/p"


async def test_what_the_actor_raised_is_told_with_its_name_and_restarts_it(node):
    cell = await start(node, "k", Keeper)
    with pytest.raises(HandlerFailed, match="n/k failed: ValueError: no"):
        await cell.ref.ask("bad", 5)
    assert await cell.ref.ask("good", 5) == "good"
    assert cell.restarts == 1


@pytest.mark.parametrize("raised", [SystemExit(3), GeneratorExit(), BaseException("odd")])
async def test_no_error_of_one_actor_takes_the_node_along(node, raised):
    class Wild(Actor):
        async def receive(self, message: Any) -> Any:
            if message:
                await asyncio.sleep(0)
            raise raised

    cell = await start(node, "w", Wild)
    for late in (False, True):
        with pytest.raises(HandlerFailed, match=type(raised).__name__ if not late else "failed|raised"):
            await cell.ref.ask(late, 5)
        await asyncio.sleep(3)
    assert cell.restarts == 2


async def test_a_cycle_of_turn_based_actors_fails_at_once_with_its_path(node):
    for name in "abc":
        await start(node, name, Chain)
    begin = asyncio.get_running_loop().time()
    with pytest.raises(HandlerFailed, match="n/a → n/b → n/c → n/a"):
        await node.find("a").ref.ask(["n/b", "n/c", "n/a"], 60)
    assert asyncio.get_running_loop().time() == begin


async def test_an_actor_that_asks_itself_fails_at_once(node):
    class Selfish(Actor):
        async def receive(self, message: Any) -> Any:
            return await self.me.ask(1, 5)

    cell = await start(node, "s", Selfish)
    with pytest.raises(HandlerFailed, match="CallCycle: n/s → n/s"):
        await cell.ref.ask(1, 60)
    assert issubclass(CallCycle, Exception)


async def test_an_ask_ends_with_its_time_and_stops_the_work(node):
    cell = await start(node, "s", Slow)
    with pytest.raises(DeadlineExceeded):
        await cell.ref.ask(30, 2)
    await asyncio.sleep(0)
    assert cell.actor.log == ["30 cancelled"]
    assert await cell.ref.ask(1, 5) == 1


async def test_an_asker_that_is_cancelled_stops_the_work(node):
    cell = await start(node, "s", Slow)
    ask = asyncio.ensure_future(cell.ref.ask(30, 60))
    await asyncio.sleep(1)
    ask.cancel()
    await asyncio.sleep(1)
    assert cell.actor.log == ["30 cancelled"]


async def test_ten_thousand_messages_to_a_stopped_actor_become_dead_letters_and_no_storm(node):
    cell = await start(node, "k", Keeper)
    ref, published = cell.ref, []
    node.surroundings.dead_letters.publish = published.append
    await node.stop_child("k")
    for number in range(10_000):
        ref.tell(number)
    assert node.surroundings.dead_letters.counts["unknown_actor"] == 10_000
    assert len(published) == 20
    with pytest.raises(UnknownActor, match="n has no actor k"):
        await ref.ask(1, 5)


async def test_a_reference_finds_the_actor_that_took_the_place_of_a_stopped_one(node):
    ref = (await start(node, "k", Keeper)).ref
    await node.stop_child("k")
    await start(node, "k", Keeper)
    assert await ref.ask("new", 5) == "new"


async def test_a_full_mailbox_is_told_to_an_asker_and_a_teller_leaves_a_dead_letter(node):
    cell = await start(node, "s", Slow, mailbox=1)
    cell.ref.tell(5)
    cell.ref.tell(5)
    with pytest.raises(Overloaded):
        await cell.ref.ask(1, 5)
    cell.ref.tell(1)
    assert node.surroundings.dead_letters.counts == {"overloaded": 1}


async def test_one_that_watches_hears_once_and_not_of_restarts(node):
    watcher, cell = await start(node, "w", Watcher), await start(node, "k", Keeper)
    watcher.ref.tell(Who(cell.ref))
    cell.ref.tell("bad")
    await asyncio.sleep(3)
    assert (cell.restarts, watcher.actor.gone) == (1, [])
    await node.stop_child("k")
    await node.stop_child("k")
    assert watcher.actor.gone == [("n/k", "ValueError: no")]


async def test_one_that_watches_nobody_hears_so_at_once(node):
    watcher = await start(node, "w", Watcher)
    watcher.ref.tell(Who(Ref.to("n/nobody", node.surroundings)))
    await asyncio.sleep(1)
    assert watcher.actor.gone == [("n/nobody", "no such actor")]


async def test_a_stopped_actor_is_told_so(node):
    cell = await start(node, "k", Keeper)
    await node.stop_child("k")
    with pytest.raises(ActorStopped):
        cell.tell(1)


async def test_a_million_turns_on_one_stack_are_no_recursion(node):
    class Ring(Actor):
        def receive(self, message: Any) -> Any:
            number, left = message
            if left:
                self.find(f"n/r{(number + 1) % 300}").tell(((number + 1) % 300, left - 1))
            else:
                done.set_result(None)

    done = asyncio.get_running_loop().create_future()
    for number in range(300):
        node.spawn(ChildSpec("r", Ring), f"r{number}")
    node.find("r0").ref.tell((0, 3000))
    await asyncio.wait_for(done, 5)
