"""Silence is held against a process only by a watcher that was awake; how long it may last, the process has taught."""

import random

import pytest

from plait.registry.accrual import Accrual
from plait.registry.liveness import Liveness


def beating(liveness, process="a", interval=0.25, count=100, jitter=0.0, start=0.0):
    """Have a process be heard regularly; returns when it was heard last."""
    rng, now = random.Random(1), start
    for _ in range(count):
        liveness.heard(process, now)
        now += interval + jitter * rng.random()
    return liveness.last(process)


def test_three_missed_heartbeats_make_a_process_suspect_and_not_two():
    liveness = Liveness()
    last = beating(liveness)
    assert liveness.silent(["a"], last + 0.74) == []
    assert liveness.silent(["a"], last + 0.76) == ["a"]


@pytest.mark.parametrize(("interval", "jitter"), [(0.25, 0.0), (0.25, 0.3), (0.5, 0.0)])
def test_a_silent_process_is_dead_between_the_pause_and_five_seconds(interval, jitter):
    liveness = Liveness()
    last = beating(liveness, interval=interval, jitter=jitter)
    assert not liveness.dead("a", last + 3.2)
    assert liveness.dead("a", last + 5.0)


def test_a_process_that_beats_unevenly_is_given_more_time():
    even, uneven = Liveness(), Liveness()
    when = {name: beating(one, jitter=jitter) for name, one, jitter in (("e", even, 0.0), ("u", uneven, 1.0))}
    assert even.dead("a", when["e"] + 3.9)
    assert not uneven.dead("a", when["u"] + 3.9)


def test_a_long_absence_teaches_nothing_about_the_intervals():
    liveness = Liveness()
    last = beating(liveness)
    back = beating(liveness, count=3, start=last + 60.0)
    assert liveness.dead("a", back + 4.0)


def test_everyone_gets_the_full_time_from_the_start():
    liveness = Liveness()
    liveness.begin(100.0)
    assert liveness.silent(["a"], 100.7) == []
    assert liveness.silent(["a"], 100.8) == ["a"]
    assert not liveness.dead("a", 103.0)
    assert liveness.dead("a", 104.5)


def test_time_that_the_watcher_slept_counts_against_nobody():
    liveness = Liveness()
    last = beating(liveness)
    assert liveness.forgive(30.0, last + 30.0)
    assert liveness.silent(["a"], last + 30.5) == []
    assert not liveness.dead("a", last + 33.0)
    assert not liveness.forgive(0.05, last + 31.0)
    assert liveness.silent(["a"], last + 31.0) == ["a"]
    liveness.heard("a", last + 100.0)
    liveness.heard("b", last + 100.0)
    assert liveness.forgive(69.0, last + 100.0)  # heard from the buffers at the very moment of waking
    assert liveness.last("a") == last + 100.0
    assert not liveness.fresh("a", last + 100.8)
    assert liveness.fresh("b", last + 100.7)


def test_long_silent_processes_are_forgotten_unless_kept():
    liveness = Liveness()
    liveness.heard("a", 0.0)
    liveness.heard("b", 0.0)
    liveness.forget(lambda process: process == "b", 61.0)
    assert not liveness.knows("a")
    assert liveness.knows("b")


def test_phi_is_the_chance_that_a_living_process_is_silent_for_so_long():
    accrual = Accrual(0.0, 1.0)
    for second in range(1, 200):
        accrual.heard(float(second), 3.0)
    # Mean 1 s, the least deviation 0.1 s, no pause: one half at the mean, one in 10 million five deviations later.
    assert accrual.phi(200.0, 0.0) == pytest.approx(0.301, abs=0.01)
    assert accrual.phi(200.1, 0.0) == pytest.approx(0.8, abs=0.02)
    assert accrual.phi(200.5, 0.0) == pytest.approx(7.3, abs=0.1)
    phis = [accrual.phi(199.0 + n / 10, 3.0) for n in range(100)]
    assert phis == sorted(phis)
    assert accrual.phi(1e9, 3.0) > 1000.0
