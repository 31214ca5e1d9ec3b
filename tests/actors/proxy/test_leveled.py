"""Localities in a cluster: who is picked, whom retries go to, where keys lead, and what changes of health do."""

import random
from collections import Counter

import msgspec
import pytest

from plait.actors.messages.error import NoEndpoints
from plait.actors.messages.hashing import ConsistentHash, HashSource
from plait.actors.messages.instance import Instance
from plait.actors.messages.traffic import Balancer, Locality, Outlier, TrafficPolicy, Warmup
from plait.actors.proxy.attempt import Attempt, DistantAttempt
from plait.actors.proxy.locality import here
from plait.actors.proxy.share import Around
from plait.actors.proxy.snapshot import Directory
from plait.actors.routing.upstream import Upstream
from tests.actors.proxy.chained import a_call

NEAR = Locality()
SPREAD = Locality(distribute=(("eu/*", (("eu/a", 80), ("us", 20))),))
KEYED = ConsistentHash(HashSource.HEADER, "x-user")
USERS = [f"user-{number}" for number in range(400)]


def instance(name, where, health="healthy", weight=1.0, node=""):
    return Instance(name, "s", "v1", {}, where, node or f"node-{name}", 1, health=health, weight=weight)


def policy(locality=None, balancer=Balancer.LEAST_REQUEST, **more):
    return Upstream("s", "", {}, TrafficPolicy(balancer, locality=locality, **more))


class World:
    """A directory at one place."""

    def __init__(self, upstream, *instances, where="eu/a", seed=1, node="home"):
        self.directory = Directory(random.Random(seed), around=Around(here(where, node, {})))
        self.put(*instances)
        self.cluster = self.directory.cluster(upstream)

    def put(self, *instances):
        for one in instances:
            self.directory.put(one)

    def picks(self, times=600, tried=()):
        return Counter(self.cluster.pick(tried).instance.id for _ in range(times))

    def keys(self):
        calls = (a_call(cluster=self.cluster, headers=[("x-user", user)], tried=[]) for user in USERS)
        return [Attempt(None).pick(call).id for call in calls]


A, B, C = instance("a", "eu/a"), instance("b", "eu/b"), instance("c", "us")


@pytest.mark.parametrize("balancer", [Balancer.LEAST_REQUEST, Balancer.ROUND_ROBIN, Balancer.RANDOM])
def test_calls_stay_near_and_go_on_in_order_as_health_goes(balancer):
    world = World(policy(NEAR, balancer), A, B, C)
    order = []
    for one in (A, B, C):
        order.append(set(world.picks(50)))
        world.put(msgspec.structs.replace(one, health="critical"))
    assert order == [{"a"}, {"b"}, {"c"}]
    with pytest.raises(NoEndpoints):
        world.cluster.pick(())
    world.put(B)
    assert set(world.picks(50)) == {"b"}


def test_who_goes_for_good_or_only_starts_is_not_missed():
    near = [instance(f"a-{n}", "eu/a") for n in range(4)]
    world = World(policy(NEAR), *near, C)
    for number, health in enumerate(("draining", "starting")):
        world.put(instance(f"a-{number}", "eu/a", health))
    assert set(world.picks(200)) == {"a-2", "a-3"}
    world.put(instance("a-2", "eu/a", "critical"))
    assert 0.2 < world.picks()["c"] / 600 < 0.4, "one of two is left: 70 % stay"


def test_the_suspected_are_called_only_where_nobody_else_is_left_anywhere():
    world = World(policy(NEAR), instance("a", "eu/a", "suspected"), C)
    assert set(world.picks(50)) == {"c"}
    world.directory.take_out("s", "c")
    assert set(world.picks(50)) == {"a"}


