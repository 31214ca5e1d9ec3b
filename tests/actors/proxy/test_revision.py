"""A node's policy heals by itself whatever push is lost, and never goes back."""

import asyncio
import random
from itertools import count

import pytest

from plait.actors.bus.ask import Asker
from plait.actors.bus.memory import MemoryServer
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.codec import Codec, encode
from plait.actors.messages.error import DeadlineExceeded, Undecodable
from plait.actors.messages.subject import Subjects
from plait.actors.messages.table import Acknowledge, Activate, Prepare
from plait.actors.proxy.revision import PolicyFollower
from plait.actors.table.replica import Table, apply, digest
from plait.actors.table.snapshot import SnapshotSource

pytestmark = pytest.mark.anyio
SUBJECTS = Subjects()
_said = Codec[Acknowledge](Acknowledge)


class Engine:
    """Pushes that can be lost; snapshots of what is active."""

    def __init__(self, bus):
        self.bus = bus
        self.active, self.rules = 0, {}
        self.said = []
        self.source = SnapshotSource(lambda: Table(self.active, self.rules))
        self.subscription = self.source.serve(bus, SUBJECTS, "pol", "policy")
        bus.subscribe(SUBJECTS.acknowledgements(), self._heard)

    def _heard(self, subject, reply, payload, headers):
        said = _said.decode(payload)
        self.said.append((said.state, said.revision))

    def push(self, message):
        self.bus.publish(SUBJECTS.push("pol", str(message.revision)), encode(message))

    async def change(self, key, value, lose=(), parts=1, proof=None):
        rules = dict(self.rules)
        apply(rules, [(key, value)])
        revision = self.active + 1
        if "prepare" not in lose:
            for part in range(parts):
                changes = ((key, value),) if part == parts - 1 else ()
                self.push(Prepare(self.active, revision, proof or digest(rules), changes, part, parts))
            await self.bus.flush()
            await self.bus.flush()
        self.active, self.rules = revision, rules
        if "activate" not in lose:
            self.push(Activate(revision))
            await self.bus.flush()


@pytest.fixture
async def world(monkeypatch):
    monkeypatch.setattr(PolicyFollower, "IMPATIENT", 0.05)
    monkeypatch.setattr(PolicyFollower, "CHECK", 0.2)

    class World:
        pass

    world = World()
    world.server = MemoryServer()
    world.deadlines = Deadlines(asyncio.get_running_loop())
    world.engine = Engine(world.server.connect("engine"))
    world.asker = Asker(world.server.connect("n1"), SUBJECTS, "n1", world.deadlines)
    world.active = []
    world.fails = set()

    world.steps = 1
    world.clock = lambda: 0.0

    def prepare(revision, entries):
        if revision in world.fails:
            raise ValueError("no")
        for _ in range(world.steps):
            yield
        return dict(entries)

    world.breaks = set()

    def activate(revision, rules):
        if revision in world.breaks:
            raise ValueError("whoever follows the table")
        world.active.append((revision, rules))

    world.node = PolicyFollower(
        world.asker,
        "n1",
        prepare,
        activate,
        random.Random(1),
        0.2,
        clock=lambda: world.clock(),  # noqa: PLW0108  -- a test may replace it
    )
    yield world
    await world.node.stop()
    world.deadlines.close()


async def test_it_starts_with_what_is_active(world):
    await world.engine.change("a", b"1")
    world.node.start()
    await world.node.ready(2)
    assert world.active == [(1, {"a": b"1"})]
    assert not world.node.stale


async def test_it_prepares_then_activates(world, until):
    world.node.start()
    await world.node.ready(2)
    world.engine.said.clear()
    await world.engine.change("a", b"1")
    await until(lambda: len(world.engine.said) == 2)
    assert world.engine.said == [("prepared", 1), ("active", 1)]
    assert world.active == [(1, {"a": b"1"})]


@pytest.mark.parametrize("lost", [("activate",), ("prepare",), ("prepare", "activate")])
async def test_lost_pushes_are_made_good(world, until, lost):
    world.node.start()
    await world.node.ready(2)
    await world.engine.change("a", b"1", lose=lost)
    await until(lambda: world.node.revision == 1)
    assert world.active == [(1, {"a": b"1"})]


async def test_a_revision_on_top_of_one_that_it_missed_is_fetched_whole(world, until):
    world.node.start()
    await world.node.ready(2)
    world.engine.active, world.engine.rules = 1, {"a": b"1"}  # nobody said so
    await world.engine.change("b", b"2")
    await until(lambda: world.node.revision == 2)
    assert world.active[-1] == (2, {"a": b"1", "b": b"2"})


async def test_a_revision_that_came_before_the_one_it_builds_on_is_prepared_as_soon_as_that_is_there(world, until):
    world.node.start()
    await world.node.ready(2)
    world.engine.active, world.engine.rules = 1, {"a": b"1"}  # nobody said so
    rules = {"a": b"1", "b": b"2"}
    world.engine.push(Prepare(1, 2, digest(rules), (("b", b"2"),)))
    await until(lambda: ("prepared", 2) in world.engine.said)
    assert world.engine.said[-2:] == [("active", 1), ("prepared", 2)]
    assert world.node.revision == 1
    world.engine.active, world.engine.rules = 2, rules
    world.engine.push(Activate(2))
    await until(lambda: world.node.revision == 2)
    assert world.active == [(1, {"a": b"1"}), (2, rules)]


