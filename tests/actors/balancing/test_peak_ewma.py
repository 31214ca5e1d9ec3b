"""Peak EWMA: the quicker is preferred, peaks count at once, failures are no quick answers, nobody new gets the herd."""

import random

import pytest

from plait.actors.balancing.peak_ewma import FIRST, LONGEST_PENALTY, PENALTY, Estimates, PeakEwma, penalty
from plait.actors.balancing.picker import alike
from plait.actors.messages.envelope import VERSION, ReplyFrame
from plait.actors.messages.error import (
    BusUnavailable,
    CallCycle,
    DeadlineExceeded,
    Disconnected,
    InstanceGone,
    MissedDeadline,
    NoResponders,
    TooLarge,
)
from tests.actors.balancing.member import CHI, Clock, chi_square, counted, some, weights_of


def answer(status=200, **headers):
    return ReplyFrame(VERSION, status, [(name.replace("_", "-"), value) for name, value in headers.items()], b"")


def quick(members, seed=1):
    clock = Clock()
    picker = PeakEwma(random.Random(seed), Estimates(clock))
    picker.follow(members, alike(weights_of(members)))
    return picker, clock


@pytest.mark.parametrize("weights", [(1, 1, 1, 1, 1), (1, 9), (1, 2, 3, 4, 0)])
def test_who_is_idle_and_unmeasured_is_picked_as_often_as_it_weighs(weights):
    members = some(*weights)
    picker, _ = quick(members)
    assert chi_square(counted(picker, members, 20_000), weights) < CHI[sum(1 for w in weights if w) - 1]


def test_the_quicker_of_two_is_picked_until_it_has_so_much_more_in_hand():
    slow, fast = members = some(1, 1)
    picker, _ = quick(members)
    picker.estimates.record(slow, answer(), 0.1)
    picker.estimates.record(fast, answer(), 0.021)
    for calls in range(4):
        fast.active = calls
        assert counted(picker, members, 20) == [0, 20]
    fast.active = 4  # 5 * 21 ms
    assert counted(picker, members, 20) == [20, 0]


def test_a_peak_counts_at_once_and_goes_by_ten_seconds():
    one, _ = members = some(1, 1)
    picker, clock = quick(members)
    picker.estimates.record(one, answer(), 0.01)
    assert one.latency == 0.01
    picker.estimates.record(one, answer(), 1.0)
    assert one.latency == 1.0
    clock.now += 10
    picker.estimates.record(one, answer(), 0.01)
    assert one.latency == pytest.approx(0.01 + 0.99 / 2.718_28, rel=1e-4)


def test_a_slow_one_is_tried_again_when_what_is_known_has_faded():
    slow, fast = members = some(1, 1)
    picker, clock = quick(members)
    picker.estimates.record(fast, answer(), 0.01)
    picker.estimates.record(slow, answer(), 1.0)
    assert counted(picker, members, 20) == [0, 20]
    for _ in range(600):
        clock.now += 0.1
        picker.estimates.record(fast, answer(), 0.01)
    assert counted(picker, members, 20)[0] > 0


@pytest.mark.parametrize("wait", [0, 1000])
def test_neither_a_new_one_nor_one_that_was_long_unasked_gets_every_call_until_it_answers(wait):
    members = some(*[1] * 10)
    picker, clock = quick(members)
    for one in members[1:]:
        picker.estimates.record(one, answer(), 0.05)
    if wait:
        picker.estimates.record(members[0], answer(), 3.0)
        clock.now += wait
        for one in members[1:]:
            picker.estimates.record(one, answer(), 0.05)
    for _ in range(200):  # a burst before anybody answers
        picker.pick(members).active += 1
    assert 10 <= members[0].active <= 40


