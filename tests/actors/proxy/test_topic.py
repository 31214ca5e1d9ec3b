"""Who is interested in which events: groups as the registry tells of them, without those who leave."""

import random

import msgspec
import pytest

from plait.actors.messages.instance import Instance
from plait.actors.proxy.snapshot import Directory


def instance(name, *events, service="billing", incarnation=1, health="healthy"):
    return Instance(name, service, "v1", {}, "", "node", incarnation, health=health, events=events)


@pytest.fixture
def directory():
    return Directory(random.Random(1))


def groups(directory, topic="orders"):
    return {
        (cluster.subset, *sorted(one.id for one in cluster.endpoints)) for cluster in directory.topics.groups(topic)
    }


def test_a_topic_has_the_groups_that_want_it_with_all_their_members(directory):
    directory.put(instance("b-1", ("orders", "billing"), ("returns", "billing")))
    directory.put(instance("b-2", ("orders", "billing")))
    directory.put(instance("s-1", ("orders", "shipping"), service="shipping"))
    directory.put(instance("x-1", service="other"))
    assert groups(directory) == {("billing", "b-1", "b-2"), ("shipping", "s-1")}
    assert groups(directory, "returns") == {("billing", "b-1")}
    assert groups(directory, "nothing") == set()


def test_who_wants_every_event_is_a_group_alone(directory):
    for name in ("b-1", "b-2"):
        directory.put(instance(name, ("orders", "")))
    directory.put(instance("b-1", ("orders", ""), service="other"))
    assert sorted(cluster.endpoints[0].id for cluster in directory.topics.groups("orders")) == ["b-1", "b-1", "b-2"]


def test_who_leaves_is_not_picked_any_more_and_its_group_ends_with_its_last_member(directory):
    for name in ("b-1", "b-2"):
        directory.put(instance(name, ("orders", "billing")))
    directory.put(instance("b-1", ("orders", "billing"), health="draining"))
    assert groups(directory) == {("billing", "b-2")}
    directory.take_out("billing", "b-2")
    assert groups(directory) == {("billing",)}
    directory.take_out("billing", "b-1")
    assert groups(directory) == set()


def test_a_new_life_wants_what_it_says_and_not_what_the_last_one_said(directory):
    directory.put(instance("b-1", ("orders", "billing")))
    directory.put(instance("b-1", ("returns", "billing"), incarnation=2))
    assert (groups(directory), groups(directory, "returns")) == (set(), {("billing", "b-1")})
    directory.put(instance("b-1", incarnation=2))
    assert groups(directory, "returns") == set()


def test_the_balancer_of_a_group_outlives_its_members(directory):
    directory.put(instance("b-1", ("orders", "billing")))
    (before,) = directory.topics.groups("orders")
    directory.put(instance("b-2", ("orders", "billing")))
    directory.take_out("billing", "b-1")
    (after,) = directory.topics.groups("orders")
    assert before is after


def test_a_topic_named_twice_by_one_instance_is_forgotten_once(directory):
    twice = instance("b-1", ("orders", "billing"), ("orders", "billing"))
    directory.put(twice)
    directory.put(msgspec.structs.replace(twice, health="draining"))
    directory.take_out("billing", "b-1")
    assert groups(directory) == set()
