"""One caller's judge: which outcomes eject, how many may be out, how long, and how instances come back."""

import logging

import msgspec
import pytest

from plait.actors.messages.error import (
    BusUnavailable,
    CallCycle,
    Cancelled,
    DeadlineExceeded,
    Disconnected,
    Draining,
    FaultInjected,
    MissedDeadline,
    NoEndpoints,
    NoResponders,
    Overloaded,
    Stalled,
    Undecodable,
    Unreachable,
)
from plait.actors.messages.traffic import Outlier
from tests.actors.proxy.court import BAD, GOOD, Court, answer


def court(instances=3, **policy):
    return Court(1, instances, Outlier(**policy))


def test_five_failures_in_a_row_eject_and_four_do_not():
    caller = court()[0]
    caller.has("i0", *[BAD] * 4, GOOD, *[BAD] * 4)
    assert caller.rotation == {"i0", "i1", "i2"}
    caller.has("i0", BAD)
    assert caller.rotation == {"i1", "i2"}
    ejection = caller.ejected("i0")
    assert (ejection.cause, ejection.count, ejection.until - ejection.since) == ("consecutive_5xx", 1, 30.0)
    assert ejection.reason == "5 failures in a row, the last: status 500"
    assert {caller.cluster.pick(()).id for _ in range(50)} == {"i1", "i2"}


@pytest.mark.parametrize("kind", [NoResponders, DeadlineExceeded, Unreachable])
def test_an_instance_that_gives_no_answer_is_ejected(kind):
    caller = court()[0]
    caller.has("i0", *[kind()] * 5, seconds=0.2)
    assert caller.out == {"i0"}


@pytest.mark.parametrize(
    "kind",
    [BusUnavailable, CallCycle, Cancelled, Disconnected, Draining, MissedDeadline, Overloaded, Stalled, Undecodable],
)
def test_what_is_not_the_instances_fault_neither_counts_nor_ends_a_row(kind):
    caller = court()[0]
    caller.has("i0", *[kind()] * 20)
    assert caller.out == set()
    caller.has("i0", *[BAD] * 4, kind(), None, BAD)
    assert caller.out == {"i0"}


def test_a_timeout_of_a_caller_in_a_hurry_says_nothing():
    caller = court()[0]
    caller.has("i0", *[DeadlineExceeded()] * 20, seconds=0.05)
    assert caller.out == set()


def test_while_its_own_line_is_down_missing_answers_say_nothing():
    caller = court()[0]
    caller.hearing.hears = lambda: False
    caller.has("i0", *[NoResponders()] * 20)
    assert caller.out == set()


def test_faults_put_in_at_an_attempt_count_by_their_status():
    caller = court()[0]
    caller.has("i0", *[FaultInjected(418)] * 9)
    caller.has("i1", *[FaultInjected(503)] * 5)
    assert caller.out == {"i1"}


def test_other_statuses_fail_where_the_policy_says_so():
    caller = court(codes=((429, 429),))[0]
    caller.has("i0", *[answer(404)] * 9)
    caller.has("i1", *[answer(429)] * 5)
    assert caller.out == {"i1"}


def test_a_row_of_gateway_errors_is_ended_by_any_other_answer():
    caller = court(consecutive_5xx=0, consecutive_gateway_errors=3)[0]
    caller.has("i0", *[answer(503)] * 2, BAD, *[answer(502)] * 2)
    assert caller.out == set()
    caller.has("i0", answer(504))
    assert caller.ejected("i0").cause == "consecutive_gateway_errors"


def test_split_counts_missing_answers_apart():
    caller = court(split=True, consecutive_local_failures=3)[0]
    caller.has("i0", *[BAD] * 3, *[NoResponders()] * 2, BAD, *[NoResponders()] * 2)
    assert caller.out == set()  # an answer, be it a bad one, shows that it is there
    caller.has("i0", NoResponders())
    assert caller.ejected("i0").cause == "consecutive_local_failures"


