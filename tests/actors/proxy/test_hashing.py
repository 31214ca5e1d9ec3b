"""Calls by their key: what the key is, where it leads, whom a retry goes to, and what happens without one."""

import random
from collections import Counter

import msgspec
import pytest

from plait.actors.loop.slice import at_once
from plait.actors.messages.error import NoEndpoints
from plait.actors.messages.hashing import ConsistentHash, HashSource
from plait.actors.messages.instance import Instance
from plait.actors.messages.rule import DestinationPolicy, Subset
from plait.actors.messages.traffic import Balancer, TrafficPolicy
from plait.actors.proxy.attempt import AnyAttempt, Attempt, DistantAttempt
from plait.actors.proxy.hashing import key_of
from plait.actors.proxy.snapshot import Directory
from plait.actors.routing.upstream import Upstream
from tests.actors.proxy.chained import a_call

USER = ConsistentHash(HashSource.HEADER, "x-user")
TABLE = ConsistentHash(HashSource.HEADER, "x-user", table=1009)


def instance(number, health="healthy", incarnation=1, version="v1", where=""):
    return Instance(f"i-{number}", "s", version, {"version": version}, where, "node", incarnation, health=health)


def world(count, policy=USER, seed=1):
    """A directory of `count` instances, in an order of its own, and the cluster of all of them."""
    rng = random.Random(seed)
    directory = Directory(rng)
    cluster = directory.cluster(Upstream("s", "", {}, TrafficPolicy(Balancer.RANDOM, policy)))
    for number in rng.sample(range(count), count):
        directory.put(instance(number))
    return directory, cluster


def asking(cluster, value=None, **more):
    headers = [] if value is None else [("x-user", value)]
    return a_call(cluster=cluster, headers=headers, tried=[], **more)


def picked(cluster, *values, kind=Attempt):
    return [kind(None).pick(asking(cluster, value)).id for value in values]


USERS = [f"user-{number}" for number in range(200)]


@pytest.mark.parametrize("policy", [USER, TABLE])
def test_one_key_leads_to_one_instance_at_every_caller(policy):
    (_, here), (_, there) = world(7, policy, seed=1), world(7, policy, seed=2)
    assert picked(here, *USERS) == picked(there, *USERS) == picked(here, *USERS)
    assert set(picked(here, *USERS)) == {f"i-{n}" for n in range(7)}


def test_an_instance_keeps_its_keys_over_a_restart():
    directory, cluster = world(5)
    before = picked(cluster, *USERS)
    directory.put(instance(3, incarnation=2))
    assert picked(cluster, *USERS) == before


@pytest.mark.parametrize("policy", [USER, TABLE])
def test_who_fails_its_checks_loses_its_keys_for_that_time_alone(policy):
    directory, cluster = world(5, policy)
    before = picked(cluster, *USERS)
    directory.put(instance(3, health="critical"))
    meanwhile = picked(cluster, *USERS)
    assert all(then == now for then, now in zip(before, meanwhile, strict=True) if then != "i-3")
    assert "i-3" not in meanwhile
    directory.put(instance(3))
    assert picked(cluster, *USERS) == before
    directory.take_out("s", "i-3")
    if policy is USER:  # a table without it is another one
        assert picked(cluster, *USERS) == meanwhile


@pytest.mark.parametrize("policy", [USER, TABLE])
def test_a_retry_goes_on_to_the_next_place_and_from_the_last_to_the_first(policy):
    directory, cluster = world(4, policy)
    for user in USERS[:20]:
        call = asking(cluster, user)
        ids = [Attempt(None).pick(call).id for _ in range(5)]
        assert sorted(ids[:4]) == ["i-0", "i-1", "i-2", "i-3"]
        assert ids[4] == ids[0]
        assert (call.attempts, call.untried) == (5, -1)
        directory.put(instance(ids[0][2:], health="critical"))
        assert picked(cluster, user) == [ids[1]]
        directory.put(instance(ids[0][2:]))


