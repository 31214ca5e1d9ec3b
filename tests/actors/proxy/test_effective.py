"""A node tells what it decides by, and where each value comes from."""

import pytest

from plait.actors.messages.disruption import Disruption
from plait.actors.messages.error import Refused
from plait.actors.messages.instance import Instance
from plait.actors.messages.rate_limit import Limit, RateLimit
from plait.actors.messages.resilience import Breaker, Hedge, Resilience
from plait.actors.messages.rule import (
    Destination,
    DestinationPolicy,
    MatchKind,
    RouteMatch,
    RouteRule,
    RuleSet,
    StringMatch,
    Subset,
)
from plait.actors.messages.traffic import Balancer, RetryBudget, TrafficPolicy
from plait.actors.proxy import effective
from plait.actors.proxy.effective import config
from tests.nodes import Network

pytestmark = pytest.mark.anyio


@pytest.fixture
async def node():
    network = Network()
    node = network.node()
    network.announce(
        Instance("r-1", "reviews", "v1", {"version": "v1"}, "", "n", 1),
        Instance("r-2", "reviews", "v2", {"version": "v2"}, "", "n", 1),
        Instance("d-1", "details", "v1", {"version": "v1"}, "", "n", 1),
    )
    match = RouteMatch(headers=(("end-user", StringMatch(MatchKind.EXACT, "jason")),))
    routes = (
        RouteRule("jason", (match,), (Destination("reviews", "v2"),), timeout=2.0),
        RouteRule("", (), (Destination("reviews", "v1", 90), Destination("reviews", "v2", 10))),
    )
    subsets = (
        Subset("v1", {"version": "v1"}),
        Subset("v2", {"version": "v2"}, TrafficPolicy(Balancer.RANDOM)),
    )
    policy = TrafficPolicy(Balancer.ROUND_ROBIN)
    node.rules(
        RuleSet("default/reviews", ("reviews.default.svc.cluster.local",), routes=routes),
        DestinationPolicy("default/reviews", "reviews", policy, subsets),
        revision=7,
    )
    yield node
    await network.close()


async def test_routes_have_their_documents_and_the_defaults_of_what_those_do_not_set(node):
    answer = config(node.proxy, "n", {"what": "routes"})
    assert (answer["node"], answer["revision"]) == ("n", 7)
    jason, others, details = answer["items"]
    assert jason["matches"] == [{"headers": [["end-user", {"kind": "exact", "value": "jason"}]]}]
    assert (jason["path"], jason["to"]) == ("$.spec.http[0]", ["reviews v2"])
    values = {one["field"]: (one["value"], one["from"]) for one in jason["values"]}
    assert values["timeout"] == (2.0, "routes/default/reviews $.spec.http[0]")
    assert (values["retries"][0]["attempts"], values["retries"][1]) == (2, "default")
    assert others["to"] == ["reviews v1 90 %", "reviews v2 10 %"]
    again = [f"{what} reviews {subset}" for what in ("retry budget of", "second attempt at") for subset in ("v1", "v2")]
    assert {one["field"]: one["from"] for one in others["values"]} == {
        **dict.fromkeys(("timeout", "retries", *again), "default")
    }
    assert (details["document"], details["hosts"], details["to"]) == ("", ["details"], ["details"])


async def test_endpoints_have_their_subsets_and_what_sets_their_balancer(node):
    found = {one["instance"]: one["uses"] for one in config(node.proxy, "n", {"what": "endpoints"})["items"]}
    told = {
        name: [(use["subset"], use["policy"]["balancer"], use["from"].partition("/")[2]) for use in uses]
        for name, uses in found.items()
    }
    assert told == {
        "d-1": [("", "least_request", "")],
        "r-1": [
            ("", "round_robin", "default/reviews $.spec.trafficPolicy"),
            ("v1", "round_robin", "default/reviews $.spec.trafficPolicy"),
        ],
        "r-2": [
            ("", "round_robin", "default/reviews $.spec.trafficPolicy"),
            ("v2", "random", "default/reviews $.spec.subsets[1].trafficPolicy"),
        ],
    }


