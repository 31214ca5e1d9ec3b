"""Judges of a cluster: they hear of each attempt, and whom they refuse is not picked."""

import random

import pytest

from plait.actors.messages.error import NoEndpoints
from plait.actors.messages.instance import Instance
from plait.actors.messages.traffic import TrafficPolicy
from plait.actors.proxy.snapshot import Directory
from plait.actors.routing.upstream import Upstream


class Strict:
    def __init__(self):
        self.heard, self.refused, self.members = [], set(), ()

    def record(self, endpoint, outcome, seconds):
        self.heard.append((endpoint.id, outcome, seconds))

    def admits(self, endpoint):
        return endpoint.id not in self.refused

    def follow(self, members):
        self.members = tuple(one.id for one in members)


@pytest.fixture
def directory():
    directory = Directory(random.Random(1))
    for name in "ab":
        directory.put(Instance(name, "s", "v1", {}, "", "node", 1))
    return directory


def test_whom_a_judge_refuses_is_not_picked_until_it_admits_them_again(directory):
    cluster = directory.cluster(Upstream("s", "", {}, TrafficPolicy()))
    strict = Strict()
    cluster.judges = (strict,)
    strict.refused = {"a"}
    cluster.refresh()
    assert {cluster.pick(()).id for _ in range(20)} == {"b"}
    strict.refused = {"a", "b"}
    cluster.refresh()
    with pytest.raises(NoEndpoints):
        cluster.pick(())
    strict.refused = set()
    cluster.refresh()
    assert {cluster.pick(()).id for _ in range(20)} == {"a", "b"}


def test_a_judge_hears_of_outcomes_and_of_who_is_there(directory):
    cluster = directory.cluster(Upstream("s", "", {}, TrafficPolicy()))
    strict = Strict()
    cluster.judges = (strict,)
    endpoint = cluster.pick(())
    cluster.record(endpoint, None, 0.5)
    assert strict.heard == [(endpoint.id, None, 0.5)]
    directory.take_out("s", "a")
    assert strict.members == ("b",)
