"""Who may be called: subsets by labels, lives told apart, leaving instances left out, and calls to the dead failed."""

import asyncio
import random

import pytest

from plait.actors.messages.codec import encode
from plait.actors.messages.error import InstanceGone, NoEndpoints, NoResponders
from plait.actors.messages.instance import Instance
from plait.actors.messages.rule import Destination, DestinationPolicy, RouteRule, RuleSet, Subset
from plait.actors.messages.traffic import Balancer, TrafficPolicy
from plait.actors.proxy.proxy import Instances
from plait.actors.proxy.snapshot import Directory
from plait.actors.routing.upstream import Upstream
from tests.nodes import SUBJECTS
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


def instance(name, version="v1", incarnation=1, health="healthy", service="reviews"):
    return Instance(name, service, version, {"version": version}, "", "node", incarnation, health=health)


def upstream(subset="", balancer=Balancer.LEAST_REQUEST, **labels):
    return Upstream("reviews", subset, labels, TrafficPolicy(balancer))


def ids(cluster):
    return [endpoint.id for endpoint in cluster.endpoints]


@pytest.fixture
def directory():
    return Directory(random.Random(1))


def test_a_subset_holds_those_that_carry_its_labels(directory):
    for name, version in (("b", "v2"), ("a", "v1"), ("c", "v2")):
        directory.put(instance(name, version))
    assert ids(directory.cluster(upstream())) == ["a", "b", "c"]
    assert ids(directory.cluster(upstream("v2", version="v2"))) == ["b", "c"]
    assert ids(directory.cluster(upstream("v3", version="v3"))) == []


def test_a_cluster_follows_what_comes_and_goes(directory):
    cluster = directory.cluster(upstream())
    assert ids(cluster) == []
    directory.put(instance("b"))
    directory.put(instance("a"))
    assert ids(cluster) == ["a", "b"]
    directory.take_out("reviews", "a")
    assert ids(cluster) == ["b"]
    assert directory.take_out("reviews", "a") is None
    assert directory.take_out("nobody", "a") is None


def test_an_instance_that_is_draining_is_left_out_and_known_all_the_same(directory):
    cluster = directory.cluster(upstream())
    directory.put(instance("a"))
    known = directory.services()["reviews"]["a"]
    assert directory.put(instance("a", health="draining")) is None
    assert ids(cluster) == []
    assert directory.services()["reviews"]["a"] is known


def test_a_warning_stays_in_rotation_and_who_starts_or_fails_its_checks_does_not(directory):
    cluster = directory.cluster(upstream())
    for name, health in (("a", "healthy"), ("b", "warning"), ("c", "critical"), ("d", "starting")):
        directory.put(instance(name, health=health))
    assert ids(cluster) == ["a", "b"]
    directory.put(instance("c", health="healthy"))
    assert ids(cluster) == ["a", "b", "c"]


def test_where_all_fail_their_checks_nobody_is_called_but_one_that_is_only_silent_is(directory):
    cluster = directory.cluster(upstream())
    directory.put(instance("a", health="critical"))
    directory.put(instance("b", health="critical"))
    assert ids(cluster) == []
    with pytest.raises(NoEndpoints):
        cluster.pick(())
    directory.put(instance("c", health="suspected"))
    assert ids(cluster) == ["c"]


def test_other_words_about_the_same_life_keep_what_was_learnt_of_it(directory):
    directory.put(instance("a", "v1"))
    endpoint = directory.services()["reviews"]["a"]
    endpoint.active = 7
    directory.put(instance("a", "v2"))
    assert directory.services()["reviews"]["a"] is endpoint
    assert ids(directory.cluster(upstream("v2", version="v2"))) == ["a"]


def test_another_life_is_another_endpoint(directory):
    directory.put(instance("a", incarnation=1))
    first = directory.services()["reviews"]["a"]
    assert directory.put(instance("a", incarnation=2)) is first
    assert directory.services()["reviews"]["a"] is not first


