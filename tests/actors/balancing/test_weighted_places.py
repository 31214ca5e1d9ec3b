"""Ring and Maglev's table by weight: shares, few keys that move, and an end to memory where weights are absurd."""

from collections import Counter
from itertools import pairwise

import pytest
import xxhash

from plait.actors.balancing.maglev import Maglev
from plait.actors.balancing.ring import PLACES, Ring, counts
from plait.actors.loop.slice import at_once

KEYS = [xxhash.xxh64_intdigest(f"key-{number}".encode()) for number in range(20_000)]
SIZE = 65_537


def placed(kind, weights):
    made = Maglev(SIZE) if kind == "maglev" else Ring()
    at_once(made.follow(list(weights), weights))
    return made


def owners(made, names, keys=KEYS):
    routable = {name: name for name in names}
    return [made.find(key, routable, ()) for key in keys]


def named(*weights):
    return {f"reviews-{number:x}": float(weight) for number, weight in enumerate(weights)}


@pytest.mark.parametrize("kind", ["ring", "maglev"])
@pytest.mark.parametrize("weights", [(1, 9), (1, 2, 3, 4, 0), (0.5, 0.25, 0.25), (10, 30, 60)])
def test_keys_are_spread_by_weight(kind, weights):
    known = named(*weights)
    held = Counter(owners(placed(kind, known), known))
    for name, weight in known.items():
        # The ring's places stand by chance: shares are within 1 / sqrt(places), three times over.
        room = 0.05 if kind == "maglev" else 3 / (PLACES * min(one for one in weights if one) / max(weights)) ** 0.5
        assert held[name] / len(KEYS) == pytest.approx(weight / sum(weights), rel=max(room, 0.2))
        assert weight or not held[name]


def by_envoy(weights, size):
    """Envoy's loop as its documentation has it: a member whose turn is not due in this round is passed over."""
    names = sorted(weights)
    digest = xxhash.xxh64_intdigest
    at = {name: digest(name.encode()) % size for name in names}
    target, most, table = dict.fromkeys(names, 0.0), max(weights.values()), {}
    for turn in range(1, size + 1):
        for name in names:
            if len(table) == size:
                return [table[place] for place in range(size)]
            if turn * weights[name] < target[name]:
                continue
            target[name] += most
            while at[name] in table:
                at[name] = (at[name] + digest(name.encode(), seed=1) % (size - 1) + 1) % size
            table[at[name]] = name
    return [table[place] for place in range(size)]


@pytest.mark.parametrize("weights", [(1, 2), (1, 2, 3, 4), (8, 1, 1), (0.5, 0.25), (3, 2, 2, 3)])
def test_a_weighted_table_is_envoys(weights):
    known = named(*weights)
    made = Maglev(1009)
    at_once(made.follow(list(known), known))
    assert owners(made, known, keys=range(1009)) == by_envoy(known, 1009)


@pytest.mark.parametrize("kind", ["ring", "maglev"])
def test_equal_weights_are_as_no_weights(kind):
    known = named(*[7] * 5)
    plain = Maglev(SIZE) if kind == "maglev" else Ring()
    at_once(plain.follow(list(known)))
    if kind == "maglev":
        assert owners(placed(kind, known), known) == owners(plain, known)
    nothing = named(0, 0, 0)
    assert set(owners(placed(kind, nothing), nothing)) == set(nothing)


@pytest.mark.parametrize("kind", ["ring", "maglev"])
def test_who_joins_takes_the_share_of_its_weight(kind):
    shares = []
    for seed in range(12):  # other names each time: one ring's own chance is 8 %
        known = {f"s{seed}-{name}": weight for name, weight in named(1, 2, 1, 2, 1, 2).items()}
        *_, joins = known
        made = placed(kind, {name: weight for name, weight in known.items() if name != joins})
        before = owners(made, known, KEYS[:5000])
        at_once(made.follow(list(known), known))
        after = owners(made, known, KEYS[:5000])
        moved = [(then, now) for then, now in zip(before, after, strict=True) if then != now]
        beside = sum(now != joins for _, now in moved)
        assert beside == 0 if kind == "ring" else beside < 0.03 * 5000
        shares.append(len(moved) / 5000)
    assert sum(shares) / len(shares) == pytest.approx(2 / 9, rel=0.1)


def test_places_follow_from_a_members_own_weight_and_have_an_end():
    assert counts("abc", {"a": 1.0, "b": 2.0, "c": 0.5}) == {"a": PLACES, "b": 2 * PLACES, "c": PLACES // 2}
    for known in (named(1, 1e9), named(*[1e9] * 500, 1), named(1e-9, 1e-6), named(0, 1e9, 1, 1)):
        found = counts(list(known), known)
        some = [weight for weight in known.values() if weight]
        assert sum(found.values()) <= 4 * PLACES * len(some) + len(some)
        assert sum(found.values()) >= PLACES * len(some) / 2
        assert all(found.get(name, 0) >= 1 for name, weight in known.items() if weight)
        assert all(name not in found for name, weight in known.items() if not weight)
    many = counts(list(named(1, 2)), named(1, 2), 4000)
    assert sum(many.values()) >= 4000


def test_a_weight_that_changes_moves_places_of_its_member_alone():
    made, known = Ring(), named(1, 1, 2, 1)
    at_once(made.follow(list(known), known))
    before = owners(made, known)
    first = next(iter(known))
    at_once(made.follow(list(known), {**known, first: 2.0}))
    after = owners(made, known)
    assert {now for then, now in zip(before, after, strict=True) if then != now} == {first}
    at_once(made.follow(list(known), known))
    assert owners(made, known) == before


def test_a_heavy_table_of_many_takes_steps_all_along():
    known = named(1e9, *[1] * 300)
    made = Maglev(SIZE)
    rests = sum(1 for _ in made.follow(list(known), known))
    assert rests > 30
    held = Counter(owners(made, known, keys=range(SIZE)))
    assert len(held) == 301  # each has its first turn
    assert all(one >= other for one, other in pairwise(sorted(held.values(), reverse=True)))
