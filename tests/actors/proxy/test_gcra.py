"""Requests against a rate: a burst, then evenly; keys apart; a table that does not grow."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors.proxy.gcra import OTHERS, Gcra


def test_a_burst_passes_and_then_one_for_each_interval():
    limit = Gcra(10.0, 3)
    assert [limit.take("", 5.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limit.take("", 5.0) == pytest.approx(0.1)
    assert limit.take("", 5.05) == pytest.approx(0.05)
    assert limit.take("", 5.1) == 0.0
    assert limit.take("", 5.1) > 0.0
    assert limit.remaining("", 5.35) == 2
    assert limit.reset("", 5.35) == pytest.approx(0.05)


@given(st.lists(st.floats(0, 0.5), max_size=300), st.integers(1, 20), st.floats(0.5, 200))
def test_within_any_time_no_more_than_its_rate_and_a_burst_pass(waits, burst, rate):
    limit, now, passed = Gcra(rate, burst), 0.0, []
    for wait in waits:
        now += wait
        if limit.take("", now) == 0.0:
            passed.append(now)
    for first in range(0, len(passed), 7):
        for last in range(first, len(passed), 5):
            assert last - first + 1 <= rate * (passed[last] - passed[first]) + burst + 1e-3


def test_what_is_given_back_may_be_taken_again():
    limit = Gcra(1.0, 1)
    assert limit.take("a", 0.0) == 0.0
    limit.give_back("a")
    assert limit.take("a", 0.0) == 0.0
    assert limit.take("a", 0.0) > 0.0


def test_keys_are_counted_apart():
    limit = Gcra(1.0, 1)
    assert [limit.take(key, 0.0) for key in "aab"] == [0.0, 1.0, 0.0]


def test_the_table_is_bounded_and_inventing_keys_gives_nobody_more():
    limit = Gcra(1.0, 1, most=100)
    passed = sum(limit.take(f"k{number}", number * 1e-6) == 0.0 for number in range(10_000))
    assert passed == 101  # each key of the table once, and one of all the others
    assert len(limit) <= 101
    assert limit.take("k7", 0.5) > 0.0  # an old one is not forgotten for it
    limit.give_back("k9999")
    assert limit.take("k5000", 0.5) == 0.0
    assert limit.take(OTHERS, 0.5) > 0.0


def test_keys_whose_bucket_is_full_again_make_room():
    limit, rng, now = Gcra(10.0, 1, most=50), random.Random(1), 0.0
    for _ in range(5_000):
        now += 0.01
        assert limit.take(f"k{rng.getrandbits(60)}", now) == 0.0
    assert len(limit) <= 51
