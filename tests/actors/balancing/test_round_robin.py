"""Weighted round robin: exact shares, evenly spaced, and turns that go on over changes of members and weights."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors.balancing.picker import alike
from plait.actors.balancing.round_robin import RoundRobin
from tests.actors.balancing.member import counted, some, weights_of


def turning(members, seed=1):
    picker = RoundRobin(random.Random(seed))
    picker.follow(members, alike(weights_of(members)))
    return picker


@pytest.mark.parametrize("weights", [(1, 1, 1), (5, 1, 1), (1, 9), (1, 2, 3, 4, 0), (0.5, 0.25, 0.25), (7, 3)])
def test_shares_are_exact_to_a_call(weights):
    members = some(*weights)
    counts = counted(turning(members), members, 1000)
    whole = sum(weights)
    assert all(abs(count - 1000 * weight / whole) <= 1 for count, weight in zip(counts, weights, strict=True))


@given(st.lists(st.integers(1, 50), min_size=2, max_size=8), st.integers(0, 1000))
def test_nobody_is_ever_more_than_a_call_early_or_a_round_late(weights, seed):
    members = some(*weights)
    picker, whole = turning(members, seed), sum(weights)
    picked = dict.fromkeys(members, 0)
    for number in range(1, 300):
        picked[picker.pick(members)] += 1
        for one in members:
            assert abs(picked[one] - number * one.weight / whole) <= len(members)


def test_turns_are_spaced_and_not_in_blocks():
    heavy, *_ = members = some(3, 1, 1)
    picker = turning(members)
    picks = [picker.pick(members) for _ in range(50)]
    assert all(picks[at : at + 4].count(heavy) < 4 for at in range(47))


def test_a_refresh_that_changes_nothing_changes_no_turn():
    members = some(1, 2, 3)
    one, other = turning(members), turning(members)
    for _ in range(30):
        again = tuple(members)
        other.follow(again, weights_of(again))
        assert other.pick(again) is one.pick(members)


def test_changes_all_the_time_leave_shares_as_they_are():
    members = some(1, 2, 5)
    new = some(4)
    picker = turning(members)
    picked = dict.fromkeys((*members, *new), 0)
    for number in range(2000):
        those = (*members, *new) if number % 2 else members
        picker.follow(those, weights_of(those))
        picked[picker.pick(those)] += 1
    shares = [picked[one] for one in members]
    assert shares == pytest.approx([shares[0], 2 * shares[0], 5 * shares[0]], rel=0.02)


def test_a_weight_that_rises_brings_no_burst():
    members = some(1, 100)
    picker = turning(members)
    for _ in range(500):
        picker.pick(members)
    members[0].weight = 50
    picker.follow(members, weights_of(members))
    assert counted(picker, members, 30)[0] == pytest.approx(10, abs=1)


def test_callers_that_begin_at_once_do_not_all_begin_with_the_same():
    members = some(1, 2, 1)
    assert len({turning(members, seed).pick(members) for seed in range(40)}) == 3


def test_a_few_are_taken_in_their_order_and_have_had_their_turn():
    members = some(1, 2, 1)
    picker = turning(members)
    for _ in range(100):
        picker.pick(members[:2])
    assert counted(picker, members, 3)[2] >= 1
    assert counted(picker, members[:2], 300) == pytest.approx([100, 200], abs=2)


def test_a_billion_and_nothing():
    members = some(1, 1e9, 0)
    picker = turning(members)
    assert counted(picker, members, 20_000)[1:] == pytest.approx([20_000, 0], abs=1)
    assert counted(picker, members[2:], 2) == [2]  # nobody else is left
    picker.follow(members[:2], None)
    assert counted(picker, members[:2], 10) == [5, 5]
