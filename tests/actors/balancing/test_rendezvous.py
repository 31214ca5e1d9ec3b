"""Rendezvous: even and by weight, no key moves that need not, the same everywhere, a ring where members are many."""

import random
from collections import Counter

import pytest
import xxhash

from plait.actors.balancing.rendezvous import FEW, FEW_WEIGHED, Rendezvous
from plait.actors.balancing.ring import Ring
from plait.actors.loop.slice import at_once
from tests.actors.balancing.member import CHI, chi_square

KEYS = [xxhash.xxh64_intdigest(f"key-{number}".encode()) for number in range(20_000)]


def names_of(count):
    return [f"reviews-{number:x}" for number in range(count)]


def rendezvous(names, weights=None):
    made = Rendezvous()
    at_once(made.follow(names, weights))
    return made


def owners(made, names, avoided=(), keys=KEYS):
    routable = {name: name for name in names}
    return [made.find(key, routable, avoided) for key in keys]


@pytest.mark.parametrize("count", [2, 5, 10, 20])
def test_keys_are_spread_as_evenly_as_chance_allows(count):
    names = names_of(count)
    held = Counter(owners(rendezvous(names), names))
    assert chi_square([held[name] for name in names], [1] * count) < CHI[count - 1]


@pytest.mark.parametrize("weights", [(1, 9), (1, 2, 3, 4, 0), (0.1, 0.3, 0.1)])
def test_keys_are_spread_by_weight(weights):
    names = names_of(len(weights))
    held = Counter(owners(rendezvous(names, dict(zip(names, weights, strict=True))), names))
    assert chi_square([held[name] for name in names], weights) < CHI[sum(1 for one in weights if one) - 1]


@pytest.mark.parametrize(("count", "ideal"), [(5, 1 / 6), (10, 1 / 11)])
def test_who_joins_or_leaves_moves_its_own_keys_alone(count, ideal):
    names = names_of(count + 1)
    made = rendezvous(names[:-1])
    before = owners(made, names)
    at_once(made.follow(names))
    after = owners(made, names)
    moved = [now for then, now in zip(before, after, strict=True) if then != now]
    assert set(moved) == {names[-1]}
    assert len(moved) / len(KEYS) == pytest.approx(ideal, rel=0.1)
    at_once(made.follow(names[:-1]))
    assert owners(made, names) == before


def test_a_weight_that_rises_moves_keys_to_its_member_alone():
    names = names_of(5)
    before = owners(rendezvous(names), names)
    after = owners(rendezvous(names, {**dict.fromkeys(names, 1.0), names[2]: 2.0}), names)
    moved = [now for then, now in zip(before, after, strict=True) if then != now]
    assert set(moved) == {names[2]}
    assert len(moved) / len(KEYS) == pytest.approx(2 / 6 - 1 / 5, rel=0.1)


@pytest.mark.parametrize("weight", [1.0, 2.0])
def test_only_the_keys_of_who_cannot_be_called_go_elsewhere_and_to_all_others(weight):
    names = names_of(6)
    made = rendezvous(names, {**dict.fromkeys(names, 1.0), names[3]: weight})
    before, after = owners(made, names), owners(made, names[1:])
    went = Counter(now for then, now in zip(before, after, strict=True) if then == names[0])
    assert all(then == now for then, now in zip(before, after, strict=True) if then != names[0])
    assert set(went) == set(names[1:])
    assert owners(made, names, avoided=(names[0],)) == after


@pytest.mark.parametrize("count", [12, FEW + 5, 3 * FEW])
def test_two_callers_agree_whatever_they_knew_before(count):
    names = names_of(count)
    one, other = rendezvous(names), rendezvous(["gone", *names[:3]])
    at_once(other.follow(random.Random(1).sample(names, count)))
    assert owners(one, names, keys=KEYS[:3000]) == owners(other, names, keys=KEYS[:3000])


def test_many_members_are_led_by_the_ring():
    names = names_of(2 * FEW)
    ring = Ring()
    at_once(ring.follow(names))
    assert owners(rendezvous(names), names) == owners(ring, names)


def test_on_the_way_to_the_ring_each_further_member_moves_few_keys():
    names = names_of(2 * FEW + 2)
    made = rendezvous(names[: FEW - 1])
    before = owners(made, names, keys=KEYS[:5000])
    for count in range(FEW, len(names) + 1):
        at_once(made.follow(names[:count]))
        after = owners(made, names, keys=KEYS[:5000])
        moved = sum(then != now for then, now in zip(before, after, strict=True)) / 5000
        assert moved < 1 / count + 1 / FEW + 0.015
        before = after


def test_nobody_one_nothing_and_a_billion():
    assert Rendezvous().find(7, {}, ()) is None
    assert owners(rendezvous(["a"]), ["a"], keys=KEYS[:50]) == ["a"] * 50
    assert rendezvous(["a", "b"]).find(7, {"c": 1}, ()) is None
    assert rendezvous(["a", "b"]).find(7, {"a": 1, "b": 2}, (1, 2)) is None
    assert set(owners(rendezvous(["a", "b"], {"a": 1.0, "b": 1e9}), "ab")) == {"b"}
    assert set(owners(rendezvous(["a", "b"], {"a": 0.0, "b": 0.0}), "ab")) == {"a", "b"}
    made = rendezvous(names_of(2 * FEW))
    at_once(made.follow([]))
    assert made.find(7, {"a": 1}, ()) is None
    for key in (0, 2**64 - 1):
        assert rendezvous(["a", "b"], {"a": 1.0, "b": 2.0}).find(key, {"a": 1, "b": 2}, ()) in (1, 2)


def test_by_weight_the_ring_begins_to_lead_with_fewer():
    few = names_of(FEW_WEIGHED)
    many = names_of(2 * FEW_WEIGHED)
    weigh = lambda names: {name: 1.0 + (place % 2) for place, name in enumerate(names)}  # noqa: E731
    assert rendezvous(few, weigh(few))._ring is None
    assert rendezvous(many, weigh(many))._share == 65_536
    assert rendezvous(many)._ring is None
