"""Each address may ask so much and no more, and no number of addresses fills the table."""

import pytest

from plait.registry.dns_limit import Buckets


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def taken(buckets, source, tries):
    return sum(buckets.take(source) for _ in range(tries))


def test_a_burst_passes_and_then_only_the_rate(clock):
    buckets = Buckets(1000, 2000, 10, clock)
    assert taken(buckets, "a", 3000) == 2000
    clock.now += 0.5
    assert taken(buckets, "a", 3000) == 500
    clock.now += 60
    assert taken(buckets, "a", 3000) == 2000


def test_one_that_asks_too_much_harms_no_other(clock):
    buckets = Buckets(10, 20, 10, clock)
    taken(buckets, "a", 1000)
    assert taken(buckets, "b", 20) == 20


def test_sources_without_a_place_share_one_bucket_until_others_are_full_again(clock):
    buckets = Buckets(1, 2, 5, clock)
    for number in range(5):
        taken(buckets, f"known-{number}", 2)
    assert sum(taken(buckets, f"new-{number}", 2) for number in range(1000)) == 2
    assert len(buckets) == 6
    assert taken(buckets, "known-3", 1) == 0
    clock.now += 3
    assert taken(buckets, "late", 5) == 2
    assert len(buckets) <= 5


def test_a_full_table_is_not_searched_for_every_newcomer(clock):
    buckets = Buckets(1000, 2000, 10_000, clock)
    for number in range(10_000):
        taken(buckets, f"known-{number}", 20)
    clock.now += 0.001
    assert buckets.take("new")  # this one looked, and nobody's bucket was full yet
    clock.now += 0.5
    assert buckets.take("another")
    assert len(buckets) == 10_001
    clock.now += 1.0
    assert buckets.take("third")
    assert len(buckets) == 1
