"""A node tells how it uses a service's instances, and which way of picking one is in force for whom, and why."""

import pytest

from plait.actors import Service, get
from plait.actors.messages.error import InvalidName, Refused
from plait.actors.messages.hashing import ConsistentHash, HashSource
from plait.actors.messages.resilience import Balancing, Resilience
from plait.actors.messages.rule import Destination, DestinationPolicy, RouteRule, RuleSet, Subset
from plait.actors.messages.traffic import Balancer, TrafficPolicy
from plait.actors.proxy.effective import config
from plait.actors.proxy.in_force import balancing
from plait.actors.routing.upstream import Upstreams
from tests.nodes import Network
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

BY_USER = ConsistentHash(HashSource.HEADER, "x-user")


class Echo(Service, name="echo"):
    @get("/")
    def plain(self):
        return "hello"


class Refuses:
    """A judge that keeps one instance out."""

    word = "ejected"

    def __init__(self, out):
        self.out = out

    def record(self, endpoint, outcome, seconds):
        pass

    def admits(self, endpoint):
        return endpoint.id != self.out

    def follow(self, members):
        pass


@pytest.fixture
async def near():
    network = Network()
    far = network.node("far")
    await far.host(Echo, "echo-1")
    await far.host(Echo, "echo-2")
    yield network.node("near")
    await network.close()


def used(node):
    return {one["instance"]: one for one in config(node.proxy, "near", {"what": "usage", "service": "echo"})["items"]}


async def test_what_was_sent_to_whom_and_what_came_of_it(near):
    assert used(near)["echo-1"]["picks"] == []
    for _ in range(6):
        await near.send("echo")
    found = used(near)
    assert sum(one["requests"] for one in found.values()) == 6
    one = found["echo-1"]
    assert (one["active"], one["failures"], one["score"], one["weight"]) == (0, 0, 1.0, 1.0)
    assert one["load"]["capacity"] == 256
    assert one["load"]["age"] >= 0.0


async def test_a_pick_weighs_calls_in_flight_by_default_and_weights_where_that_is_asked(near):
    await near.send("echo")
    assert used(near)["echo-1"]["picks"][0]["by"] == "in flight / weight (less wins)"
    near.rules(DestinationPolicy("default/echo", "echo", TrafficPolicy(Balancer.RANDOM)), revision=2)
    await near.send("echo")
    assert [pick["by"] for pick in used(near)["echo-1"]["picks"]][-1] == "weight"
    near.rules(DestinationPolicy("default/echo", "echo", TrafficPolicy(Balancer.PEAK_EWMA)), revision=3)
    await near.send("echo")
    assert used(near)["echo-1"]["picks"][-1]["by"].startswith("seconds until an answer")


async def test_who_is_kept_out_is_shown_with_the_reason_and_weighs_nothing(near):
    await near.send("echo")
    (cluster,) = near.proxy.directory.clusters_of("echo")
    cluster.judges = (Refuses("echo-1"),)
    cluster.refresh()
    out, fine = used(near)["echo-1"]["picks"][0], used(near)["echo-2"]["picks"][0]
    assert (out["out"], "value" in out) == ("ejected", False)
    assert (fine["out"], "value" in fine) == ("", True)


async def test_badly_made_questions_are_refused(near):
    with pytest.raises(InvalidName):
        config(near.proxy, "n", {"what": "usage", "service": "no name"})
    with pytest.raises(Refused):
        config(near.proxy, "n", {"what": "wishes"})


async def test_a_service_that_nobody_has_heard_of_has_no_instances_and_the_default_way(near):
    assert config(near.proxy, "n", {"what": "usage", "service": "nobody"})["items"] == []
    (way,) = config(near.proxy, "n", {"what": "balancing", "service": "nobody"})["items"]
    assert way == {"subset": "", "for": "everybody", "algorithm": "least request", "from": "default"}


def test_each_way_names_its_document_and_field_the_narrower_first():
    rule = DestinationPolicy(
        "default/reviews",
        "reviews",
        TrafficPolicy(Balancer.ROUND_ROBIN),
        (
            Subset("v1", {"version": "v1"}),
            Subset("v2", {"version": "v2"}, TrafficPolicy(Balancer.RANDOM, BY_USER)),
        ),
    )
    assert balancing(Upstreams([rule]), "reviews") == [
        {
            "subset": "v2",
            "for": "everybody",
            "algorithm": "consistent hash (ring) by header x-user",
            "from": "DestinationRule/default/reviews $.spec.subsets[1].trafficPolicy.loadBalancer",
        },
        {
            "subset": "",
            "for": "everybody",
            "algorithm": "round robin",
            "from": "DestinationRule/default/reviews $.spec.trafficPolicy.loadBalancer",
        },
    ]


def test_a_rule_for_some_callers_says_for_whom_and_the_others_have_the_default():
    rule = DestinationPolicy(
        "shop/reviews",
        "reviews",
        TrafficPolicy(Balancer.RANDOM),
        export_to=("shop",),
        callers={"app": "page"},
    )
    first, rest = balancing(Upstreams([rule]), "reviews")
    assert (first["for"], first["algorithm"]) == ("callers with app=page callers in shop", "random")
    assert (rest["for"], rest["algorithm"], rest["from"]) == ("everybody", "least request", "default")


def test_resilience_stands_before_destination_rules():
    rule = DestinationPolicy("default/reviews", "reviews", TrafficPolicy(Balancer.ROUND_ROBIN))
    over = Resilience("default/fast", "reviews", balancing=Balancing(Balancer.PEAK_EWMA))
    first, second = balancing(Upstreams([rule], resilience=[over]), "reviews")
    assert (first["algorithm"], first["from"]) == ("peak ewma", "Resilience/default/fast $.spec.loadBalancer")
    assert second["algorithm"] == "round robin"


async def test_only_destinations_that_were_called_are_shown(near):
    routes = (RouteRule(destinations=(Destination("echo", "v1"),)),)
    near.rules(
        RuleSet("default/echo", ("echo.default.svc.cluster.local",), routes=routes),
        DestinationPolicy("default/echo", "echo", subsets=(Subset("v1", {"version": "v1"}),)),
        revision=2,
    )
    await near.send("echo")
    assert {pick["subset"] for pick in used(near)["echo-1"]["picks"]} == {"v1"}
