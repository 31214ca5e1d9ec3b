"""How instances are picked: shares, turns, and never the busier of two."""

import random
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors.balancing.least_request import LeastRequest
from plait.actors.balancing.random_choice import RandomChoice
from plait.actors.balancing.round_robin import RoundRobin
from plait.actors.messages.error import NoEndpoints
from plait.actors.messages.instance import Instance
from plait.actors.messages.traffic import Balancer, TrafficPolicy
from plait.actors.proxy.balancer import maker
from plait.actors.proxy.cluster import Cluster, carries
from plait.actors.proxy.endpoint import Endpoint


def endpoints(*active):
    made = tuple(Endpoint(Instance(f"i-{n}", "s", "v1", {}, "", "node", 1)) for n in range(len(active)))
    for endpoint, calls in zip(made, active, strict=True):
        endpoint.active = calls
    return made


@pytest.mark.parametrize("kind", list(Balancer))
def test_every_balancer_shares_evenly_among_equals(kind):
    those, chosen = endpoints(*[0] * 5), Counter()
    balancer = maker(kind, random.Random(3), lambda: 0.0)()
    for _ in range(5000):
        chosen[balancer.pick(those).id] += 1
    assert len(chosen) == 5
    assert all(850 <= count <= 1150 for count in chosen.values())


@pytest.mark.parametrize("kind", list(Balancer))
def test_a_single_endpoint_is_always_it(kind):
    (only,) = endpoints(99)
    assert maker(kind, random.Random(3), lambda: 0.0)().pick([only]) is only


@given(st.integers(0, 50), st.integers(0, 50), st.randoms(use_true_random=False))
def test_least_request_never_picks_the_busier_of_two(one, other, rng):
    those = endpoints(one, other)
    assert LeastRequest(rng).pick(those).active == min(one, other)


@given(st.lists(st.integers(0, 5), min_size=2, max_size=10), st.randoms(use_true_random=False))
def test_least_request_never_picks_the_one_that_is_busier_than_all_others(active, rng):
    active.append(6)
    picked = LeastRequest(rng).pick(endpoints(*active))
    assert picked.active < 6


def test_least_request_keeps_the_load_of_many_close_together():
    rng, those = random.Random(5), endpoints(*[0] * 20)
    balancer, in_hand = LeastRequest(rng), []
    for _ in range(4000):
        endpoint = balancer.pick(those)
        endpoint.active += 1
        in_hand.append(endpoint)
        if len(in_hand) > 200:
            in_hand.pop(rng.randrange(len(in_hand))).active -= 1
    assert max(e.active for e in those) <= 2 * 200 / 20


def test_round_robin_takes_each_in_turn():
    those, balancer = endpoints(0, 0, 0), RoundRobin(random.Random(1))
    picked = [balancer.pick(those) for _ in range(9)]
    assert picked[:3] == picked[3:6] == picked[6:]
    assert set(picked) == set(those)


def test_round_robin_goes_on_with_its_turn_when_the_set_changes():
    cluster = Cluster("s", "", random.Random(1))
    cluster.use(TrafficPolicy(Balancer.ROUND_ROBIN))
    cluster.endpoints = those = endpoints(0, 0, 0)
    first = cluster.pick(())
    at = those.index(first)
    cluster.endpoints = tuple(those)  # a change that leaves the same instances
    cluster.use(TrafficPolicy(Balancer.ROUND_ROBIN))  # a later revision with the same policy
    assert [cluster.pick(()) for _ in range(2)] == [those[(at + 1) % 3], those[(at + 2) % 3]]


def test_random_choice_stays_in_its_bounds():
    class Edge(random.Random):
        def random(self):
            return 0.999_999_999_999_999_9

    assert RandomChoice(Edge()).pick(endpoints(0, 0, 0)).id == "i-2"
    assert LeastRequest(Edge()).pick(endpoints(0, 0, 0)).id in ("i-1", "i-2")


def test_a_cluster_prefers_what_was_not_tried_and_falls_back_to_all():
    cluster = Cluster("s", "", random.Random(1))
    cluster.endpoints = those = endpoints(0, 0, 0)
    for _ in range(50):
        assert cluster.pick(those[:2]) is those[2]
    assert cluster.pick(those) in those


def test_a_cluster_prefers_other_nodes_to_those_that_were_tried():
    cluster = Cluster("s", "", random.Random(1))
    cluster.endpoints = (one, beside, elsewhere) = endpoints(0, 0, 0)
    for endpoint, node in ((one, "a"), (beside, "a"), (elsewhere, "b")):
        endpoint.instance = msgspec.structs.replace(endpoint.instance, node=node)
    for _ in range(50):
        assert cluster.pick([one]) is elsewhere
        assert cluster.pick([one, elsewhere]) is beside, "no other node is left"


def test_a_cluster_without_endpoints_says_so():
    with pytest.raises(NoEndpoints, match="no healthy upstream"):
        Cluster("s", "", random.Random(1)).pick(())


@pytest.mark.parametrize(
    ("labels", "wanted", "expected"),
    [
        ({"v": "1", "a": "x"}, {"v": "1"}, True),
        ({"v": "1"}, {}, True),
        ({"v": "1"}, {"v": "2"}, False),
        ({}, {"v": "1"}, False),
        ({"v": "1"}, {"v": "1", "a": "x"}, False),
    ],
)
def test_labels_are_carried_when_all_wanted_ones_are_there(labels, wanted, expected):
    assert carries(labels, wanted) is expected