def test_a_retry_that_may_go_anywhere_stays_and_a_distant_one_leaves_the_locality():
    directory, cluster = world(0)
    for number in range(4):
        directory.put(instance(number, where="eu/a" if number % 2 else "eu/b"))
    for user in USERS[:20]:
        call = asking(cluster, user)
        assert len({AnyAttempt(None).pick(call).id for _ in range(3)}) == 1
        call = asking(cluster, user)
        one, other = (DistantAttempt(None).pick(call).instance.locality for _ in range(2))
        assert one != other


def test_without_a_key_any_is_picked():
    _, cluster = world(4)
    chosen = Counter(picked(cluster, *[None] * 2000))
    assert all(400 <= count <= 600 for count in chosen.values())
    assert len(set(picked(cluster, *[""] * 50))) == 1  # an empty header is a key


@pytest.mark.parametrize("value", ["user", None])
def test_there_has_to_be_somebody(value):
    directory, cluster = world(1)
    assert picked(cluster, value) == ["i-0"]
    directory.put(instance(0, health="critical"))
    with pytest.raises(NoEndpoints):
        picked(cluster, value)


def test_who_is_suspected_is_asked_where_nobody_else_is_left():
    directory, cluster = world(2)
    for number in range(2):
        directory.put(instance(number, health="suspected"))
    assert len(set(picked(cluster, *USERS))) == 2


def test_keys_may_be_long_and_any_text():
    _, cluster = world(3)
    long = "k" * 1_000_000
    assert len(set(picked(cluster, long, long, long))) == 1
    assert len(set(picked(cluster, "\udcff", "\udcff"))) == 1


def test_subsets_hash_over_their_own_members():
    directory = Directory(random.Random(1))
    for number in range(6):
        directory.put(instance(number, version="v1" if number < 3 else "v2"))
    cluster = directory.cluster(Upstream("s", "v2", {"version": "v2"}, TrafficPolicy(Balancer.RANDOM, USER)))
    assert set(picked(cluster, *USERS)) == {"i-3", "i-4", "i-5"}


def test_a_policy_may_begin_change_and_end():
    directory, cluster = world(4)
    before, hashing = picked(cluster, *USERS), cluster.hashing

    def use(policy):
        return directory.cluster(Upstream("s", "", {}, TrafficPolicy(Balancer.RANDOM, policy)))

    assert use(ConsistentHash(HashSource.HEADER, "x-user")) is cluster  # a later revision that says the same
    assert cluster.hashing is hashing
    use(ConsistentHash(HashSource.HEADER, "x-user", minimum_ring=5000))
    assert picked(cluster, *USERS) != before
    use(None)
    assert cluster.hashing is None
    assert len(set(picked(cluster, *["user"] * 50))) == 4


class ByHand:
    """Slices that are cut where a test wants it."""

    def __init__(self):
        self.jobs = []

    def start(self, steps, done):
        self.jobs.append(steps)

    def finish(self):
        at_once(self.jobs.pop())


def test_while_the_first_table_is_made_any_is_called_and_later_the_table_before_serves():
    slices = ByHand()
    directory = Directory(random.Random(1), slices)
    cluster = directory.cluster(Upstream("s", "", {}, TrafficPolicy(Balancer.RANDOM, TABLE)))
    for number in range(4):
        directory.put(instance(number))
    assert len(slices.jobs) == 1  # all that came since is in the one that is at work
    assert len(set(picked(cluster, *["user"] * 50))) == 4
    slices.finish()
    before = picked(cluster, *USERS)
    assert before == picked(world(4, TABLE)[1], *USERS)
    directory.put(instance(4))
    assert picked(cluster, *USERS) == before
    directory.take_out("s", "i-0")
    assert "i-0" not in picked(cluster, *USERS)
    directory.put(instance(0))
    slices.finish()
    assert slices.jobs == []
    assert picked(cluster, *USERS) == picked(world(5, TABLE)[1], *USERS)


