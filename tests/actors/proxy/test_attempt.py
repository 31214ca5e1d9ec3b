"""Which instance an attempt goes to: one that was not tried, any at all, or one of another locality."""

import random

import pytest

from plait.actors.messages.error import NoEndpoints
from plait.actors.messages.instance import Instance
from plait.actors.messages.rule import RetryPolicy
from plait.actors.proxy.attempt import AnyAttempt, Attempt, DistantAttempt
from plait.actors.proxy.chain import Chains, Wants
from plait.actors.proxy.cluster import Cluster
from plait.actors.proxy.endpoint import Endpoint
from tests.actors.proxy.chained import a_call


def cluster_of(**localities):
    cluster = Cluster("s", "", random.Random(1))
    cluster.endpoints = tuple(
        Endpoint(Instance(name, "s", "v1", {}, where, "node", 1)) for name, where in localities.items()
    )
    return cluster


def picked(attempt, cluster, times):
    call = a_call(cluster=cluster, tried=[])
    return [attempt.pick(call).id for _ in range(times)], call


def test_each_attempt_goes_to_one_that_was_not_tried():
    for _ in range(20):
        ids, call = picked(Attempt(None), cluster_of(a="", b="", c=""), 3)
        assert sorted(ids) == ["a", "b", "c"]
        assert (call.attempts, call.untried) == (3, 0)


def test_any_may_be_tried_again_and_each_retry_waits():
    cluster = cluster_of(a="", b="")
    seen = set()
    for _ in range(50):
        ids, call = picked(AnyAttempt(None), cluster, 2)
        assert call.untried == 0
        seen.add(ids[0] == ids[1])
    assert seen == {True, False}


def test_a_retry_leaves_the_localities_that_were_tried():
    for _ in range(30):
        ids, _ = picked(DistantAttempt(None), cluster_of(a1="eu/a", a2="eu/a", a3="eu/a", b="eu/b"), 4)
        assert ids[0] == "b" or ids[1] == "b"
        assert sorted(ids) == ["a1", "a2", "a3", "b"]  # all localities tried: then those not tried


@pytest.mark.parametrize("kind", [Attempt, AnyAttempt, DistantAttempt])
def test_there_has_to_be_somebody(kind):
    with pytest.raises(NoEndpoints):
        kind(None).pick(a_call(cluster=cluster_of(), tried=[]))


@pytest.mark.parametrize(
    ("policy", "kind"),
    [
        (None, Attempt),
        (RetryPolicy(), Attempt),
        (RetryPolicy(ignore_previous_hosts=False), AnyAttempt),
        (RetryPolicy(remote_localities=True), DistantAttempt),
    ],
)
def test_the_policy_says_which(policy, kind):
    assert type(Chains(None, None, random.Random(1)).build(Wants(retries=policy)).attempt) is kind
