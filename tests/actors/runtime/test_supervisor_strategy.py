"""Supervisors at work in virtual time: strategies, nested supervisors, escalation, dynamic and significant children."""

import asyncio
import random

import pytest

from plait.actors.loop.backoff import Backoff
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.error import ActorStopped, IntensityExceeded, StartFailed
from plait.actors.runtime.actor import Actor
from plait.actors.runtime.life_state import Life
from plait.actors.runtime.spec import AutoShutdown, ChildSpec, Limits, Restart, Strategy, SupervisorSpec
from plait.actors.runtime.supervisor import Supervisor
from plait.actors.runtime.surroundings import Surroundings
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

STEADY = Limits(5, 10.0, Backoff(1.0, 1.0, 0.0))


class World:
    """Supervisors whose actors write down what happens to them; `fail_start` names those that cannot start now."""

    def __init__(self):
        self.log, self.fail_start, self.ends = [], set(), []
        loop = asyncio.get_running_loop()
        self.deadlines = Deadlines(loop)
        self.around = Surroundings(loop, self.deadlines, random.Random(1), node="n")

    def spec(self, name, **more):
        world = self

        class Child(Actor):
            async def pre_start(self):
                if name in world.fail_start:
                    raise OSError("no luck")
                world.log.append(f"+{name}")

            async def on_restart(self, reason):
                world.log.append(f"!{name} {reason}")

            def receive(self, message):
                if message == "bad":
                    raise ValueError("bad")
                if message == "end":
                    self.finish()
                return message

            async def post_stop(self):
                world.log.append(f"-{name}")

        return ChildSpec(name, Child, **more)

    async def run(self, *specs, **more):
        spec = SupervisorSpec("top", tuple(specs), limits=more.pop("limits", STEADY), **more)
        self.top = Supervisor("top", self.around, failed=self.ends.append, spec=spec)
        await self.top.start()
        self.log.clear()
        return self.top

    def tell(self, path, message="bad"):
        self.top.find(path).tell(message)


@pytest.fixture
async def world():
    world = World()
    yield world
    await world.top.stop()
    world.deadlines.close()


async def test_one_for_one_restarts_the_failed_child_alone(world):
    await world.run(*map(world.spec, "abc"))
    world.tell("b")
    await asyncio.sleep(2)
    assert world.log == ["-b", "+b", "!b bad"]


async def test_one_for_all_restarts_everybody_in_order(world):
    await world.run(*map(world.spec, "abc"), strategy=Strategy.ONE_FOR_ALL)
    world.tell("b")
    await asyncio.sleep(2)
    assert world.log == ["-c", "-a", "-b", "+a", "+b", "!b bad", "+c"]
    assert [child.restarts for child in world.top.children] == [1, 1, 1]


async def test_rest_for_one_restarts_those_that_were_started_later(world):
    await world.run(*map(world.spec, "abc"), strategy=Strategy.REST_FOR_ONE)
    world.tell("b")
    await asyncio.sleep(2)
    assert world.log == ["-c", "-b", "+b", "!b bad", "+c"]


async def test_a_temporary_sibling_goes_with_the_others_and_does_not_come_back(world):
    temporary = world.spec("t", restart=Restart.TEMPORARY)
    await world.run(world.spec("a"), temporary, strategy=Strategy.ONE_FOR_ALL)
    world.tell("a")
    await asyncio.sleep(2)
    assert world.log == ["-t", "-a", "+a", "!a bad"]
    assert world.top.find("t") is None


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_the_mailboxes_of_all_that_are_restarted_are_kept(world, strategy):
    await world.run(*map(world.spec, "ab"), strategy=strategy)
    world.tell("a")
    answers = [asyncio.ensure_future(world.top.find(name).ask(name, 60)) for name in "ab"]
    assert await asyncio.gather(*answers) == ["a", "b"]


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_a_sibling_that_cannot_start_again_is_tried_until_it_can(world, strategy):
    await world.run(*map(world.spec, "ab"), strategy=strategy)
    world.fail_start.add("b")
    world.tell("a")
    await asyncio.sleep(2.5)
    assert world.top.find("b").life is Life.FAILED
    world.fail_start.clear()
    await asyncio.sleep(2)
    assert world.top.running()
    assert world.ends == []


async def test_a_child_that_can_never_start_again_ends_its_supervisor(world):
    await world.run(world.spec("a"), limits=Limits(3, 100.0, Backoff(1.0, 1.0, 0.0)))
    world.fail_start.add("a")
    world.tell("a")
    await asyncio.sleep(20)
    (error,) = world.ends
    assert isinstance(error, IntensityExceeded)
    assert str(error).count("could not restart: no luck") == 3


async def test_more_restarts_than_the_intensity_within_the_period_end_the_supervisor(world):
    await world.run(world.spec("a"), world.spec("b"), limits=Limits(2, 100.0, Backoff(1.0, 1.0, 0.0)))
    for _ in range(3):
        world.tell("a")
        await asyncio.sleep(2)
    (error,) = world.ends
    assert "top gave up: more than 2 restarts in 100 s (a: ValueError: bad; a: ValueError: bad" in str(error)
    assert world.log[-2:] == ["-b", "-a"] or world.log[-1] == "-b"