def test_an_unmeasured_one_is_as_the_others_are():
    members = some(1, 1)
    picker, _ = quick(members)
    assert picker.estimates.of(members[0], 1000.0) == FIRST
    for _ in range(200):
        picker.estimates.record(members[1], answer(), 0.2)
    assert picker.estimates.of(members[0], 1000.0) == pytest.approx(0.2)
    beside, _ = quick(members)  # another cluster of the same members knows it, too
    assert beside.estimates.of(members[0], 1000.0) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("outcome", "seconds"),
    [
        (answer(503), PENALTY),
        (answer(500), PENALTY),
        (answer(429), PENALTY),
        (answer(503, retry_after="30"), 30.0),
        (answer(429, retry_after="86400"), LONGEST_PENALTY),
        (answer(503, retry_after="Fri, 31 Dec 2027 23:59:59 GMT"), PENALTY),
        (answer(503, retry_after="-5"), PENALTY),
        (answer(503, retry_after="9" * 5000), PENALTY),
        (answer(503, retry_after="\u0663"), PENALTY),
        (NoResponders(), PENALTY),
        (InstanceGone(), PENALTY),
        (answer(404), 0.001),
        (answer(200, retry_after="30"), 0.001),
        (DeadlineExceeded(), 0.001),
        (None, 0.001),
    ],
)
def test_a_failure_counts_as_a_slow_answer(outcome, seconds):
    (one,) = some(1)
    picker, _ = quick([one])
    picker.estimates.record(one, outcome, 0.001)
    assert one.latency == seconds


@pytest.mark.parametrize(
    "outcome", [Disconnected(), BusUnavailable(), TooLarge(), CallCycle(), MissedDeadline(), None, DeadlineExceeded()]
)
def test_what_the_caller_did_itself_says_nothing_of_the_instance(outcome):
    (one,) = some(1)
    picker, _ = quick([one])
    picker.estimates.record(one, answer(), 0.05)
    picker.estimates.record(one, outcome, 0.01)
    assert one.latency == 0.05


@pytest.mark.parametrize("outcome", [None, DeadlineExceeded()])
def test_who_gave_up_after_a_long_time_knows_that_it_takes_longer(outcome):
    (one,) = some(1)
    picker, _ = quick([one])
    picker.estimates.record(one, answer(), 0.05)
    picker.estimates.record(one, outcome, 0.4)
    assert one.latency == 0.4


def test_retry_after_of_zero_is_no_invitation():
    (one,) = some(1)
    picker, _ = quick([one])
    picker.estimates.record(one, answer(503, retry_after="0"), 0.2)
    assert one.latency == 0.2
    assert penalty(answer(503)) == PENALTY


def played(slow=0.01, failing=False, seconds=120.0, members=None, rate=200.0):
    """Play calls at an even rate, the last instance taking `slow` seconds or failing within one millisecond; how many
    each has got."""
    members = members or some(*[1] * 5)
    picker, clock = quick(members)
    picked, due, rng = dict.fromkeys(members, 0), [], random.Random(5)
    end = clock.now + seconds
    while clock.now < end:
        clock.now += 1 / rate
        for entry in [entry for entry in due if entry[0] <= clock.now]:
            due.remove(entry)
            at, one, began, outcome = entry
            one.active -= 1
            picker.estimates.record(one, outcome, at - began)
        one = picker.pick(members)
        one.active += 1
        picked[one] += 1
        last = one is members[-1]
        took = 0.001 if last and failing else (slow if last else 0.01) * rng.uniform(0.8, 1.2)
        due.append((clock.now + took, one, clock.now, answer(503 if last and failing else 200)))
    return list(picked.values())


def test_one_that_fails_fast_gets_less_than_a_twentieth():
    counts = played(failing=True)
    assert 0 < counts[-1] < 0.01 * sum(counts)


def test_one_that_is_ten_times_slower_gets_less_than_a_twentieth():
    counts = played(slow=0.1)
    assert 0 < counts[-1] < 0.05 * sum(counts)


def test_equals_share_alike_for_long():
    counts = played(seconds=60.0)
    assert min(counts) > 0.12 * sum(counts)
