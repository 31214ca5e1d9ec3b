"""Maglev's table: the same at every caller, even shares, few keys that move, and always somebody who can be called."""

from collections import Counter

import pytest
import xxhash

from plait.actors.balancing.maglev import Maglev
from plait.actors.loop.slice import at_once

SIZE = 65_537
KEYS = [xxhash.xxh64_intdigest(f"key-{number}".encode()) for number in range(20_000)]


def members(count):
    return [f"reviews-{number:x}" for number in range(count)]


def table(names, size=SIZE):
    made = Maglev(size)
    at_once(made.follow(names))
    return made


def owners(made, names, avoided=(), keys=KEYS):
    routable = {name: name for name in names}
    return [made.find(key, routable, avoided) for key in keys]


def plain(names, size):
    """The paper's own procedure, entry by entry."""
    names = sorted(names)
    orders = []
    for name in names:
        offset = xxhash.xxh64_intdigest(name.encode()) % size
        skip = xxhash.xxh64_intdigest(name.encode(), seed=1) % (size - 1) + 1
        orders.append(iter([(offset + step * skip) % size for step in range(size)]))
    filled = {}
    while len(filled) < size:
        for name, order in zip(names, orders, strict=True):
            if len(filled) < size:
                filled[next(at for at in order if at not in filled)] = name
    return [filled[at] for at in range(size)]


@pytest.mark.parametrize(("count", "size"), [(1, 7), (3, 7), (9, 7), (5, 2), (10, 1009)])
def test_the_table_is_that_of_the_paper(count, size):
    names = members(count)
    assert owners(table(names, size), names, keys=range(size)) == plain(names, size)


@pytest.mark.parametrize("count", [3, 7, 100])
def test_each_has_as_many_entries_as_any_other(count):
    names = members(count)
    held = Counter(owners(table(names), names, keys=range(SIZE)))
    assert len(held) == count
    assert max(held.values()) - min(held.values()) <= 1


def test_keys_are_spread_evenly():
    names = members(10)
    held = Counter(owners(table(names), names))
    assert sum((held[name] - 2000) ** 2 / 2000 for name in names) < 27.9  # chi-square, 9 degrees, 99.9 %


@pytest.mark.parametrize(("count", "ideal"), [(5, 1 / 6), (10, 1 / 11)])
def test_who_joins_takes_its_share_and_few_other_keys_move(count, ideal):
    names = members(count + 1)
    made = table(names[:-1])
    before = owners(made, names)
    at_once(made.follow(names))
    pairs = list(zip(before, owners(made, names), strict=True))
    moved = sum(then != now for then, now in pairs) / len(KEYS)
    beside = sum(then != now != names[-1] for then, now in pairs) / len(KEYS)
    assert moved == pytest.approx(ideal, rel=0.1)
    assert beside < 0.02


def test_two_callers_have_one_table_whatever_they_knew_before():
    names = members(12)
    one, other = table(names), table(["gone", *names[:3]])
    at_once(other.follow(reversed(names)))
    assert owners(one, names) == owners(other, names)


def test_the_table_before_serves_until_the_next_is_full():
    names = members(6)
    made = table(names[:5])
    before = owners(made, names, keys=KEYS[:500])
    steps, rests = made.follow(names), 0
    for _ in steps:
        rests += 1
        if rests % 10 == 1:
            assert owners(made, names, keys=KEYS[:500]) == before
    assert rests > 30
    assert owners(made, names, keys=KEYS[:500]) != before


def test_only_the_keys_of_who_cannot_be_called_go_elsewhere_and_to_all_others():
    names = members(6)
    made = table(names)
    before, after = owners(made, names), owners(made, names[1:])
    went = Counter(now for then, now in zip(before, after, strict=True) if then == names[0])
    assert all(then == now for then, now in zip(before, after, strict=True) if then != names[0])
    assert all(went[name] > 0.85 * went.total() / 5 for name in names[1:])
    assert owners(made, names, avoided=(names[0],)) == after


def test_nobody_a_single_one_and_those_without_an_entry():
    made = Maglev(7)
    assert made.find(5, {}, ()) is None
    at_once(made.follow(["only"]))
    assert owners(made, ["only"]) == ["only"] * len(KEYS)
    assert made.find(5, {"another": 1}, ()) is None
    at_once(made.follow([]))
    assert made.find(5, {"only": 1}, ()) is None