async def test_restarts_that_are_far_apart_never_end_it(world):
    await world.run(world.spec("a"), limits=Limits(1, 5.0, Backoff(1.0, 1.0, 0.0)))
    for _ in range(10):
        world.tell("a")
        await asyncio.sleep(6)
    assert world.ends == []
    assert world.top.find("a").restarts == 10


async def test_a_supervisor_that_gives_up_is_restarted_by_the_one_above_with_new_children(world):
    inner = SupervisorSpec("in", (world.spec("x"), world.spec("y")), limits=Limits(1, 100.0, Backoff(1.0, 1.0, 0.0)))
    await world.run(inner, world.spec("z"))
    first = world.top.find("in/x")
    world.tell("in/x")
    await asyncio.sleep(2)
    world.tell("in/x")
    waiting = asyncio.ensure_future(first.ask("lost", 60))
    await asyncio.sleep(3)
    with pytest.raises(ActorStopped):  # an escalation does not keep mailboxes
        await waiting
    assert world.top.find("in/x").life is Life.RUNNING
    assert world.top.child("in").restarts == 1
    assert "in gave up" in world.top.child("in").trouble
    assert world.log.count("-z") == 0


async def test_the_whole_chain_of_reasons_goes_up(world):
    inner = SupervisorSpec("in", (world.spec("x"),), limits=Limits(0, 1.0))
    await world.run(inner, limits=Limits(0, 1.0))
    world.tell("in/x")
    await asyncio.sleep(1)
    (error,) = world.ends
    assert "top gave up" in str(error)
    assert "in gave up" in str(error)
    assert "x: ValueError: bad" in str(error)


@pytest.mark.parametrize(("rule", "gone"), [(AutoShutdown.ANY_SIGNIFICANT, 1), (AutoShutdown.ALL_SIGNIFICANT, 2)])
async def test_significant_children_that_end_take_their_supervisor_along(world, rule, gone):
    specs = [world.spec(name, restart=Restart.TRANSIENT, significant=True) for name in "ab"]
    await world.run(*specs, world.spec("c"), auto_shutdown=rule)
    for name in "ab"[:gone]:
        assert world.ends == []
        world.tell(name, "end")
        await asyncio.sleep(1)
    assert world.ends == [None]
    assert world.top.children == ()


async def test_a_failed_start_undoes_what_was_started(world):
    await world.run()
    world.fail_start.add("c")
    inner = SupervisorSpec("in", tuple(map(world.spec, "abc")))
    with pytest.raises(StartFailed, match="in could not start: c could not start: no luck"):
        await world.top.start_child(inner)
    assert world.log == ["+a", "+b", "-b", "-a"]
    assert world.top.children == ()


async def test_a_supervisor_whose_start_failed_can_be_started_again(world):
    await world.run()
    world.fail_start.add("a")
    with pytest.raises(StartFailed):
        await world.top.start([world.spec("a")])
    world.fail_start.clear()
    await world.top.start([world.spec("a")])
    world.tell("a")
    await asyncio.sleep(2)
    assert world.top.running()


async def test_a_replaced_child_keeps_its_mail_and_its_place(world):
    await world.run(*map(world.spec, "ab"))
    cell = world.top.find("a")
    replaced = asyncio.ensure_future(world.top.replace_child(world.spec("a", mailbox=7)))
    assert await cell.ask("kept", 60) == "kept"
    assert await replaced is cell
    assert [child.name for child in world.top.children] == ["a", "b"]
    assert cell.mailbox.capacity == 7


async def test_a_replacement_that_cannot_start_leaves_the_old_child_running(world):
    await world.run(world.spec("a"))

    class Broken(Actor):
        def __init__(self):
            raise OSError("broken")

    with pytest.raises(StartFailed, match="goes on as before: broken"):
        await world.top.replace_child(ChildSpec("a", Broken))
    assert await world.top.find("a").ask("still there", 5) == "still there"


async def test_the_stop_of_a_tree_is_the_reverse_of_its_start(world):
    inner = SupervisorSpec("in", tuple(map(world.spec, "xy")))
    await world.run(world.spec("a"), inner, world.spec("b"))
    await world.top.stop()
    assert world.log == ["-b", "-y", "-x", "-a"]


async def test_spawn_starts_an_actor_at_once_and_refuses_one_that_has_to_make_ready(world):
    await world.run()

    class Plain(Actor):
        def receive(self, message):
            return message

    cell = world.top.spawn(ChildSpec("worker", Plain), "worker-7")
    assert (cell.life, cell.path, world.top.find("worker-7")) == (Life.RUNNING, "worker-7", cell)
    with pytest.raises(StartFailed, match="already has a child 'worker-7'"):
        world.top.spawn(ChildSpec("worker", Plain), "worker-7")
    with pytest.raises(StartFailed, match="use start_child"):
        world.top.spawn(world.spec("slow"))
