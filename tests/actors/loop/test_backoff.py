"""Waits grow by doubling up to a ceiling, with a share of chance."""

import random

import pytest

from plait.actors.loop.backoff import Backoff


class Highest(random.Random):
    def random(self):
        return 0.999_999


class Lowest(random.Random):
    def random(self):
        return 0.0


def test_each_wait_is_twice_the_one_before_up_to_the_ceiling():
    backoff = Backoff(base=0.2, ceiling=10.0)
    assert [backoff.wait(n, Lowest()) for n in range(8)] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0])


def test_jitter_adds_at_most_its_share():
    backoff = Backoff(base=1.0, ceiling=10.0, jitter=0.2)
    assert 1.19 < backoff.wait(0, Highest()) < 1.2
    assert 11.9 < backoff.wait(50, Highest()) < 12.0


def test_a_very_long_row_of_tries_stays_at_the_ceiling():
    assert Backoff(ceiling=10.0).wait(100_000, Lowest()) == 10.0


def test_the_same_seed_gives_the_same_waits():
    one, other = random.Random(5), random.Random(5)
    assert [Backoff().wait(n, one) for n in range(9)] == [Backoff().wait(n, other) for n in range(9)]
