"""Hashed calls with a bound, by rendezvous and by weight, as a cluster makes them of its policies."""

import random
from collections import Counter
from math import ceil

import msgspec
import pytest

from plait.actors.messages.hashing import ConsistentHash, HashSource
from plait.actors.messages.instance import Instance
from plait.actors.messages.resilience import Balancing, Resilience
from plait.actors.messages.traffic import Balancer, TrafficPolicy
from plait.actors.proxy.attempt import Attempt
from plait.actors.proxy.snapshot import Directory
from plait.actors.routing.upstream import Upstream
from tests.actors.proxy.chained import a_call

RING = ConsistentHash(HashSource.HEADER, "x-user")
TABLE = ConsistentHash(HashSource.HEADER, "x-user", table=1009)
WAYS = [(RING, False), (TABLE, False), (RING, True)]


def instance(number, health="healthy"):
    return Instance(f"i-{number}", "s", "v1", {}, "", f"node-{number}", 1, health=health)


def upstream(policy, rendezvous=False, bound=0.0, balancer=None):
    balancing = Balancing(balancer, rendezvous, bound)
    return Upstream("s", "", {}, TrafficPolicy(Balancer.RANDOM, policy), resilience=Resilience("", "", "", balancing))


def world(count, *how, **more):
    directory = Directory(random.Random(1))
    cluster = directory.cluster(upstream(*how, **more))
    for number in range(count):
        directory.put(instance(number))
    return directory, cluster


def pick(cluster, value, tried=()):
    return Attempt(None).pick(a_call(cluster=cluster, headers=[("x-user", value)], tried=list(tried)))


def weigh(cluster, *weights):
    for one, weight in zip(cluster.members, weights, strict=True):
        one.renew(msgspec.structs.replace(one.instance, weight=weight))
    cluster.refresh()


@pytest.mark.parametrize(("policy", "rendezvous"), WAYS)
@pytest.mark.parametrize("weights", [(1, 1, 1, 1, 1), (1, 2, 3, 1, 1)])
@pytest.mark.parametrize("factor", [1.0, 1.25, 2.0])
def test_nobody_ever_holds_more_than_its_factor_of_its_share(policy, rendezvous, weights, factor):
    _, cluster = world(5, policy, rendezvous, factor)
    weigh(cluster, *weights)
    rng, hands, whole = random.Random(3), [], sum(weights)
    for _ in range(1500):
        calls = len(hands) + 1
        one = pick(cluster, rng.choice(["hot", "hot", "hot", f"user-{rng.randrange(50)}"]))
        one.active += 1
        hands.append(one)
        assert one.active <= max(1, ceil(factor * calls * one.weight / whole))
        if len(hands) > 60:
            hands.pop(rng.randrange(60)).active -= 1


@pytest.mark.parametrize(("policy", "rendezvous"), WAYS)
def test_keys_stay_where_they_belong_while_there_is_room(policy, rendezvous):
    _, free = world(5, policy, rendezvous)
    _, bound = world(5, policy, rendezvous, 1.25)
    users = [f"user-{number}" for number in range(300)]
    assert [pick(free, user).id for user in users] == [pick(bound, user).id for user in users]
    owner = pick(bound, "hot")
    owner.active = 3
    assert pick(bound, "hot") is not owner
    for one in bound.members:
        one.active = 3
    assert pick(bound, "hot") is owner


def test_a_retry_goes_on_and_ends_with_those_who_are_left():
    _, cluster = world(3, RING, False, 1.0)
    first = pick(cluster, "hot")
    second = pick(cluster, "hot", [first])
    first.active, second.active = 0, 9
    third = pick(cluster, "hot", [first])
    assert len({first, second, third}) == 3
    assert pick(cluster, "hot", [first, third]) is second  # nobody else: better full than none
    assert pick(cluster, "hot", [first, second, third]) in cluster.members


@pytest.mark.parametrize(("policy", "rendezvous"), WAYS)
def test_weights_lead_keys_and_those_of_zero_get_none(policy, rendezvous):
    _, cluster = world(4, policy, rendezvous)
    weigh(cluster, 1, 3, 0, 1)
    held = Counter(pick(cluster, f"user-{number}").id for number in range(4000))
    assert held["i-2"] == 0
    assert held["i-1"] / 4000 == pytest.approx(0.6, abs=0.08)


@pytest.mark.parametrize(("policy", "rendezvous"), WAYS)
def test_those_without_weight_are_asked_when_nobody_else_can_be(policy, rendezvous):
    directory, cluster = world(2, policy, rendezvous)
    weigh(cluster, 0, 1)
    directory.put(instance(1, health="critical"))
    assert pick(cluster, "user").id == "i-0"


@pytest.mark.parametrize(("policy", "rendezvous"), WAYS)
@pytest.mark.parametrize("bound", [0.0, 1.25])
def test_a_key_of_a_megabyte_leads_as_any_other(policy, rendezvous, bound):
    _, here = world(5, policy, rendezvous, bound)
    _, there = world(5, policy, rendezvous, bound)
    key = "x" * 1_000_000
    assert pick(here, key).id == pick(there, key).id
    assert len({pick(here, f"{key}{number}").id for number in range(40)}) == 5


def test_a_policy_may_go_over_to_rendezvous_and_back_and_only_keys_lead_otherwise():
    directory, cluster = world(5, RING)
    users = [f"user-{number}" for number in range(200)]
    before = [pick(cluster, user).id for user in users]
    assert directory.cluster(upstream(RING, rendezvous=True)) is cluster
    assert [pick(cluster, user).id for user in users] != before
    places = cluster.hashing._places
    directory.cluster(upstream(RING, rendezvous=True, bound=1.25))
    assert cluster.hashing._places is places
    directory.cluster(upstream(RING))
    assert [pick(cluster, user).id for user in users] == before
