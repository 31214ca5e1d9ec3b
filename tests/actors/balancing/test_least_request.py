"""Least request with weights: an idle destination shares by weight, a busy one evens out calls by weight."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors.balancing.least_request import LeastRequest
from plait.actors.balancing.picker import alike
from tests.actors.balancing.member import CHI, chi_square, counted, some, weights_of


def least(members, seed=1):
    picker = LeastRequest(random.Random(seed))
    picker.follow(members, alike(weights_of(members)))
    return picker


def under_way(members, calls, picks, seed=1):
    """How often each is picked while so many calls are always in hand; each takes as long as any other."""
    picker, rng, hands = least(members, seed), random.Random(seed), []
    picked = dict.fromkeys(members, 0)
    for _ in range(picks):
        one = picker.pick(members)
        one.active += 1
        picked[one] += 1
        hands.append(one)
        if len(hands) > calls:
            hands.pop(rng.randrange(len(hands))).active -= 1
    return list(picked.values())


@pytest.mark.parametrize("weights", [(1, 1, 1, 1, 1), (1, 9), (1, 2, 3, 4, 0), (3, 0, 1)])
def test_who_is_idle_is_picked_as_often_as_it_weighs(weights):
    members = some(*weights)
    assert chi_square(counted(least(members), members, 20_000), weights) < CHI[sum(1 for w in weights if w) - 1]


@pytest.mark.parametrize("calls", [1, 2, 5, 20, 200])
def test_the_light_one_of_two_has_its_tenth_however_busy_they_are(calls):
    light, heavy = under_way(some(1, 9), calls, 20_000)
    # With fewer calls than weights a single one is much for the light one, so it has somewhat less.
    assert 0.06 <= light / (light + heavy) <= 0.13


def test_many_calls_are_in_hand_in_proportion_to_weights():
    members = some(1, 2, 5)
    under_way(members, 240, 4000)
    assert [one.active for one in members] == pytest.approx([30, 60, 150], abs=6)


@given(st.integers(0, 20), st.integers(0, 20), st.sampled_from([1.0, 2.5]), st.randoms(use_true_random=False))
def test_weights_that_differ_a_little_come_to_the_plain_rule(one, other, scale, rng):
    members = some(scale, scale * (1 + 1e-12))
    members[0].active, members[1].active = one, other
    picker = LeastRequest(rng)
    picker.follow(members, weights_of(members))
    if abs(one - other) > 1:
        assert picker.pick(members).active == min(one, other)


def test_a_weight_of_a_billion_and_of_nothing():
    members = some(1, 1e9, 0)
    members[1].active = 500
    assert counted(least(members), members, 2000) == [0, 2000, 0]
    members = some(0, 5)
    assert counted(least(members), members, 10) == [0, 10]
    assert counted(least(members), members[:1], 3) == [3]  # nobody else is left
