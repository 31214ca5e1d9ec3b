"""Weights by reported load: who does more for less gets more; what is too new, too old or impossible tells nothing."""

import random
from math import inf, nan

import pytest

from plait.actors.balancing.picker import alike
from plait.actors.balancing.reported_load import BLACKOUT, EXPIRY, ReportedLoad, weight_of
from plait.actors.messages.load import LoadReport
from tests.actors.balancing.member import Clock, counted, some, weights_of


def load(rate, busy, errors=0.0):
    return LoadReport(rate=rate, utilization=busy, errors=errors)


def world(*reports, weights=None):
    members = some(*(weights or [1] * len(reports)))
    clock = Clock()
    picker = ReportedLoad(random.Random(1), clock)
    picker.follow(members, alike(weights_of(members)))
    report(members, clock, reports)
    return members, clock, picker


def report(members, clock, reports):
    for one, said in zip(members, reports, strict=True):
        if said is not None:
            one.load, one.loaded_at = said, clock.now


def later(members, clock, picker, seconds, reports):
    """Reports come twice a second, and calls beside them."""
    for _ in range(int(seconds * 2)):
        clock.now += 0.5
        report(members, clock, reports)
        picker.pick(members)


@pytest.mark.parametrize(
    ("said", "weight"),
    [
        (load(100, 0.5), 200),
        (load(100, 0.5, errors=50), 100),
        (load(100, 0.0, errors=50), 200),
        (load(100, 0.0), 0),
        (LoadReport(rate=100, utilization=0.1, application=0.5), 200),
        (load(0, 0.5), 0),
        (load(nan, 0.5), 0),
        (load(100, nan), 0),
        (load(100, 0.5, nan), 0),
        (load(inf, 0.5), 0),
        (load(100, inf), 0),
        (load(-1, 0.5), 0),
        (load(100, -0.5), 0),
        (load(100, 0.5, -1), 0),
        (load(1e308, 1e-300), 0),
        (None, 0),
    ],
)
def test_a_report_makes_a_weight_or_says_nothing(said, weight):
    assert weight_of(said) == weight


def test_who_does_more_for_as_much_gets_more_after_the_blackout():
    reports = (load(100, 0.25), load(100, 0.5), load(100, 1.0))
    members, clock, picker = world(*reports)
    later(members, clock, picker, BLACKOUT - 1, reports)
    assert counted(picker, members, 300) == [100, 100, 100]
    later(members, clock, picker, 2, reports)
    assert counted(picker, members, 700) == pytest.approx([400, 200, 100], abs=2)


def test_who_says_nothing_of_sense_weighs_what_the_others_do_on_average():
    reports = (load(100, 0.25), load(100, 0.5), None, load(nan, 0.1))
    members, clock, picker = world(*reports)
    later(members, clock, picker, BLACKOUT + 2, reports)
    assert counted(picker, members, 1200) == pytest.approx([400, 200, 300, 300], abs=2)


def test_an_old_report_tells_nothing_and_a_new_one_is_not_believed_at_once():
    reports = (load(100, 0.1), load(100, 0.2), load(100, 0.6))
    members, clock, picker = world(*reports)
    later(members, clock, picker, BLACKOUT + 2, reports)
    later(members, clock, picker, EXPIRY + 1, (None, *reports[1:]))
    assert counted(picker, members, 1200) == pytest.approx([400, 600, 200], abs=3)
    later(members, clock, picker, BLACKOUT - 2, reports)
    assert counted(picker, members, 1200) == pytest.approx([400, 600, 200], abs=3)
    later(members, clock, picker, 4, reports)
    assert counted(picker, members, 1000) == pytest.approx([600, 300, 100], abs=3)


def test_weights_are_looked_at_once_a_second():
    reports = (load(100, 0.5), load(100, 0.5))
    members, clock, picker = world(*reports)
    later(members, clock, picker, BLACKOUT + 2, reports)
    members[0].load = load(300, 0.5)
    clock.now += 0.4
    assert counted(picker, members, 400) == pytest.approx([200, 200], abs=2)
    clock.now += 0.7
    assert counted(picker, members, 400) == pytest.approx([300, 100], abs=2)


def test_registered_weights_hold_while_nothing_is_reported_and_zero_always():
    reports = (load(100, 0.5), load(100, 0.5), load(100, 0.1))
    members, clock, picker = world(*reports, weights=(1, 3, 0))
    assert counted(picker, members, 400) == pytest.approx([100, 300, 0], abs=2)
    later(members, clock, picker, BLACKOUT + 2, reports)
    assert counted(picker, members, 400) == pytest.approx([200, 200, 0], abs=2)


def test_who_warms_up_gets_its_part_of_what_it_could_do():
    reports = (load(100, 0.5), load(100, 0.5))
    members, clock, picker = world(*reports)
    later(members, clock, picker, BLACKOUT + 2, reports)
    members[1].warmth = 0.25
    picker.follow(members, [1.0, 0.25])
    assert counted(picker, members, 500) == pytest.approx([400, 100], abs=2)