LABELS = {"version": "v2"}


def hashed_rule(policy):
    v2 = Subset("v2", LABELS, TrafficPolicy(Balancer.RANDOM, policy))
    return DestinationPolicy("default/s", "s", TrafficPolicy(), (v2, Subset("v1", {"version": "v1"})))


@pytest.mark.parametrize("service", ["s", "*.default.svc.cluster.local", "*"])
def test_what_a_rule_hashes_by_is_there_when_it_comes_into_force(service):
    slices = ByHand()
    directory = Directory(random.Random(1), slices)
    for number in range(8):
        directory.put(instance(number, version=f"v{number % 2 + 1}"))
    at_once(directory.make_ahead([msgspec.structs.replace(hashed_rule(TABLE), service=service)]))
    directory.put(instance(9, version="v2"))  # who comes in between is worked in later
    cluster = directory.cluster(Upstream("s", "v2", LABELS, TrafficPolicy(Balancer.RANDOM, TABLE)))
    before = picked(cluster, *USERS)
    assert before == picked(cluster, *USERS)
    assert set(before) == {"i-1", "i-3", "i-5", "i-7"}
    slices.finish()
    assert set(picked(cluster, *USERS)) == {"i-1", "i-3", "i-5", "i-7", "i-9"}


def test_two_clusters_never_share_what_was_made_ahead():
    directory = Directory(random.Random(1), ByHand())
    directory.put(instance(1, version="v2"))
    at_once(directory.make_ahead([hashed_rule(USER)]))
    policy = TrafficPolicy(Balancer.RANDOM, USER)
    one = directory.cluster(Upstream("s", "v2", LABELS, policy))
    other = directory.cluster(Upstream("s", "v2", LABELS, policy, owner="another"))
    assert one.hashing._places is not other.hashing._places


def test_what_no_rule_wants_any_more_is_forgotten_and_what_a_cluster_has_is_not_made_again():
    directory = Directory(random.Random(1))
    directory.put(instance(1, version="v2"))
    at_once(directory.make_ahead([hashed_rule(USER)]))
    assert len(directory._ahead._made) == 1
    at_once(directory.make_ahead([]))
    assert len(directory._ahead._made) == 0
    directory.cluster(Upstream("s", "v2", LABELS, TrafficPolicy(Balancer.RANDOM, USER)))
    at_once(directory.make_ahead([hashed_rule(USER)]))
    assert len(directory._ahead._made) == 0


def test_another_key_goes_on_with_the_same_ring():
    directory = Directory(random.Random(1), ByHand())
    directory.put(instance(1, version="v2"))
    at_once(directory.make_ahead([hashed_rule(USER)]))
    cluster = directory.cluster(Upstream("s", "v2", LABELS, TrafficPolicy(Balancer.RANDOM, USER)))
    places = cluster.hashing._places
    other = ConsistentHash(HashSource.QUERY, "id")
    directory.cluster(Upstream("s", "v2", LABELS, TrafficPolicy(Balancer.RANDOM, other)))
    assert (cluster.hashing.policy, cluster.hashing._places) == (other, places)
    assert key_of(other, random.Random(1))(a_call(query="id=1")) == "1"


def test_work_that_fails_is_told_and_begun_again_with_the_next_change(caplog):
    class Failing(ByHand):
        def start(self, steps, done):
            with pytest.raises(TypeError) as caught:
                steps.throw(TypeError("of a test"))
            done(caught.value)

    directory = Directory(random.Random(1), Failing())
    cluster = directory.cluster(Upstream("s", "", {}, TrafficPolicy(Balancer.RANDOM, USER)))
    directory.put(instance(1))
    assert "stay as they were" in caplog.text
    assert picked(cluster, "user") == ["i-1"]