async def test_what_does_not_fit_one_answer_comes_in_pages(node, monkeypatch):
    monkeypatch.setattr(effective, "PAGE", 10)
    found, question = [], {"what": "routes"}
    while True:
        answer = config(node.proxy, "n", question)
        found += answer["items"]
        if "next" not in answer:
            break
        question["offset"] = answer["next"]
    assert len(found) == 3
    monkeypatch.undo()
    assert config(node.proxy, "n", {"what": "routes"})["items"] == found


@pytest.mark.parametrize("question", [{}, {"what": "clusters"}, {"what": 7}, {"what": "routes", "offset": -1}])
async def test_a_question_that_is_none_is_refused(node, question):
    with pytest.raises(Refused):
        config(node.proxy, "n", question)


async def test_what_bounds_further_attempts_is_told_for_each_destination(node):
    own = TrafficPolicy(budget=RetryBudget(50.0, 1, 2.0))
    subsets = (Subset("v1", {"version": "v1"}), Subset("v2", {"version": "v2"}, own))
    routes = (RouteRule("", (), (Destination("reviews", "v1", 90), Destination("reviews", "v2", 10))),)
    node.rules(
        RuleSet("default/reviews", ("reviews.default.svc.cluster.local",), routes=routes),
        DestinationPolicy("default/reviews", "reviews", TrafficPolicy(budget=RetryBudget(5.0)), subsets),
        revision=8,
    )
    first = config(node.proxy, "n", {"what": "routes"})["items"][0]
    values = {one["field"]: (one["value"], one["from"]) for one in first["values"]}
    budget, origin = values["retry budget of reviews v1"]
    assert (budget["percent"], origin) == (5.0, "destination/default/reviews $.spec.trafficPolicy.retryBudget")
    budget, origin = values["retry budget of reviews v2"]
    assert (budget["percent"], origin) == (
        50.0,
        "destination/default/reviews $.spec.subsets[1].trafficPolicy.retryBudget",
    )
    assert values["second attempt at reviews v2"][0]["factor"] == 3.0


async def test_what_resilience_limits_and_faults_say_is_told_for_each_destination(node):
    routes = (RouteRule("", (), (Destination("reviews", "v1", 90), Destination("reviews", "v2", 10))),)
    subsets = (Subset("v1", {"version": "v1"}), Subset("v2", {"version": "v2"}))
    node.rules(
        RuleSet("default/reviews", ("reviews.default.svc.cluster.local",), routes=routes),
        DestinationPolicy("default/reviews", "reviews", TrafficPolicy(), subsets),
        Resilience("default/a", "reviews", breaker=Breaker(failures=10.0), hedge=Hedge(0.1)),
        Resilience("default/b", "reviews", breaker=Breaker(failures=20.0), hedge=Hedge(0.2)),  # says it again: in vain
        Resilience("default/c", "reviews", "v2", breaker=Breaker(failures=30.0)),
        Resilience("elsewhere/d", "reviews", hedge=Hedge(0.4)),  # another namespace's, which does not hold
        RateLimit("default/e", "reviews", "v2", (Limit("each", 5),)),
        RateLimit("default/f", "details", limits=(Limit("each", 6),)),
        Disruption("default/g", "reviews", "me", "why", node.loop.time() + 60.0, drop=True),
        Disruption("default/h", "reviews", "me", "why", node.loop.time() - 60.0, drop=True),  # is over
        revision=8,
    )
    first = config(node.proxy, "n", {"what": "routes"})["items"][0]
    values = {one["field"]: (one["value"], one["from"]) for one in first["values"]}
    breaker, origin = values["circuitBreaker of reviews v1"]
    assert (breaker["failures"], breaker["calls"], origin) == (10.0, 20, "destination/default/a $.spec.circuitBreaker")
    breaker, origin = values["circuitBreaker of reviews v2"]
    assert (breaker["failures"], origin) == (30.0, "destination/default/c $.spec.circuitBreaker")
    wait, origin = values["second attempt at reviews v2"]
    assert (wait["fixed"], origin) == (0.1, "destination/default/a $.spec.hedging")
    limits = {field: value for field, (value, _) in values.items() if field.startswith("rate limit")}
    assert {field: (one["requests"], one["scope"]) for field, one in limits.items()} == {
        "rate limit of reviews v2": (5, "local")
    }
    fault, origin = values["fault at reviews v1"]
    assert (fault["owner"], fault["drop"], origin) == ("me", True, "destination/default/g")
