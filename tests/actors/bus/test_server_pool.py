"""Which servers a connection may use, and in which order."""

import random

import pytest

from plait.actors.bus.address import Address, addresses
from plait.actors.bus.server_pool import ServerPool


def pool(urls, seed=1):
    return ServerPool(addresses(urls), random.Random(seed))


def places(servers):
    return {one.place for one in servers}


def test_the_members_that_the_cluster_tells_of_are_known_and_logged_in_to_as_the_one_that_told():
    known = pool("nats://ann:pw@a:1,nats://b:2")
    known.learn(["b:2", "10.0.0.3:3", "[::1]:4"], Address("a", 1, "ann", "pw"))
    assert places(known.order()) == {("a", 1), ("b", 2), ("10.0.0.3", 3), ("::1", 4)}
    assert len(known) == 4
    assert {(one.user, one.password) for one in known.order()} == {("ann", "pw")}


def test_the_latest_list_counts_and_an_empty_one_says_nothing():
    known = pool("a:1")
    known.learn(["c:3", "d:4"], Address("a", 1))
    known.learn([], Address("a", 1))
    assert places(known.order()) == {("a", 1), ("c", 3), ("d", 4)}
    known.learn(["d:4"], Address("a", 1))
    assert places(known.order()) == {("a", 1), ("d", 4)}


@pytest.mark.parametrize("place", ["", "x:port", "http://evil:80", "nats://evil:4", ":::", "a:1"])
def test_what_is_no_place_or_known_is_not_learnt(place):
    known = pool("a:1")
    known.learn([place], Address("a", 1))
    assert len(known) == 1


def test_the_server_that_went_is_tried_last_and_the_others_by_chance():
    orders = set()
    for seed in range(50):
        order = [one.host for one in pool("a,b,c,d", seed).order(Address("b", 4222))]
        assert order[-1] == "b"
        orders.add(tuple(order))
    assert len(orders) == 6
    assert places(pool("a,b,c").others(Address("b", 4222))) == {("a", 4222), ("c", 4222)}


@pytest.mark.parametrize(
    ("source", "learnt", "name"),
    [
        (Address("bus.example", 1, tls=True), "10.0.0.2:1", "bus.example"),
        (Address("bus.example", 1, tls=True), "other.example:1", ""),
        (Address("10.0.0.1", 1, tls=True), "10.0.0.2:1", ""),
        (Address("10.0.0.1", 1, tls=True, certified="bus.example"), "10.0.0.2:1", "bus.example"),
    ],
)
def test_an_ip_address_is_certified_by_the_name_that_the_cluster_was_found_by(source, learnt, name):
    known = ServerPool([source], random.Random(1))
    known.learn([learnt], source)
    (found,) = known.others(source)
    assert found.certified == name
    assert found.tls
    assert "bus" not in str(known).replace(str(source), "")
