"""How near instances are to a caller: distances, failover regions, labels, and localities as rules write them."""

import pytest

from plait.actors.messages.instance import Instance
from plait.actors.messages.traffic import Locality
from plait.actors.proxy.locality import distance, grouped, here, matches, place, rank, shares_of


def at(where, node="n", **labels):
    return Instance("i", "s", "v1", labels, where, node, 1)


ME = here("eu/a/1", "home", {"app": "shop", "version": "v1"})


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("eu/a/1", 0),
        ("eu/a/2", 1),
        ("eu/a", 1),
        ("eu/b/1", 2),
        ("eu", 2),
        ("us/a/1", 3),
        ("", 3),
        ("e/u/a/1", 3),
    ],
)
def test_distance_is_what_localities_have_not_in_common(where, expected):
    assert distance(ME.place, place(where)) == expected
    assert rank(ME, at(where), Locality()) == expected


def test_who_does_not_know_where_it_is_has_everybody_equally_far_but_those_who_do_not_know_either():
    nowhere = here("", "home", {})
    assert [rank(nowhere, at(where), Locality()) for where in ("eu/a/1", "us", "")] == [3, 3, 0]


@pytest.mark.parametrize(
    ("where", "pattern", "expected"),
    [
        ("eu/a/1", "*", True),
        ("", "*", True),
        ("eu/a/1", "eu", True),
        ("eu/a/1", "eu/*", True),
        ("eu/a/1", "eu/a/*", True),
        ("eu/a/1", "eu/a/1", True),
        ("eu/a/1", "eu/a/2", False),
        ("eu/a/1", "eu/b/*", False),
        ("eu", "eu/a", False),
        ("eu2/a", "eu", False),
    ],
)
def test_a_locality_covers_what_begins_like_it_by_whole_parts(where, pattern, expected):
    assert matches(place(where), pattern) is expected


def test_failover_prefers_the_region_that_it_names_and_holds_for_its_own_region_alone():
    policy = Locality(failover=(("us", "ap"), ("eu", "us")))
    ranks = [rank(ME, at(where), policy) for where in ("eu/a/1", "eu/a/2", "eu/b", "us/x", "ap/y", "")]
    assert ranks == [0, 1, 2, 3, 4, 4]
    assert [rank(here("ap", "n", {}), at(where), policy) for where in ("us", "eu")] == [3, 3]


def test_labels_rank_by_how_many_of_the_first_ones_are_in_common():
    policy = Locality(priority=("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "version"))
    ranked = [
        at("eu/a/9", version="v1"),
        at("eu/a/9", version="v2"),
        at("eu/b/1", version="v1"),
        at("us/a/1", version="v1"),
    ]
    assert [rank(ME, one, policy) for one in ranked] == [0, 1, 2, 3]


def test_a_label_with_a_value_asks_for_that_value_whatever_the_caller_has():
    policy = Locality(priority=("version=v2",))
    assert [rank(ME, at("", version=version), policy) for version in ("v1", "v2")] == [1, 0]
    assert rank(ME, at(""), policy) == 1


def test_a_label_that_neither_has_is_in_common():
    assert rank(ME, at("eu", team="x"), Locality(priority=("colour",))) == 0


def test_the_hostname_is_the_node_so_that_own_instances_can_be_preferred():
    policy = Locality(priority=("kubernetes.io/hostname",))
    assert [rank(ME, at("", node=node), policy) for node in ("home", "away")] == [0, 1]


def test_failover_beside_labels_decides_among_those_that_the_labels_make_equal():
    policy = Locality(priority=("version",), failover=(("eu", "us"),))
    ranks = [rank(ME, at(where, version=v), policy) for v in ("v1", "v2") for where in ("eu/a/1", "us", "ap")]
    assert ranks == [0, 3, 4, 5, 8, 9]
    assert ranks == sorted(ranks)


def test_the_first_distribution_that_covers_the_caller_holds():
    policy = Locality(distribute=(("us/*", (("us", 100),)), ("eu/*", (("eu", 80), ("us", 20))), ("*", (("ap", 100),))))
    assert shares_of(ME.place, policy) == (("eu", 80), ("us", 20))
    assert shares_of(place("ap"), policy) == (("ap", 100),)
    assert shares_of(place("ap"), Locality(distribute=policy.distribute[:2])) is None


def test_groups_come_in_order_without_gaps():
    assert grouped([(4, "d"), (0, "a"), (4, "e"), (2, "c")]) == [["a"], ["c"], ["d", "e"]]
