"""What a node sees of an instance: who is to blame, what of late means, and when it is looked at."""

import pytest

from plait.actors.messages.envelope import VERSION, ReplyFrame
from plait.actors.messages.error import DeadlineExceeded, Disconnected, Draining, InstanceGone
from plait.actors.proxy.tally import Tally

OK = ReplyFrame(VERSION, 200, [], b"")
BAD = ReplyFrame(VERSION, 503, [], b"")


def test_attempts_failures_and_the_time_of_answers_are_counted():
    tally = Tally()
    for outcome in (OK, ReplyFrame(VERSION, 404, [], b""), BAD, DeadlineExceeded(), InstanceGone()):
        tally.note(outcome, 0.02, 100.0)
    assert (tally.requests, tally.failures) == (5, 3)
    assert tally.latency == pytest.approx(0.02)


@pytest.mark.parametrize("outcome", [Disconnected(), Draining()])
def test_what_is_not_the_instances_fault_is_not_counted(outcome):
    tally = Tally()
    assert not tally.note(outcome, 0.02, 100.0)
    assert (tally.requests, tally.failures) == (0, 0)


def test_an_instance_that_fails_fast_is_not_a_fast_one():
    tally = Tally()
    for _ in range(10):
        tally.note(OK, 0.1, 100.0)
        tally.note(BAD, 0.0001, 100.0)
    assert tally.latency == pytest.approx(0.1)


def test_a_new_second_is_said_once():
    tally = Tally()
    said = [tally.note(OK, 0.01, 100.0 + turn / 10) for turn in range(31)]
    assert [turn for turn, new in enumerate(said) if new] == [10, 20, 30]


def test_the_rate_is_that_of_late_and_fades():
    tally = Tally()
    for turn in range(600):  # ten per second for a minute
        tally.note(OK, 0.01, 100.0 + turn / 10)
    assert tally.rate == pytest.approx(10, rel=0.06)
    tally.turn(160.0)
    tally.turn(190.0)
    assert tally.rate < 0.6


def test_latency_follows_what_it_is_of_late():
    tally = Tally()
    for turn in range(300):
        tally.note(OK, 0.01 if turn < 200 else 0.05, 100.0 + turn / 10)
    assert 0.03 < tally.latency < 0.05


def test_nothing_is_said_of_an_instance_that_was_never_called():
    tally = Tally()
    assert (tally.latency, tally.rate, tally.recent_failures) == (0.0, 0.0, 0.0)
