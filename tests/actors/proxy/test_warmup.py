"""How the share of a new or returned instance grows: Envoy's formula, and who counts as new."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors.loop.timer import Deadline
from plait.actors.messages.instance import Instance
from plait.actors.messages.traffic import Warmup
from plait.actors.proxy.endpoint import Endpoint
from plait.actors.proxy.warmup import Warming, factor


@pytest.mark.parametrize(
    ("aggression", "alive", "expected"),
    [
        (1.0, 0.0, 0.1),
        (1.0, 6.0, 0.1),
        (1.0, 15.0, 0.25),
        (1.0, 30.0, 0.5),
        (1.0, 60.0, 1.0),
        (1.0, 600.0, 1.0),
        (2.0, 15.0, 0.5),
        (2.0, 0.0, (1 / 60) ** 0.5),  # counts as alive for a second
        (0.5, 30.0, 0.25),
        (0.5, 15.0, 0.1),
    ],
)
def test_the_factor_grows_with_time(aggression, alive, expected):
    assert factor(Warmup(60.0, aggression=aggression), alive) == pytest.approx(expected)


@pytest.mark.parametrize(("percent", "expected"), [(0.0, 1 / 60), (50.0, 0.5), (100.0, 1.0)])
def test_the_least_is_what_was_asked_for(percent, expected):
    assert factor(Warmup(60.0, percent), 0.0) == pytest.approx(expected)


def test_a_window_of_less_than_a_second_is_no_window():
    assert factor(Warmup(0.5), 0.0) == 1.0


@given(
    st.floats(0.001, 1e5),
    st.floats(0, 100),
    st.floats(0.01, 100),
    st.floats(0, 1e5),
    st.floats(0, 1e5),
)
def test_it_never_falls_and_stays_between_the_least_and_one(duration, percent, aggression, sooner, later):
    policy = Warmup(duration, percent, aggression)
    before, after = (factor(policy, alive) for alive in sorted((sooner, later)))
    assert percent / 100 <= before <= after <= 1.0
    assert factor(policy, duration) == 1.0


class Time:
    """A clock that is set, and timers that fire when it passes them."""

    def __init__(self):
        self.now, self.due, self.steps = 100.0, [], 0

    def __call__(self):
        return self.now

    def at(self, when, fire):
        deadline = Deadline({}, fire)
        self.due.append((when, deadline))
        return deadline

    def pass_to(self, now):
        while self.due and min(self.due, key=lambda one: one[0])[0] <= now:
            when, deadline = min(self.due, key=lambda one: one[0])
            self.due.remove((when, deadline))
            self.now, self.steps = when, self.steps + 1
            deadline.fire()
        self.now = now


class Pool:
    """A warm-up and who may be called, as a cluster would have it."""

    def __init__(self, policy, **ages):
        self.time = Time()
        self.there = []
        self.warming = Warming(policy, self.time, self.time, lambda: self.warming.follow(self.there))
        self.have(*(endpoint(name, self.time.now - age) for name, age in ages.items()))

    def have(self, *endpoints):
        self.there = endpoints
        self.warming.follow(endpoints)

    def after(self, seconds):
        self.time.pass_to(self.time.now + seconds)
        self.have(*self.there)
        return {one.id: round(one.weight, 3) for one in self.there}


def endpoint(name, since=0.0, weight=1.0):
    return Endpoint(Instance(name, "s", "v1", {}, "", "n", 1, weight=weight), since)


def test_who_joins_later_is_warming_and_who_was_there_is_as_old_as_it_is():
    pool = Pool(Warmup(10.0), old=100.0, young=5.0)
    assert pool.after(0.0) == {"old": 1.0, "young": 0.5}
    pool.have(*pool.there, endpoint("new", pool.time.now))
    assert pool.after(2.0) == {"old": 1.0, "young": 0.7, "new": 0.2}
    assert pool.after(3.0) == {"old": 1.0, "young": 1.0, "new": 0.5}
    assert pool.after(5.0) == {"old": 1.0, "young": 1.0, "new": 1.0}


def test_weights_change_step_by_step_and_nothing_goes_on_afterwards():
    pool = Pool(Warmup(10.0), old=100.0)
    assert pool.time.due == []
    pool.have(*pool.there, endpoint("new"))
    seen = []
    for _ in range(12):
        pool.time.pass_to(pool.time.now + 1.0)
        seen.append(round(pool.there[1].weight, 1))
    assert seen == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0, 1.0]
    assert pool.time.due == []
    assert 95 <= pool.time.steps <= 101


def test_a_short_warm_up_has_a_step_every_tenth_of_a_second():
    pool = Pool(Warmup(2.0), old=100.0)
    pool.have(*pool.there, endpoint("new"))
    pool.time.pass_to(pool.time.now + 5.0)
    assert 19 <= pool.time.steps <= 21


def test_who_comes_back_warms_up_again():
    pool = Pool(Warmup(10.0), a=100.0, b=100.0)
    a, b = pool.there
    pool.have(a)
    pool.after(10.0)
    pool.have(a, b)
    assert pool.after(5.0) == {"a": 1.0, "b": 0.5}


def test_who_leaves_while_it_warms_is_forgotten():
    pool = Pool(Warmup(10.0), a=100.0)
    a, new = pool.there[0], endpoint("new", 100.0)
    pool.have(a, new)
    pool.have(a)
    assert new.weight == 1.0
    pool.time.pass_to(pool.time.now + 1.0)
    assert pool.time.due == []


def test_after_nobody_was_left_those_who_come_back_carry_all_of_it_at_once():
    pool = Pool(Warmup(10.0), a=100.0)
    a = pool.there[0]
    pool.have()
    pool.have(a)
    assert pool.after(0.0) == {"a": 1.0}


def test_a_service_that_begins_altogether_is_shared_out_evenly():
    pool = Pool(Warmup(10.0), a=0.0, b=0.0, c=0.0)
    for _ in range(11):
        assert len(set(pool.after(1.0).values())) == 1


def test_the_registered_weight_is_what_grows():
    pool = Pool(Warmup(10.0), old=100.0)
    pool.have(*pool.there, endpoint("big", 100.0, weight=4.0))
    assert pool.after(5.0) == {"old": 1.0, "big": 2.0}


def test_a_policy_that_ends_gives_whole_weights_and_another_one_holds_at_once():
    pool = Pool(Warmup(10.0), old=100.0)
    pool.have(*pool.there, endpoint("new", 100.0))
    pool.warming.policy = Warmup(20.0)
    assert pool.after(5.0)["new"] == 0.25
    pool.warming.end()
    assert pool.there[1].weight == 1.0
    pool.time.pass_to(200.0)
    assert pool.there[1].weight == 1.0


def test_of_two_warm_ups_the_colder_one_counts():
    slow, quick = Pool(Warmup(100.0), old=100.0), Pool(Warmup(10.0), old=100.0)
    new = endpoint("new", 100.0)
    for pool in (slow, quick):
        pool.have(*pool.there, new)
        pool.after(5.0)
    assert new.weight == pytest.approx(0.1)
    slow.warming.end()
    assert new.weight == pytest.approx(0.5)