@pytest.mark.parametrize("balancer", [Balancer.LEAST_REQUEST, Balancer.ROUND_ROBIN, Balancer.RANDOM])
def test_percentages_hold_for_every_balancer(balancer):
    others = [instance(f"c-{n}", "us/x") for n in range(5)]
    picks = World(policy(SPREAD, balancer), A, B, *others).picks(4000)
    assert "b" not in picks
    assert 0.77 < picks["a"] / 4000 < 0.83
    assert all(0.025 < picks[one.id] / 4000 < 0.06 for one in others)


def test_a_retry_stays_near_while_it_can_and_goes_on_to_the_nearest():
    world = World(policy(NEAR), A, instance("a2", "eu/a"), B, C)
    by_id = {one.id: one for one in world.cluster.endpoints}
    assert set(world.picks(50, [by_id["a"]])) == {"a2"}
    assert set(world.picks(50, [by_id["a"], by_id["a2"]])) == {"b"}
    assert set(world.picks(50, [by_id["a"], by_id["a2"], by_id["b"]])) == {"c"}
    assert set(world.picks(50, list(by_id.values()))) == {"a", "a2"}


def test_a_retry_of_a_distribution_stays_in_its_locality_while_it_can():
    world = World(policy(SPREAD), A, instance("a2", "eu/a"), C, instance("c2", "us"))
    tried = [one for one in world.cluster.endpoints if one.id == "a"]
    picks = world.picks(4000, tried)
    assert 0.77 < picks["a2"] / 4000 < 0.83


def test_a_retry_that_is_to_leave_its_locality_does():
    world = World(policy(NEAR), A, instance("a2", "eu/a"), B)
    call = a_call(cluster=world.cluster, tried=[])
    assert [DistantAttempt(None).pick(call).instance.locality for _ in range(2)] == ["eu/a", "eu/b"]


def test_a_key_belongs_to_one_locality_by_its_share_and_to_one_instance_there():
    those = [instance(f"a-{n}", "eu/a") for n in range(3)] + [instance(f"c-{n}", "us") for n in range(3)]
    hashed = policy(SPREAD, Balancer.RANDOM, hash=KEYED)
    world, other = World(hashed, *those), World(hashed, *reversed(those), seed=2)
    found = world.keys()
    assert found == other.keys() == world.keys()
    assert set(found) == {one.id for one in those}
    assert 0.72 < sum(name[0] == "a" for name in found) / len(found) < 0.88


def test_keys_move_only_as_far_as_shares_do():
    near = [instance(f"a-{n}", "eu/a") for n in range(4)]
    world = World(policy(NEAR, Balancer.RANDOM, hash=KEYED), *near, C)
    before = world.keys()
    assert "c" not in before
    for gone in (0, 1):
        world.put(instance(f"a-{gone}", "eu/a", "critical"))
    meanwhile = world.keys()
    stayed = [then == now for then, now in zip(before, meanwhile, strict=True) if then in ("a-2", "a-3")]
    assert 0.2 < sum(name == "c" for name in meanwhile) / len(meanwhile) < 0.4
    assert 0.6 < sum(stayed) / len(stayed) < 0.8, "only those whose share went to the other region"
    world.put(*near)
    assert world.keys() == before


def test_without_a_word_about_localities_they_do_not_count_but_outlier_detection_is_one():
    assert set(World(policy(), A, B, C).picks(60)) == {"a", "b", "c"}
    assert set(World(policy(Locality(enabled=False), outlier=Outlier()), A, B, C).picks(60)) == {"a", "b", "c"}
    assert set(World(policy(outlier=Outlier()), A, B, C).picks(60)) == {"a"}


def test_a_node_that_does_not_know_where_it_is_calls_everybody():
    assert set(World(policy(NEAR), A, B, C, where="").picks(60)) == {"a", "b", "c"}


def test_a_policy_comes_changes_and_goes_with_its_revision():
    world = World(policy(), A, B, C)
    upstreams = [policy(NEAR), policy(SPREAD), policy(SPREAD, Balancer.ROUND_ROBIN), policy()]
    seen = []
    for one in upstreams:
        assert world.directory.cluster(one) is world.cluster
        seen.append(set(world.picks(200)))
    assert seen == [{"a"}, {"a", "c"}, {"a", "c"}, {"a", "b", "c"}]


