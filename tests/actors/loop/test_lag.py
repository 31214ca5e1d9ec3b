"""The lateness of a loop: the last beat's, and the worst of ten seconds."""

import random

from plait.actors.loop.lag import SPAN, Lag


def test_a_loop_that_never_beat_is_not_late():
    assert Lag().worst(5.0) == 0.0


def test_the_worst_is_forgotten_after_ten_seconds_and_not_before_nine():
    lag = Lag()
    lag.note(100.5, 0.7)
    lag.note(100.6, 0.1)
    lag.note(102.0, 0.3)
    assert lag.last == 0.3
    assert lag.worst(102.0) == 0.7
    assert lag.worst(109.9) == 0.7
    assert lag.worst(110.6) == 0.3
    assert lag.worst(112.6) == 0.0


def test_the_worst_is_that_of_the_latest_seconds_whatever_the_beats():
    rng, lag, now = random.Random(1), Lag(), 1000.0
    beats = []
    for _ in range(600):
        now += rng.choice((0.025, 0.3, 14.0)) if rng.random() < 0.1 else 0.025
        beats.append((now, rng.expovariate(50)))
        lag.note(*beats[-1])
        assert lag.worst(now) == max(late for at, late in beats if int(at) > int(now) - SPAN)