def test_one_may_always_be_ejected_of_two_and_never_the_only_one():
    two, only = court(2, max_ejection_percent=10.0)[0], court(1)[0]
    two.has("i0", *[BAD] * 5)
    two.has("i1", *[BAD] * 50)
    only.has("i0", *[BAD] * 50)
    assert (two.rotation, only.rotation) == ({"i1"}, {"i0"})
    assert sum(two.hearing.withheld.values()) > 0


def test_no_more_than_the_policy_allows_are_out():
    caller = court(10, max_ejection_percent=30.0)[0]
    for name in ("i0", "i1", "i2", "i3", "i4"):
        caller.has(name, *[BAD] * 9)
    assert caller.out == {"i0", "i1", "i2"}


def test_where_all_fail_alike_nobody_is_ejected():
    caller = court(4)[0]
    for _ in range(20):
        for name in ("i0", "i1", "i2", "i3"):
            caller.has(name, BAD)
    assert caller.out == set()
    assert caller.hearing.withheld["s", "", "all_alike"] > 0


def test_who_allows_all_to_be_ejected_gets_no_healthy_upstream():
    caller = court(2, max_ejection_percent=100.0, consecutive_5xx=1)[0]
    caller.has("i0", BAD)
    caller.has("i1", BAD)
    with pytest.raises(NoEndpoints, match="no healthy upstream"):
        caller.cluster.pick(())


def test_where_only_ejected_ones_are_left_they_are_asked_all_the_same():
    here = court(2)
    here[0].has("i0", *[BAD] * 5)
    here[0].directory.take_out("s", "i1")
    assert here[0].rotation == {"i0"}
    assert here[0].out == {"i0"}


def test_with_too_few_healthy_ones_calls_go_to_all():
    caller = court(4, min_health_percent=60.0)[0]
    caller.has("i0", *[BAD] * 5)
    assert caller.rotation == {"i1", "i2", "i3"}
    caller.has("i1", *[BAD] * 5)
    assert caller.rotation == {"i0", "i1", "i2", "i3"}


def back(here):
    """Wait until nobody is out; returns how long that took."""
    began = here.time.now
    while here[0].out:
        here.time.pass_(0.1)
    return here.time.now - began


def test_it_returns_at_the_first_interval_after_its_time_and_stays_out_longer_each_time():
    here = court()
    caller, lasted = here[0], []
    for _ in range(4):
        caller.has("i0", *[BAD] * 5)
        lasted.append(caller.ejected("i0").until - here.time.now)
        here.time.pass_(lasted[-1] - 0.1)
        assert caller.out == {"i0"}
        assert back(here) <= 10.2
    assert lasted == pytest.approx([30.0, 60.0, 90.0, 120.0])


def test_an_ejection_lasts_no_longer_than_the_longest_and_healthy_intervals_shorten_the_next():
    here = court(base_ejection=10.0, longest_ejection=20.0, interval=1.0)
    caller = here[0]
    for expected in (10.0, 20.0, 20.0):
        caller.has("i0", *[BAD] * 5)
        assert caller.ejected("i0").until - here.time.now == pytest.approx(expected)
        back(here)
    here.time.pass_(2.0)
    caller.has("i0", *[BAD] * 5)
    assert caller.ejected("i0").count < 3
    here.time.pass_(60.0)
    caller.has("i0", *[BAD] * 5)
    assert caller.ejected("i0").count == 1


def test_what_is_under_way_when_it_is_ejected_neither_prolongs_nor_ends_it():
    caller = court()[0]
    caller.has("i0", *[BAD] * 5)
    before = caller.ejected("i0")
    caller.has("i0", *[BAD] * 20, GOOD)
    assert caller.ejected("i0") is before


def test_a_health_check_that_passes_again_brings_it_back():
    here = court()
    here[0].has("i0", *[BAD] * 5)
    first = here.instances["i0"]
    for health in ("healthy", "suspected", "healthy"):  # being heard of again is no proof of good answers
        here.put(msgspec.structs.replace(first, health=health))
        assert here[0].out == {"i0"}
    here.put(msgspec.structs.replace(first, health="critical"))
    here.put(msgspec.structs.replace(first, health="healthy"))
    assert here[0].rotation == {"i0", "i1", "i2"}


