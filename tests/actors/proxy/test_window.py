"""The sliding window: what is in it, and when it is forgotten."""

import random

from plait.actors.proxy.window import Window


def counts(window):
    return window.calls, window.failed, window.slow


def test_it_counts_what_is_added():
    window = Window(10.0)
    window.add(100.0, False, False)
    window.add(100.5, True, False)
    window.add(103.0, True, True)
    window.add(109.9, False, True)
    assert counts(window) == (4, 2, 2)


def test_each_bucket_is_forgotten_by_itself():
    window = Window(10.0)
    for second in range(10):
        window.add(100.0 + second, second == 0, second == 9)
    assert counts(window) == (10, 1, 1)
    window.slide(110.0)
    assert counts(window) == (9, 0, 1)
    window.slide(118.9)
    assert counts(window) == (1, 0, 1)
    window.slide(119.0)
    assert counts(window) == (0, 0, 0)


def test_a_long_silence_forgets_everything_at_once():
    window = Window(1.0)
    for _ in range(7):
        window.add(5.0, True, True)
    window.add(1e9, False, False)
    assert counts(window) == (1, 0, 0)


def test_it_is_cleared():
    window = Window(10.0)
    window.add(1.0, True, True)
    window.clear()
    assert counts(window) == (0, 0, 0)
    window.add(1.5, True, False)
    assert counts(window) == (1, 1, 0)


def test_it_agrees_with_a_list_of_all_calls():
    for seed in range(20):
        rng = random.Random(seed)
        span = rng.choice((0.5, 10.0, 60.0))
        window, known, now = Window(span), [], rng.random() * 1e6
        for _ in range(400):
            now += rng.choice((0.0, rng.random() * span / 20, rng.random() * span))
            one = (now, rng.random() < 0.4, rng.random() < 0.2)
            window.add(*one)
            known.append(one)
            width = span / 10
            first = (now // width - 9) * width
            recent = [each for each in known if each[0] >= first - 1e-9]
            near = [each for each in known if each[0] >= first + 1e-6 * now]  # the edge, give or take a float's bits
            assert len(near) <= window.calls <= len(recent) + 1
            assert window.failed <= window.calls >= window.slow
            if len(near) == len(recent):
                assert counts(window) == (len(recent), sum(e[1] for e in recent), sum(e[2] for e in recent))
