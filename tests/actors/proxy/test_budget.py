"""Retry budgets by a clock of the test's own: the share, the reserve, the minimum, and what the window forgets."""

import pytest

from plait.actors.messages.traffic import DEFAULT_BUDGET, RetryBudget
from plait.actors.proxy.budget import Budget

START = 1000.0


def budget(percent=20.0, least=0, interval=0.0, per_second=0.0):
    return Budget(RetryBudget(percent, least, interval, per_second))


def taken(budget, now, tries=1000):
    """How many of so many retries are granted, each over at once."""
    count = 0
    for _ in range(tries):
        if budget.take(now):
            budget.end()
            count += 1
    return count


@pytest.mark.parametrize(("calls", "granted"), [(0, 0), (4, 0), (5, 1), (9, 1), (10, 2), (1000, 200)])
def test_a_share_of_the_calls_may_be_tried_again_and_nothing_without_a_reserve(calls, granted):
    one = budget()
    for _ in range(calls):
        one.call(START)
    assert taken(one, START) == granted


def test_the_reserve_is_there_without_any_call():
    assert taken(budget(per_second=10.0), START) == 100
    assert taken(budget(per_second=1.0, interval=5.0), START) == 5


def test_the_minimum_counts_retries_under_way():
    one = budget(percent=0.0, least=2)
    assert [one.take(START) for _ in range(3)] == [True, True, False]
    one.end()
    assert one.take(START)


def test_calls_are_forgotten_after_the_window_and_so_are_retries():
    one = budget(percent=50.0)
    for _ in range(10):
        one.call(START)
    assert taken(one, START + 5.0) == 5
    assert taken(one, START + 9.0) == 0
    assert taken(one, START + 11.0) == 0
    for _ in range(10):
        one.call(START + 12.0)
    assert taken(one, START + 12.0) == 0, "the five retries of seven seconds ago still count"
    assert taken(one, START + 16.0) == 5


@pytest.mark.parametrize("rate", [50, 500])
def test_in_an_outage_a_destination_gets_a_fifth_more_and_never_above(rate):
    one, calls, retries = budget(), 0, 0
    for tick in range(60 * rate):
        now = START + tick / rate
        one.call(now)
        calls += 1
        retries += taken(one, now, 2)
        assert retries <= 0.2 * calls
    assert retries >= 0.18 * calls


def test_after_a_long_silence_old_calls_pay_for_nothing():
    one = budget()
    for _ in range(1000):
        one.call(START)
    assert taken(one, START + 3600.0) == 0


def test_what_was_not_sent_after_all_is_put_back():
    one = budget(per_second=0.1)
    assert one.take(START)
    one.put_back()
    assert one.take(START)
    assert one.outstanding == 1


def test_another_policy_holds_at_once_for_what_was_counted_before():
    one = budget()
    for _ in range(100):
        one.call(START)
    one.use(RetryBudget(50.0, 0))
    assert taken(one, START) == 50


def test_where_nothing_is_said_there_is_a_fifth_and_ten_a_second():
    one = Budget(DEFAULT_BUDGET)
    for _ in range(500):
        one.call(START)
    assert taken(one, START) == 200
