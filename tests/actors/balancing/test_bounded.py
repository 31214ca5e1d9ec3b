"""Bounded load: nobody holds more than its factor allows, however skewed the keys are, and somebody always has room."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors.balancing.bounded import Full
from tests.actors.balancing.member import some


@given(
    st.lists(st.tuples(st.integers(0, 50), st.sampled_from([0.0, 0.5, 1.0, 9.0, 1e9])), min_size=1, max_size=20),
    st.sampled_from([1.0, 1.25, 2.0]),
)
def test_somebody_always_has_room_and_limits_are_shares(hands, factor):
    members = some(*(weight for _, weight in hands))
    for one, (active, _) in zip(members, hands, strict=True):
        one.active = active
    full = Full(members, factor, ())
    assert any(one not in full for one in members)
    calls, whole = sum(active for active, _ in hands) + 1, sum(weight for _, weight in hands)
    for one in members:
        share = one.weight / whole if whole else 1 / len(members)
        assert full.limit(one) == pytest.approx(max(1, ceil(factor * calls * share)), abs=1)
        assert (one in full) is (one.active >= full.limit(one))


def test_who_is_avoided_is_passed_over():
    one, other = members = some(1, 1)
    assert one in Full(members, 1.25, (one,))
    assert other not in Full(members, 1.25, (one,))


def test_limits_are_of_all_calls_in_hand_and_one_more():
    members = some(1, 1, 1, 1)
    for one in members:
        one.active = 10
    assert Full(members, 1.25, ()).limit(members[0]) == 13  # 1.25 * 41 / 4
    assert Full(members, 1.0, ()).limit(members[0]) == 11
