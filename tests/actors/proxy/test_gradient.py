"""A concurrency limit that finds itself: against a server of known capacity, in steps of calls; time is computed."""

import pytest

from plait.actors.messages.priority import Priority
from plait.actors.messages.resilience import Concurrency
from plait.actors.proxy.concurrency import ConcurrencyLimit
from plait.actors.proxy.gradient import Gradient2


def saturated(limit, servers, work, calls):
    """As many calls in hand as the limit allows, on `servers` that share them."""
    for _ in range(calls):
        active = int(limit.limit)
        limit.record(work * max(1.0, active / servers), active)


def test_it_grows_while_calls_take_no_longer():
    limit = Gradient2()
    saturated(limit, 1000, 0.01, 2000)
    assert limit.limit == 200


def test_it_stays_where_nobody_comes_near_it():
    limit = Gradient2()
    for _ in range(500):
        limit.record(0.01, 3)
    assert limit.limit == 20


def test_it_shrinks_at_once_when_calls_take_longer_but_not_below_its_least():
    limit = Gradient2()
    saturated(limit, 1000, 0.01, 2000)
    for _ in range(30):
        limit.record(0.2, int(limit.limit))
    assert limit.limit <= 40
    for _ in range(200):
        limit.record(0.2, int(limit.limit))
    assert limit.limit >= 20


def test_it_finds_back_after_a_slow_time():
    limit = Gradient2()
    saturated(limit, 1000, 0.01, 2000)
    for _ in range(600):
        limit.record(0.2, int(limit.limit))
    saturated(limit, 1000, 0.01, 1000)
    assert limit.long == pytest.approx(0.01, rel=0.5)
    assert limit.limit == 200


def test_low_priorities_end_before_the_limit_does():
    limit = ConcurrencyLimit(Concurrency(initial=20, least=20, most=20))
    classes = (Priority.CRITICAL, Priority.DEFAULT, Priority.SHEDDABLE)
    taken = {one: next(n for n in range(100) if not limit.takes(n, one)) for one in classes}
    assert taken == {Priority.CRITICAL: 20, Priority.DEFAULT: 19, Priority.SHEDDABLE: 14}
    assert limit.refused == 3
