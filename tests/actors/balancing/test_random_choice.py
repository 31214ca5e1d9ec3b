"""Random choice: as often as each weighs, whatever the weights are."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors.balancing.picker import alike
from plait.actors.balancing.random_choice import RandomChoice
from plait.actors.balancing.shares import Urn
from tests.actors.balancing.member import CHI, chi_square, counted, some, weights_of


def choosing(members, seed=1):
    picker = RandomChoice(random.Random(seed))
    picker.follow(members, alike(weights_of(members)))
    return picker


@pytest.mark.parametrize("weights", [(1, 1, 1, 1, 1), (5, 5), (1, 9), (1, 2, 3, 4, 0), (0.1, 0.3), (3, 0, 1)])
def test_each_is_picked_as_often_as_it_weighs(weights):
    members = some(*weights)
    counts = counted(choosing(members), members, 20_000)
    assert chi_square(counts, weights) < CHI[sum(1 for one in weights if one) - 1]


def test_a_weight_of_a_billion_takes_all_but_a_billionth():
    members = some(1, 1e9, 0)
    assert counted(choosing(members), members, 5000) == [0, 5000, 0]


def test_where_all_weigh_nothing_all_are_alike():
    members = some(0, 0, 0)
    assert chi_square(counted(choosing(members), members, 9000), (1, 1, 1)) < CHI[2]


def test_some_of_the_members_are_picked_by_their_own_weights():
    members = some(1, 3, 96, 0)
    picker = choosing(members)
    few = members[:2]
    assert chi_square(counted(picker, few, 8000), (1, 3)) < CHI[1]
    assert counted(picker, members[3:], 5) == [5]  # nobody else is left
    strangers = some(1, 1)
    assert min(counted(picker, strangers, 100)) > 20  # who came in this moment


@given(
    st.lists(st.one_of(st.just(0.0), st.floats(1e-9, 1e9)), min_size=1, max_size=12),
    st.sampled_from([0.0, 0.25, 0.999_999_999_999_999_9]),
    st.sampled_from([0.0, 0.5, 0.999_999_999_999_999_9]),
)
def test_two_draws_are_distinct_and_within_bounds(weights, chance, other):
    members = some(*weights)
    urn = Urn(members, weights)
    first = urn.first(chance)
    second = urn.second(first, other)
    assert urn.weights[first] > 0
    assert urn.weights[second] > 0
    assert (first == second) is (len(urn.members) == 1)


def test_the_second_draw_is_by_weight_among_the_others():
    weights, rng = (1, 2, 3, 4), random.Random(2)
    urn = Urn(some(*weights), weights)
    found = Counter(urn.second(2, rng.random()) for _ in range(14_000))
    assert chi_square([found[at] for at in range(4)], (1, 2, 0, 4)) < CHI[2]
