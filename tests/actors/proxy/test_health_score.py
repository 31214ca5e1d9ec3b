"""Health scores: what failures, slowness and saturation make of them, what noise does not, and how they come back."""

import math
from types import SimpleNamespace

import pytest

from plait.actors.messages.envelope import VERSION, ReplyFrame
from plait.actors.messages.instance import Instance
from plait.actors.messages.load import LoadReport
from plait.actors.messages.traffic import Locality
from plait.actors.proxy.endpoint import UNFIT, Endpoint
from plait.actors.proxy.health_score import AT_LIMIT, STALE, score, scores
from plait.actors.proxy.level import levels
from plait.actors.proxy.locality import here
from plait.actors.proxy.scoring import Scoring

OK, BAD = ReplyFrame(VERSION, 200, [], b""), ReplyFrame(VERSION, 500, [], b"")


def endpoint(number, locality=""):
    return Endpoint(Instance(f"r{number}", "reviews", "v1", {}, locality, f"n{number}", 1))


def called(one, now, good=0, bad=0, seconds=0.02):
    for _ in range(good):
        one.tally.note(OK, seconds, now)
    for _ in range(bad):
        one.tally.note(BAD, 0.0001, now)


def test_without_news_an_instance_is_well():
    assert score(0, 0, 0.0, 0.0, 0.0) == 1.0


def test_failures_lower_it_by_their_share_and_one_alone_hardly():
    assert score(1000, 500, 0.02, 0.02, 0.0) == pytest.approx(0.5, abs=0.01)
    assert score(1000, 1000, 0.0, 0.02, 0.0) < 0.01
    assert score(1, 1, 0.0, 0.02, 0.0) > 0.8


def test_one_ten_times_slower_than_its_peers_is_a_fifth_as_good():
    assert score(1000, 0, 0.2, 0.02, 0.0) == pytest.approx(0.2, abs=0.01)


def test_twice_as_slow_and_any_difference_below_five_milliseconds_is_noise():
    assert score(1000, 0, 0.04, 0.02, 0.0) == 1.0
    assert score(1000, 0, 0.005, 0.0001, 0.0) == 1.0


def test_saturation_counts_from_four_fifths_on_and_never_kills():
    assert score(100, 0, 0.02, 0.02, 0.8) == 1.0
    assert score(100, 0, 0.02, 0.02, 0.9) == pytest.approx(0.75)
    assert score(100, 0, 0.02, 0.02, 1.0) == pytest.approx(AT_LIMIT)


def test_each_is_measured_against_its_peers_and_a_single_instance_against_nobody():
    fast, also, slow = endpoint(1), endpoint(2), endpoint(3)
    for one, seconds in ((fast, 0.02), (also, 0.02), (slow, 0.4)):
        called(one, 100.0, good=200, seconds=seconds)
    assert scores([fast, also, slow], 100.0)[:2] == [1.0, 1.0]
    assert scores([fast, also, slow], 100.0)[2] < 0.2
    assert scores([slow], 100.0) == [1.0]


def test_an_old_report_says_nothing():
    one = endpoint(1)
    one.report(LoadReport(utilization=1.0), 100.0)
    assert scores([one], 100.0 + STALE) == [AT_LIMIT]
    assert scores([one], 100.1 + STALE) == [1.0]


class World:
    """Time by hand; `told` holds the services whose scores have changed."""

    def __init__(self, *endpoints):
        self.now, self.timers, self.told = 100.0, [], []
        services = {"reviews": {one.id: one for one in endpoints}}
        deadlines = SimpleNamespace(at=lambda when, fire: self.timers.append((when, fire)))
        slices = SimpleNamespace(start=self.start)
        self.scoring = Scoring(deadlines, lambda: self.now, lambda: services, self.told.append, slices)

    def start(self, steps, done):
        for _ in steps:
            pass
        done(None)

    def go(self, seconds):
        end = self.now + seconds
        while self.timers and self.timers[0][0] <= end:
            self.now, fire = self.timers.pop(0)
            fire()
        self.now = end


def test_who_fails_is_found_within_two_seconds_and_comes_back_as_the_past_fades():
    good, bad = endpoint(1), endpoint(2)
    world = World(good, bad)
    for _ in range(3):
        called(good, world.now, good=20)
        called(bad, world.now, bad=20)
        world.scoring.noted(bad)
        world.go(1.0)
    assert good.score == 1.0
    assert bad.score < UNFIT
    assert bad.fitness == bad.score
    assert world.told[0] == "reviews"
    world.go(90.0)
    assert bad.score == 1.0
    assert bad.fitness == 1.0


def test_a_service_that_is_not_called_any_more_is_not_looked_at_any_more():
    one = endpoint(1)
    world = World(one)
    called(one, world.now, good=50)
    world.scoring.noted(one)
    world.go(200.0)
    assert world.timers == []
    assert world.told == []


def test_no_figure_makes_a_score_that_is_none():
    for recent, failed, latency, typical in ((1e9, 1e9, 1e9, 1e-9), (0.0, 0.0, 1e9, 1e-12), (1e-12, 1e-12, 0.0, 0.0)):
        found = score(recent, failed, latency, typical, 1.0)
        assert 0.0 <= found <= 1.0
        assert math.isfinite(found)


def test_calls_leave_a_locality_whose_instances_do_badly_though_the_registry_finds_them_healthy():
    near, far = [endpoint(n, "eu/a/1") for n in range(4)], [endpoint(n + 4, "eu/b/1") for n in range(4)]
    caller, everybody = here("eu/a/1", "n0", {}), [*near, *far]
    assert [level.share for level in levels(everybody, everybody, caller, Locality())] == [1.0, 0.0]
    near[0].score = UNFIT + 0.01  # one that does not so well counts as a whole one still
    assert [level.share for level in levels(everybody, everybody, caller, Locality())] == [1.0, 0.0]
    for one in near:
        one.score = 0.1
    shares = [level.share for level in levels(everybody, everybody, caller, Locality())]
    assert shares == pytest.approx([0.14, 0.86])