def test_own_instances_come_first_where_the_hostname_is_a_priority():
    own = policy(Locality(priority=("kubernetes.io/hostname",)))
    world = World(own, A, instance("b", "eu/a", node="home"))
    assert set(world.picks(50)) == {"b"}
    world.put(instance("b", "eu/a", "critical", node="home"))
    assert set(world.picks(50)) == {"a"}


def test_few_healthy_ones_are_helped_by_the_others_where_a_least_health_is_asked_for():
    panic = policy(NEAR, outlier=Outlier(min_health_percent=50))
    world = World(panic, A, *(instance(f"a-{n}", "eu/a", "critical") for n in range(3)))
    assert len(world.picks()) == 4
    assert set(World(policy(NEAR), A, instance("a-0", "eu/a", "critical")).picks()) == {"a"}


def test_who_has_no_weight_gets_no_call_while_others_have_any():
    world = World(policy(), A, instance("b", "eu/a", weight=0.0), C)
    assert set(world.picks(60)) == {"a", "c"}
    world.put(instance("b", "eu/a"), instance("a", "eu/a", weight=0.0))
    assert set(world.picks(60)) == {"b", "c"}, "changed at run time"
    for name in "abc":
        world.put(instance(name, "eu/a", weight=0.0))
    picks = world.picks(900)
    assert set(picks) == {"a", "b", "c"}
    assert all(200 < one < 400 for one in picks.values())


def test_a_near_instance_without_weight_is_not_missed():
    world = World(policy(NEAR), A, instance("a2", "eu/a", weight=0.0), instance("a3", "eu/a", weight=0.0), C)
    assert set(world.picks(60)) == {"a"}


def test_the_endpoint_has_the_weight_that_its_instance_says():
    world = World(policy(), A)
    (endpoint,) = world.cluster.endpoints
    for weight in (2.5, 1e9, 1.0):
        world.put(instance("a", "eu/a", weight=weight))
        assert endpoint.weight == weight


def test_a_new_instance_warms_up_and_one_that_is_back_does_again():
    time = [100.0]
    directory = Directory(random.Random(1), around=Around(here("eu/a", "home", {}), clock=lambda: time[0]))
    directory.put(A)
    time[0] = 200.0
    cluster = directory.cluster(policy(warmup=Warmup(10.0)))
    directory.put(B)
    a, b = cluster.endpoints
    assert (a.weight, b.weight) == (1.0, 0.1)
    time[0] = 205.0
    cluster.refresh()
    assert b.weight == 0.5
    directory.put(msgspec.structs.replace(A, health="critical"))
    time[0] = 220.0
    directory.put(A)
    assert (a.weight, b.weight) == (0.1, 1.0)
    directory.cluster(policy())
    assert (a.weight, b.weight) == (1.0, 1.0)


@pytest.mark.parametrize("balancer", [Balancer.LEAST_REQUEST, Balancer.ROUND_ROBIN, Balancer.RANDOM])
def test_the_share_of_a_new_instance_grows_for_every_balancer(balancer):
    time = [100.0]
    directory = Directory(random.Random(1), around=Around(here("eu/a", "home", {}), clock=lambda: time[0]))
    directory.put(A)
    directory.put(C)
    time[0] = 200.0
    cluster = directory.cluster(policy(balancer=balancer, warmup=Warmup(10.0)))
    directory.put(B)
    for passed, factor in ((0.0, 0.1), (5.0, 0.5), (10.0, 1.0)):
        time[0] = 200.0 + passed
        cluster.refresh()
        share = sum(cluster.pick(()).id == "b" for _ in range(3000)) / 3000
        assert share == pytest.approx(factor / (2.0 + factor), abs=0.03)