async def test_parts_are_put_together(world, until):
    world.node.start()
    await world.node.ready(2)
    await world.engine.change("a", b"1", parts=4)
    await until(lambda: world.node.revision == 1)
    assert ("prepared", 1) in world.engine.said


async def test_a_wrong_digest_is_refused_and_the_whole_table_fetched(world, until):
    world.node.start()
    await world.node.ready(2)
    await world.engine.change("a", b"1", proof="0" * 64)
    await until(lambda: world.node.revision == 1)
    assert ("refused", 1) in world.engine.said


async def test_a_revision_that_does_not_compile_leaves_the_last_one(world, until):
    world.node.start()
    await world.node.ready(2)
    await world.engine.change("a", b"1")
    world.fails.add(2)
    await world.engine.change("a", b"2")
    await until(lambda: ("refused", 2) in world.engine.said)
    assert (world.node.revision, world.active[-1]) == (1, (1, {"a": b"1"}))
    assert "ValueError: no" in world.node.refused
    await world.engine.change("a", b"3")
    await until(lambda: world.node.revision == 3)
    assert world.node.refused == ""


@pytest.mark.parametrize("lose", [(), ("activate",)])
async def test_a_revision_that_cannot_be_put_in_force_leaves_a_node_that_goes_on(world, until, lose):
    world.node.start()
    await world.node.ready(2)
    world.breaks.add(1)
    await world.engine.change("a", b"1", lose)
    await until(lambda: ("refused", 1) in world.engine.said)
    assert (world.node.revision, world.active) == (0, [])
    assert "follows the table" in world.node.refused
    await world.engine.change("a", b"2")
    await until(lambda: world.node.revision == 2)
    assert world.active == [(2, {"a": b"2"})]


@pytest.mark.parametrize("by", ["activation", "look"])
async def test_an_activation_that_comes_while_the_revision_is_compiled_holds_when_it_is_ready(world, until, by):
    world.node.start()
    await world.node.ready(2)
    world.steps, world.clock = 30, count().__next__  # each step is a slice of its own
    await world.engine.change("a", b"1", lose=() if by == "activation" else ("activate",))
    assert world.node.revision == 0  # still at it, and the loop was free for this test
    if by == "look":
        world.node._look()
    await until(lambda: world.node.revision == 1)
    assert ("prepared", 1) not in world.engine.said
    assert world.active == [(1, {"a": b"1"})]


async def test_a_revision_that_comes_while_the_one_before_is_compiled_follows_it(world, until):
    world.node.start()
    await world.node.ready(2)
    world.steps, world.clock = 30, count().__next__  # each step is a slice of its own
    await world.engine.change("a", b"1")
    await world.engine.change("b", b"2")
    await until(lambda: world.node.revision == 2)
    assert world.active[-1] == (2, {"a": b"1", "b": b"2"})


async def test_it_stops_in_the_middle_of_compiling(world):
    world.node.start()
    await world.node.ready(2)
    world.steps, world.clock = 1000, count().__next__
    await world.engine.change("a", b"1")
    await world.node.stop()
    assert world.node.revision == 0
    assert world.active == []


async def test_a_node_that_was_cut_off_keeps_its_policy_and_catches_up(world, until):
    world.node.start()
    await world.node.ready(2)
    await world.engine.change("a", b"1")
    world.server.disconnect(world.asker.bus)
    assert world.node.stale
    await world.engine.change("a", b"2")
    assert world.active[-1] == (1, {"a": b"1"})
    world.server.reconnect(world.asker.bus)
    await until(lambda: world.node.revision == 2)
    assert not world.node.stale


async def test_without_an_engine_it_waits_and_says_so(world, until):
    world.engine.subscription.unsubscribe()
    world.node.start()
    with pytest.raises(DeadlineExceeded):
        await world.node.ready(0.05)
    world.engine.source.serve(world.engine.bus, SUBJECTS, "pol", "policy")
    await world.node.ready(2)


async def test_any_mixture_of_lost_and_doubled_pushes_converges_and_never_goes_back(world, until):
    world.node.start()
    await world.node.ready(2)
    rng = random.Random(4)
    for n in range(60):
        lost = tuple(what for what in ("prepare", "activate") if rng.random() < 0.3)
        await world.engine.change(rng.choice("abc"), rng.choice((None, str(n).encode())), lose=lost)
        if rng.random() < 0.3:
            world.engine.push(Activate(rng.randint(1, world.engine.active)))
        if rng.random() < 0.3:
            world.engine.push(Prepare(world.engine.active - 1, world.engine.active, "old", ()))
        assert world.node.undecodable == 0
    world.engine.bus.publish(SUBJECTS.push("pol", "1"), b"\xff")
    await until(lambda: world.node.revision == world.engine.active)
    assert world.active[-1][1] == world.engine.rules
    revisions = [revision for revision, _ in world.active]
    assert revisions == sorted(set(revisions))
    assert world.node.undecodable == 1


def test_noise_is_no_acknowledgement():
    with pytest.raises(Undecodable):
        _said.decode(b"\xff")
