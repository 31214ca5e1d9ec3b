"""A circuit breaker's states: when it opens, how long, what it lets through, and when it closes."""

import pytest

from plait.actors.messages.envelope import ReplyFrame
from plait.actors.messages.error import (
    BusUnavailable,
    DeadlineExceeded,
    Disconnected,
    Draining,
    FaultInjected,
    InstanceGone,
    PoolOverflow,
    Stalled,
)
from plait.actors.messages.resilience import Breaker as Policy
from plait.actors.proxy.breaker import Breaker, State, failed

OK, BAD = ReplyFrame(1, 200, [], b""), ReplyFrame(1, 503, [], b"")


def fed(breaker, start, *outcomes, seconds=0.01):
    """One outcome each tenth of a second; when the last one was."""
    for place, outcome in enumerate(outcomes):
        start += 0.1 * bool(place)
        breaker.record(start, outcome, seconds)
    return start


def opened(policy=Policy(), at=100.0):  # noqa: B008 - frozen
    breaker = Breaker(policy)
    now = fed(breaker, at, *[BAD] * policy.calls)
    assert breaker.state is State.OPEN
    return breaker, now


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        (OK, False),
        (ReplyFrame(1, 404, [], b""), False),
        (BAD, True),
        (InstanceGone(), True),
        (DeadlineExceeded(), True),
        (FaultInjected(503), True),
        (FaultInjected(404), False),
        (None, None),
        (Draining(), None),
        (Stalled(), None),
        (Disconnected(), None),
        (BusUnavailable(), None),
        (PoolOverflow(), None),
    ],
)
def test_only_what_has_reached_the_called_counts(outcome, counts):
    assert failed(outcome) is counts


def test_it_opens_at_half_of_at_least_twenty_calls():
    breaker = Breaker(Policy())
    now = fed(breaker, 100.0, *[BAD] * 19)
    assert breaker.state is State.CLOSED
    breaker.record(now, OK, 0.01)
    assert (breaker.state, breaker.until, breaker.why) == (State.OPEN, now + 10.0, "19 of 20 calls failed")


def test_fewer_failures_than_half_leave_it_closed():
    breaker = Breaker(Policy())
    fed(breaker, 100.0, *[BAD, OK, OK] * 30)
    assert breaker.state is State.CLOSED


def test_failures_of_long_ago_are_forgotten_little_by_little():
    breaker = Breaker(Policy())
    fed(breaker, 100.0, *[BAD] * 15)
    fed(breaker, 105.0, *[OK] * 4)
    fed(breaker, 111.6, *[BAD] * 4)
    assert breaker.state is State.CLOSED


def test_it_opens_on_slow_calls_where_it_is_told_what_is_slow():
    breaker = Breaker(Policy(slow=1.0, slows=40.0))
    fed(breaker, 100.0, *[OK] * 12)
    fed(breaker, 102.0, *[OK] * 7, seconds=1.0)
    assert breaker.state is State.CLOSED
    breaker.record(103.0, None, 2.0)  # its caller gave up: slow it was
    assert breaker.state is State.OPEN
    assert breaker.why == "8 of 20 calls took 1 s or longer"


def test_one_call_looks_after_the_open_time_and_its_answer_closes():
    breaker, now = opened()
    assert not breaker.may_probe(now + 9.9)
    assert breaker.may_probe(now + 10.0)
    breaker.probe(now + 10.0)
    assert breaker.state is State.HALF_OPEN
    assert not breaker.may_probe(now + 11.0)
    assert breaker.record(now + 10.5, OK, 0.5)
    assert breaker.state is State.CLOSED


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_the_longest():
    breaker, now = opened(Policy(open=10.0, longest=35.0))
    lengths = []
    for _ in range(4):
        now = breaker.until
        breaker.probe(now)
        assert breaker.record(now, BAD, 0.0)
        lengths.append(breaker.until - now)
    assert lengths == [20.0, 35.0, 35.0, 35.0]


def test_it_begins_anew_only_after_it_was_well_for_long():
    for well, expected in ((5.0, 20.0), (11.0, 10.0)):
        breaker, _ = opened()
        now = breaker.until
        breaker.probe(now)
        breaker.record(now, OK, 0.0)
        now = fed(breaker, now + well, *[BAD] * 20)
        assert breaker.state is State.OPEN
        assert breaker.until - now == pytest.approx(expected)


def test_what_began_before_the_probe_decides_nothing():
    breaker, now = opened()
    assert not breaker.record(now + 1.0, OK, 0.5)
    breaker.probe(now + 10.0)
    assert not breaker.record(now + 10.2, OK, 5.0)
    assert breaker.state is State.HALF_OPEN


def test_a_slow_probe_is_no_good_sign():
    breaker, now = opened(Policy(slow=1.0))
    breaker.probe(now + 10.0)
    assert breaker.record(now + 12.0, OK, 2.0)
    assert breaker.state is State.OPEN


def test_a_probe_that_nobody_hears_of_gives_way_to_another():
    breaker, now = opened()
    breaker.probe(now + 10.0)
    assert not breaker.may_probe(now + 19.0)
    assert breaker.may_probe(now + 20.0)  # it was never sent, or hangs
    breaker.probe(now + 20.0)
    breaker.record(now + 21.0, None, 0.5)  # its caller gave up: nothing is known
    assert breaker.may_probe(now + 21.0)
