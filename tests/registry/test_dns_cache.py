"""Packed answers are few, come in changing orders, and make way when they are many."""

import random
from collections import Counter

from plait.registry.dns_cache import Kept


def asked(kept, key, times):
    """Ask as the server does: what is not drawn is made, numbered, and kept."""
    made, given = 0, Counter()
    for _ in range(times):
        answer = kept.draw(key)
        if answer is None:
            answer = b"%d" % made
            made += 1
            kept.put(key, answer)
        given[answer] += 1
    return made, given


def test_most_answers_are_kept_ones_and_no_order_is_given_for_ever():
    made, given = asked(Kept(random.Random(1)), b"q", 20_000)
    assert 400 < made < 1000
    assert max(given.values()) < 600
    assert len(given) == made


def test_answers_to_other_questions_are_not_given():
    kept = Kept(random.Random(1))
    kept.put(b"a", b"1")
    assert kept.draw(b"b") is None
    kept.clear()
    assert [kept.draw(b"a") for _ in range(100)] == [None] * 100


def test_questions_of_strangers_fill_no_memory():
    kept = Kept(random.Random(1), room=50_000)
    for number in range(5000):
        kept.put(b"%d" % (number % 1000), b"x" * (number % 700))
        assert 0 < kept.size < 52_000