def test_a_destination_has_one_cluster_and_changes_its_balancer_in_place(directory):
    one = directory.cluster(upstream())
    assert directory.cluster(upstream(balancer=Balancer.ROUND_ROBIN)) is one
    assert type(one._picker).__name__ == "RoundRobin"


async def waiting_call(network, until):
    """A call to an instance that never answers; returns its node and its task."""
    node, other = network.node("caller"), network.node("called")
    network.announce(instance("a"))
    taken = []
    other.bus.subscribe(SUBJECTS.calls_to("reviews", "a"), lambda *message: taken.append(message))
    await node.bus.flush()
    task = asyncio.ensure_future(node.send("reviews", method="POST"))
    await until(lambda: taken)
    return node, task


async def test_who_waits_for_an_instance_that_is_taken_out_is_told_at_once(network, until):
    node, task = await waiting_call(network, until)
    network.remove("reviews", "a")
    with pytest.raises(InstanceGone, match="instance a is gone"):
        await task
    assert len(node.wire.waiting) == 0


async def test_who_waits_for_an_earlier_life_is_told_and_the_new_life_is_called(network, until):
    node, task = await waiting_call(network, until)
    network.announce(instance("a", incarnation=2))
    with pytest.raises(InstanceGone):
        await task
    assert node.proxy.directory.services()["reviews"]["a"].instance.incarnation == 2


async def test_a_snapshot_of_the_registry_takes_out_whoever_is_not_in_it(network, until):
    node, task = await waiting_call(network, until)
    node.proxy.receive(Instances({"reviews/b": encode(instance("b"))}, whole=True))
    with pytest.raises(InstanceGone):
        await task
    assert list(node.proxy.instances) == ["reviews/b"]


async def test_an_entry_that_cannot_be_read_is_counted_and_the_rest_is_taken(network):
    node = network.node()
    node.proxy.receive(Instances({"reviews/x": b"\xff", "reviews/a": encode(instance("a"))}, whole=False))
    assert node.proxy.undecodable == 1
    assert list(node.proxy.instances) == ["reviews/a"]


async def test_nobody_to_call_is_said_so(network):
    node = network.node()
    with pytest.raises(NoEndpoints, match="no healthy upstream"):
        await node.send("reviews")
    assert node.notes.failures == [NoEndpoints]


async def test_a_request_goes_on_with_the_snapshot_it_began_with(network):
    node = network.node()
    policy = DestinationPolicy("default/reviews", "reviews", subsets=(Subset("v2", {"version": "v2"}),))
    for revision, subset in ((1, "v2"), (2, "")):
        route = RouteRule("r", (), (Destination("reviews", subset),))
        rules = RuleSet("default/reviews", ("reviews.default.svc.cluster.local",), routes=(route,))
        node.rules(rules, policy, revision=revision)
    newest, earlier, unknown = (node.call("reviews", revision=number) for number in (0, 1, 77))
    for call in (newest, earlier, unknown):
        node.proxy.route(call)
    assert (newest.cluster.subset, newest.revision) == ("", 2)
    assert (earlier.cluster.subset, earlier.revision) == ("v2", 1)
    assert (unknown.cluster.subset, unknown.revision) == ("", 2)


async def test_many_that_come_and_go_in_one_message_are_worked_in_at_once(network, monkeypatch):
    node = network.node()
    network.announce(*(instance(f"r-{number}") for number in range(3)))
    with pytest.raises(NoResponders):
        await node.send("reviews")
    refreshed = []
    refresh = node.proxy.directory.refresh
    monkeypatch.setattr(node.proxy.directory, "refresh", lambda service: (refreshed.append(service), refresh(service)))
    changes = {f"reviews/r-{number}": encode(instance(f"r-{number}")) for number in range(1, 500)}
    node.proxy.receive(Instances({**changes, "reviews/r-0": None}, whole=False))
    assert refreshed == ["reviews"]
    (cluster,) = node.proxy.directory.clusters_of("reviews")
    assert len(cluster.endpoints) == 499
    node.proxy.receive(Instances(dict(list(changes.items())[:2]), whole=True))
    assert refreshed == ["reviews"] * 2
    assert ids(cluster) == ["r-1", "r-2"]
