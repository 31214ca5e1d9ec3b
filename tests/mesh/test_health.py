"""A node's health: what it logs, counts and says of itself when its loop is late."""

import logging

import pytest

from plait.actors.loop.watchdog import Blocked, Ended, StoodStill
from plait.actors.runtime.actor import Actor
from plait.mesh.health import UNWELL, Health, actor_of
from plait.tracing.metrics import Metrics

pytestmark = pytest.mark.anyio


class World:
    def __init__(self):
        self.now = 1000.0
        self.metrics = Metrics(process=False)
        self.health = Health(self.metrics, clock=lambda: self.now)

    def beat(self, after, late=0.0):
        self.now += after
        self.health.beaten(self.now, late)

    def block(self, who, seconds=0.4):
        self.health.report(Blocked(who, 0.1, f"the stack of {who}"))
        self.now += seconds
        self.health.report(Ended(who, seconds))

    def value(self, name, **labels):
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.fixture
async def world():
    return World()


@pytest.fixture
def lines(caplog, monkeypatch):
    """What is logged."""
    monkeypatch.setattr(logging.getLogger("plait"), "propagate", True)
    caplog.set_level(logging.WARNING, "plait.node")
    return lambda: [record.getMessage() for record in caplog.records]


def test_an_actor_is_named_by_its_path_and_nothing_else_is_named():
    class Some(Actor):
        pass

    class Claims:
        @property
        def __class__(self):
            raise RuntimeError("code of others")

    running = Some()
    running.cell = type("FakeCell", (), {"path": "shop/basket"})()
    assert actor_of(running) == "shop/basket"
    assert actor_of(Some()) is None, "one that is being made has no name yet"
    assert actor_of(Claims()) is None
    assert actor_of("proxy") is None


async def test_who_blocks_is_logged_with_its_stack_and_counted(world, lines):
    world.block("reviews-v1-1", 0.4)
    first, second = lines()
    assert "actor reviews-v1-1 has blocked the event loop for 0.10 s" in first
    assert "the stack of reviews-v1-1" in first
    assert second == "actor reviews-v1-1 held the event loop for 0.40 s"
    assert world.value("plait_actor_blocked_total", actor="reviews-v1-1") == 1
    assert world.value("plait_actor_blocked_seconds_total", actor="reviews-v1-1") == 0.4


async def test_the_same_actor_fills_the_log_once_in_ten_seconds_and_is_counted_always(world, lines):
    for _ in range(5):
        world.block("noisy", 0.4)
    world.block("other", 0.4)
    assert len(lines()) == 4, "two lines for each of them"
    world.now += 10
    world.block("noisy", 0.4)
    assert "(and 4 more since)" in lines()[4]
    assert world.value("plait_actor_blocked_total", actor="noisy") == 6


async def test_actors_without_end_share_a_series(world):
    for number in range(300):
        world.block(f"guest-{number}")
    assert world.value("plait_actor_blocked_total", actor="guest-0") == 1
    assert world.value("plait_actor_blocked_total", actor="other") == 100


async def test_a_process_that_stood_still_is_told_of_and_nobody_is_blamed(world, lines):
    world.health.report(StoodStill(UNWELL / 2))
    assert lines() == []
    world.health.report(StoodStill(2.1))
    (line,) = lines()
    assert "the process stood still for 2.1 s" in line


async def test_a_node_says_once_that_it_is_unwell_and_once_that_it_is_well_again(world, lines):
    world.beat(0.025, UNWELL)
    assert (world.health.unwell, world.value("plait_node_unwell")) == ("", 0)
    world.beat(0.3, 0.31)
    world.beat(0.4, 0.4)
    assert world.health.unwell == "unwell: its event loop was 0.40 s late within the last 10 s"
    assert world.value("plait_node_unwell") == 1
    assert world.value("plait_loop_lag_seconds") == 0.4
    for _ in range(8):
        world.beat(1.0)
    assert world.health.unwell
    for _ in range(3):
        world.beat(1.0)
    assert (world.health.unwell, world.value("plait_node_unwell")) == ("", 0)
    ill, well = lines()
    assert "unwell" in ill
    assert "well again" in well
    assert world.value("plait_loop_delay_seconds_count") == 14