def test_another_life_begins_clean():
    here = court()
    here[0].has("i0", *[BAD] * 5)
    here.put(msgspec.structs.replace(here.instances["i0"], incarnation=2))
    assert here[0].rotation == {"i0", "i1", "i2"}
    here[0].has("i0", *[BAD] * 5)
    assert here[0].ejected("i0").count == 1


def interval(caller, failed, count=200):
    for name, bad in failed.items():
        caller.has(name, *[BAD, GOOD] * bad, *[GOOD] * (count - 2 * bad))


def test_a_success_rate_far_below_the_others_ejects_at_the_end_of_the_interval():
    here = court(5)
    interval(here[0], {"i0": 40, "i1": 0, "i2": 0, "i3": 0, "i4": 0})
    assert here[0].out == set()
    here.time.pass_(10.1)
    assert here[0].ejected("i0").cause == "success_rate"
    assert here[0].ejected("i0").reason == "80.0 % of its answers were good, 96.0 % on average"


@pytest.mark.parametrize(
    ("failed", "count"),
    [
        ({"i0": 4, "i1": 0, "i2": 0, "i3": 0, "i4": 0}, 200),  # two deviations below, and two points only
        ({"i0": 20, "i1": 0, "i2": 0, "i3": 0}, 200),  # too few to compare
        ({"i0": 10, "i1": 0, "i2": 0, "i3": 0, "i4": 0}, 50),  # too few calls
    ],
)
def test_small_gaps_few_instances_and_few_calls_say_nothing(failed, count):
    here = court(5)
    interval(here[0], failed, count)
    here.time.pass_(10.1)
    assert here[0].out == set()


def test_too_large_a_share_of_failures_ejects():
    here = court(5, consecutive_5xx=0, success_rate_hosts=0)
    for name in ("i0", "i1"):
        here[0].has(name, *[BAD] * 90, *[GOOD] * 10)
    for name in ("i2", "i3", "i4"):
        here[0].has(name, *[GOOD] * 100)
    here.time.pass_(10.1)
    assert here[0].ejected("i0").cause == here[0].ejected("i1").cause == "failure_percentage"


def test_it_is_told_once_why_it_goes_and_once_that_it_is_back(caplog):
    here = court()
    with caplog.at_level(logging.INFO, "plait.outlier"):
        here[0].has("i0", *[BAD] * 9)
        here.time.pass_(45.0)
    out, back = (record.getMessage() for record in caplog.records)
    assert out == "s/i0 is out of rotation for 30.0 s (time 1): 5 failures in a row, the last: status 500"
    assert back.startswith("s/i0 is in rotation again after ")
    assert here[0].hearing.ejections["s", "", "consecutive_5xx"] == 1


def test_a_policy_may_change_while_one_is_out_and_turning_it_off_lets_all_back():
    here = court()
    here[0].has("i0", *[BAD] * 5)
    here[0].use(Outlier(consecutive_5xx=2))
    assert here[0].out == {"i0"}
    here[0].use(Outlier(enabled=False))
    assert here[0].rotation == {"i0", "i1", "i2"}
    assert here[0].cluster.judges == ()


def test_a_policy_that_allows_fewer_out_is_heeded_at_once():
    caller = court(1, consecutive_5xx=1, max_ejection_percent=100.0)[0]
    caller.has("i0", BAD)
    assert caller.rotation == set()
    caller.use(Outlier(consecutive_5xx=1))
    assert (caller.rotation, caller.out) == ({"i0"}, {"i0"}), "where nobody else is left, it is called"
    caller.use(Outlier(consecutive_5xx=1, max_ejection_percent=100.0))
    assert caller.rotation == set()


def test_when_nobody_calls_nothing_wakes_the_node():
    here = court()
    here[0].has("i0", *[BAD] * 5, GOOD)
    here[0].has("i1", GOOD)
    here.time.pass_(200.0)
    assert not here.time.waits
    assert here[0].rotation == {"i0", "i1", "i2"}
