"""The ring: even shares, few keys that move, one order of places for all who know the same members."""

import random
from bisect import bisect_left
from collections import Counter

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.actors.balancing.ring import PLACES, Ring
from plait.actors.loop.slice import at_once

KEYS = [xxhash.xxh64_intdigest(f"key-{number}".encode()) for number in range(20_000)]


def members(count):
    return [f"reviews-{number:x}" for number in range(count)]


def ring(names, minimum=0):
    made = Ring(minimum)
    at_once(made.follow(names))
    return made


def owners(made, names, avoided=(), keys=KEYS):
    routable = {name: name for name in names}
    return [made.find(key, routable, avoided) for key in keys]


@pytest.mark.parametrize("count", [2, 5, 20])
def test_the_shares_are_as_even_as_160_places_of_each_make_them(count):
    names = members(count)
    held = Counter(owners(ring(names), names))
    ideal = len(KEYS) / count
    # A share of the circle made of 160 random arcs spreads by 1/sqrt(160) of itself, and its keys by their own chance:
    # chi-square against that variance, with `count - 1` degrees of freedom, stays below its 99.9 % point.
    chi = sum((held[name] - ideal) ** 2 for name in names) / (ideal**2 / PLACES + ideal)
    assert chi < {1: 10.8, 4: 18.5, 19: 43.8}[count - 1]


@pytest.mark.parametrize(("count", "ideal"), [(5, 1 / 6), (10, 1 / 11)])
def test_who_joins_takes_its_share_and_moves_no_other_key(count, ideal):
    shares = []
    for seed in range(20):  # other names each time: one ring's own chance is 8 %
        names = [f"s{seed}-{one}" for one in members(count + 1)]
        made = ring(names[:-1])
        before = owners(made, names)
        at_once(made.follow(names))
        after = owners(made, names)
        moved = [now for then, now in zip(before, after, strict=True) if then != now]
        assert set(moved) == {names[-1]}
        shares.append(len(moved) / len(KEYS))
    assert sum(shares) / len(shares) == pytest.approx(ideal, rel=0.1)


@settings(deadline=None)
@given(st.lists(st.sets(st.sampled_from(members(9))), min_size=1, max_size=8), st.sampled_from([0, 1024, 3000]))
def test_a_ring_is_the_same_whatever_came_and_went_before(steps, minimum):
    lived = Ring(minimum)
    for step in steps:
        at_once(lived.follow(step))
    fresh = ring(sorted(steps[-1]), minimum)
    assert len(lived) == len(fresh)
    few = KEYS[:300]
    assert owners(lived, members(9), keys=few) == owners(fresh, members(9), keys=few)


def test_the_places_stand_where_the_hash_of_id_and_number_is():
    made, names = ring(members(3)), members(3)
    places = sorted((xxhash.xxh64_intdigest(f"{one}_{n}".encode()), one) for one in names for n in range(PLACES))
    points = [point for point, _ in places]
    wanted = [places[bisect_left(points, key) % len(places)][1] for key in KEYS]
    assert owners(made, names) == wanted


def test_two_at_one_point_stand_by_id(monkeypatch):
    monkeypatch.setattr(xxhash, "xxh64_intdigest", lambda data: int(data.rpartition(b"_")[2]))
    one, other = Ring(), Ring()
    for name in "acb":
        at_once(one.follow({"a", "b", "c"} if name == "b" else {"a", name}))
    at_once(other.follow({"b"}))
    at_once(other.follow({"a", "b", "c"}))
    for made in (one, other):
        assert [made.find(5, dict.fromkeys(names, names), ()) for names in ("abc", "bc", "c")] == ["abc", "bc", "c"]
        assert made.find(5, {name: name for name in "abc"}, "a") == "b"
    at_once(one.follow({"a", "c"}))
    assert one.find(5, {name: name for name in "abc"}, "a") == "c"


def test_only_the_keys_of_who_cannot_be_called_go_elsewhere_and_to_several():
    names = members(6)
    made = ring(names)
    before, after = owners(made, names), owners(made, names[1:])
    went = Counter(now for then, now in zip(before, after, strict=True) if then == names[0])
    assert set(went) == set(names[1:])
    assert all(then == now for then, now in zip(before, after, strict=True) if then != names[0])
    assert owners(made, names, avoided=(names[0],)) == after


def test_nobody_and_a_single_one():
    empty = Ring()
    assert empty.find(7, {}, ()) is None
    only = ring(["only"])
    assert {only.find(key, {"only": "it"}, ()) for key in (0, 2**64 - 1, *KEYS[:100])} == {"it"}
    assert only.find(7, {"only": "it"}, ("it",)) is None
    at_once(only.follow([]))
    assert (len(only), only.find(7, {"only": "it"}, ())) == (0, None)


@pytest.mark.parametrize(
    ("count", "minimum", "each"),
    [(1, 0, 160), (1, 1024, 1280), (6, 1024, 320), (7, 1024, 160), (100, 1024, 160), (3, 65_536, 40_960)],
)
def test_a_minimum_is_reached_with_few_members(count, minimum, each):
    assert len(ring(members(count), minimum)) == each * count


def test_a_ring_that_is_given_a_random_order_of_names_is_the_same():
    names = members(50)
    shuffled = random.Random(3).sample(names, 50)
    assert owners(ring(names), names) == owners(ring(shuffled), names)


def test_a_place_takes_six_bytes_and_more_only_where_numbers_need_it():
    made = ring(members(200))
    assert made._points.itemsize * len(made) + made._owners.itemsize * len(made) == 6 * 160 * 200
    assert len(made) == 160 * 200


def test_numbers_of_those_who_left_are_given_again():
    made = Ring()
    for turn in range(50):
        at_once(made.follow([f"{turn}-a", f"{turn}-b", "stays"]))
    assert len(made._names) <= 6
    assert set(owners(made, ["49-a", "49-b", "stays"], keys=KEYS[:200])) == {"49-a", "49-b", "stays"}


def test_lookups_between_the_steps_find_those_who_were_there():
    names = members(40)
    made, few = ring(names[:20]), KEYS[:200]
    before = owners(made, names[:20], keys=few)
    steps = made.follow(names[10:])
    count = 0
    for _ in steps:
        count += 1
        assert owners(made, names[:20], keys=few) == before
    assert count > 20
    assert owners(made, names[10:], keys=few) == owners(ring(names[10:]), names[10:], keys=few)


def test_steps_that_end_midway_leave_a_ring_that_goes_on():
    made, names = ring(members(5)), members(9)
    steps = made.follow(names)
    next(steps)
    steps.close()
    at_once(made.follow(names[3:]))
    assert owners(made, names[3:], keys=KEYS[:300]) == owners(ring(names[3:]), names[3:], keys=KEYS[:300])


def test_many_who_join_at_once_take_a_few_steps_each():
    made = Ring()
    count = sum(1 for _ in made.follow(members(1000)))
    more = sum(1 for _ in made.follow(members(1001)))
    assert count < 1200
    assert more < 12
