"""A cluster and its balancer: weights reach it, outcomes teach it, and state outlives revisions and levels."""

import random
from collections import Counter

import msgspec
import pytest

from plait.actors.messages.envelope import VERSION, ReplyFrame
from plait.actors.messages.error import NoEndpoints
from plait.actors.messages.instance import Instance
from plait.actors.messages.resilience import NOTHING, Balancing, Resilience
from plait.actors.messages.traffic import Balancer, Locality, TrafficPolicy
from plait.actors.proxy.locality import here
from plait.actors.proxy.share import Around
from plait.actors.proxy.snapshot import Directory
from plait.actors.routing.upstream import Upstream

EWMA = Resilience("", "", "", Balancing(Balancer.PEAK_EWMA))
LOCAL = TrafficPolicy(locality=Locality(distribute=(("*", (("eu/a/*", 50), ("eu/b/*", 50))),)))


def instance(number, weight=1.0, where="", health="healthy", incarnation=1):
    return Instance(f"i-{number}", "s", "v1", {}, where, f"n-{number}", incarnation, health=health, weight=weight)


def world(*weights, policy=None, resilience=NOTHING, places=("",)):
    directory = Directory(random.Random(1), around=Around(here("eu/a/1", "n", {}), lambda: 5.0))
    cluster = directory.cluster(Upstream("s", "", {}, policy or TrafficPolicy(), resilience=resilience))
    for number, weight in enumerate(weights):
        directory.put(instance(number, weight, places[number % len(places)]))
    return directory, cluster


def shares(cluster, count=6000):
    found = Counter(cluster.pick(()).id for _ in range(count))
    return [found[one.id] / count for one in cluster.members]


@pytest.mark.parametrize("kind", list(Balancer))
def test_every_balancer_goes_by_the_weights_of_the_registry(kind):
    directory, cluster = world(1, 3, 0, resilience=Resilience("", "", "", Balancing(kind)))
    assert shares(cluster) == pytest.approx([0.25, 0.75, 0], abs=0.03)
    directory.put(instance(0, weight=3.0))
    directory.put(instance(2, weight=6.0))
    assert shares(cluster) == pytest.approx([0.25, 0.25, 0.5], abs=0.03)
    directory.put(instance(2, weight=6.0, health="critical"))
    assert shares(cluster)[2] == 0
    directory.put(instance(0, weight=0.0))
    directory.put(instance(1, weight=0.0, health="critical"))
    assert shares(cluster, 10) == [1, 0, 0], "better who has no weight than nobody"


@pytest.mark.parametrize("kind", list(Balancer))
def test_ten_thousand_instances_are_picked_from(kind):
    directory = Directory(random.Random(1))
    policy = Upstream("s", "", {}, TrafficPolicy(), resilience=Resilience("", "", "", Balancing(kind)))
    for number in range(10_000):
        directory.put(instance(number, 1.0 + number % 2))
    cluster = directory.cluster(policy)
    heavy = sum(cluster.pick(()).instance.weight == 2.0 for _ in range(3000)) / 3000
    assert heavy == pytest.approx(2 / 3, abs=0.04)


@pytest.mark.parametrize("kind", list(Balancer))
def test_an_instance_whose_weight_is_a_billion_gets_all(kind):
    _, cluster = world(1, 1e9, resilience=Resilience("", "", "", Balancing(kind)))
    assert shares(cluster, 500)[1] >= 0.99


def answered(cluster, number, status=200, seconds=0.01):
    cluster.record(cluster.members[number], ReplyFrame(VERSION, status, [], b""), seconds)


def test_outcomes_reach_peak_ewma_and_stand_on_the_endpoint_for_other_clusters():
    directory, cluster = world(1, 1, resilience=EWMA)
    answered(cluster, 0, seconds=0.3)
    answered(cluster, 1)
    assert shares(cluster, 50) == [0, 1]
    other = directory.cluster(Upstream("s", "", {}, TrafficPolicy(), owner="another", resilience=EWMA))
    assert other is not cluster
    assert shares(other, 50) == [0, 1]
    answered(cluster, 1, status=503)
    assert shares(other, 50) == [1, 0]
    directory.put(instance(1, incarnation=2))  # a new life is not judged by the one before
    assert shares(cluster, 50)[1] > 0


def test_nothing_hears_outcomes_where_nobody_learns_of_them():
    directory, cluster = world(1, 1)
    assert cluster.judges == ()
    for resilience, count in ((EWMA, 1), (EWMA, 1), (NOTHING, 0)):
        directory.cluster(Upstream("s", "", {}, TrafficPolicy(), resilience=resilience))
        assert len(cluster.judges) == count


def test_another_judge_stays_when_the_balancer_changes():
    class Stern:
        def admits(self, endpoint):
            return endpoint.id != "i-0"

        def follow(self, members):
            pass

        def record(self, endpoint, outcome, seconds):
            pass

    directory, cluster = world(1, 1)
    cluster.judges = (stern := Stern(),)
    directory.cluster(Upstream("s", "", {}, TrafficPolicy(), resilience=EWMA))
    assert cluster.judges[0] is stern
    cluster.refresh()
    assert shares(cluster, 50) == [0, 1]


@pytest.mark.parametrize("kind", list(Balancer))
def test_weights_hold_within_localities(kind):
    resilience = Resilience("", "", "", Balancing(kind))
    _, cluster = world(1, 1, 3, 9, policy=LOCAL, resilience=resilience, places=("eu/a/1", "eu/b/1"))
    assert shares(cluster) == pytest.approx([0.125, 0.05, 0.375, 0.45], abs=0.03)


def test_what_is_learnt_holds_in_all_localities():
    _, cluster = world(1, 1, 1, 1, policy=LOCAL, resilience=EWMA, places=("eu/a/1", "eu/b/1"))
    for number in range(4):
        answered(cluster, number, seconds=0.3 if number < 2 else 0.01)
    assert shares(cluster, 2000) == pytest.approx([0, 0, 0.5, 0.5], abs=0.05)


def test_turns_go_on_over_revisions_and_refreshes():
    policy = TrafficPolicy(Balancer.ROUND_ROBIN)
    _, quiet = world(1, 2, policy=policy)
    directory, busy = world(1, 2, policy=policy)
    for _ in range(60):
        directory.cluster(Upstream("s", "", {}, msgspec.structs.replace(policy)))
        busy.refresh()
        assert busy.pick(()).id == quiet.pick(()).id


@pytest.mark.parametrize("kind", list(Balancer))
def test_where_all_are_unhealthy_there_is_nobody_and_afterwards_all_are_back(kind):
    directory, cluster = world(1, 2, resilience=Resilience("", "", "", Balancing(kind)))
    for number in range(2):
        directory.put(instance(number, 1.0 + number, health="critical"))
    with pytest.raises(NoEndpoints):
        cluster.pick(())
    for number in range(2):
        directory.put(instance(number, 1.0 + number))
    assert shares(cluster) == pytest.approx([1 / 3, 2 / 3], abs=0.03)


@pytest.mark.parametrize("kind", list(Balancer))
def test_an_id_that_comes_twice_is_one_instance(kind):
    directory, cluster = world(1, 1, resilience=Resilience("", "", "", Balancing(kind)))
    directory.put(instance(0))
    directory.put(instance(0, incarnation=2))
    assert [one.id for one in cluster.members] == ["i-0", "i-1"]
    assert shares(cluster) == pytest.approx([0.5, 0.5], abs=0.03)
