"""Actions of routes: decided with the route, by the match that took the request; off they are None."""

import pytest
from msgspec.structs import replace

from plait.actors.messages.rule import (
    Cors,
    Destination,
    DirectResponse,
    HeaderChange,
    MatchKind,
    Redirect,
    Rewrite,
    RouteMatch,
    RouteRule,
    RuleSet,
    StringMatch,
)
from plait.actors.routing.decide import decide
from plait.actors.routing.route import BadRule
from plait.actors.routing.table import compile_table

HOST = "reviews.default.svc.cluster.local"
GOAL = (Destination("reviews"),)
X = HeaderChange(set=(("x", "1"),))


def prefix(path):
    return RouteMatch(uri=StringMatch(MatchKind.PREFIX, path))


def table_of(*routes):
    return compile_table({"VirtualService/default/r": RuleSet("default/r", (HOST,), routes=routes)}, 1)


def decided(request_of, *routes, reasons=None, point=0.0, **request):
    return decide(table_of(*routes), request_of(**request), lambda: point, reasons)


@pytest.mark.parametrize(
    "route",
    [
        RouteRule(),
        RouteRule(timeout=1.0),
        RouteRule(rewrite=Rewrite()),
        RouteRule(request_headers=HeaderChange()),
        RouteRule(request_headers=HeaderChange(remove=("host", ":path"))),
        RouteRule(response_headers=HeaderChange(set=(("host", "a"),))),
    ],
)
def test_a_route_that_does_nothing_besides_has_no_action(request_of, route):
    assert decided(request_of, replace(route, destinations=GOAL)).action is None


def test_the_prefix_that_is_replaced_is_that_of_the_match_that_took_the_request(request_of):
    route = RouteRule(matches=(prefix("/a/"), prefix("/bcd/")), destinations=GOAL, rewrite=Rewrite("/"))
    for path in ("/a/x", "/bcd/x"):
        assert decided(request_of, route, path=path).action.path(path) == "/x"
    moved = RouteRule(matches=(prefix("/a/"), prefix("/bcd/")), redirect=Redirect(prefix_rewrite="/"))
    for path in ("/a/x", "/bcd/x"):
        request = request_of(path=path, authority="b")
        assert decide(table_of(moved), request, float).action.answer.location(request) == "http://b/x"


def test_the_routes_authority_is_used_before_the_destinations_and_the_rewrites_before_both(request_of):
    goal = Destination("reviews", request_headers=HeaderChange(set=(("host", "goal"),)))
    own = HeaderChange(set=((":authority", "route"),))
    rewrite = Rewrite(authority="rewrite")
    assert decided(request_of, RouteRule(destinations=(goal,))).action.authority == "goal"
    assert decided(request_of, RouteRule(destinations=(goal,), request_headers=own)).action.authority == "route"
    both = RouteRule(destinations=(goal,), request_headers=own, rewrite=rewrite)
    assert decided(request_of, both).action.authority == "rewrite"


def test_each_destination_has_its_own_changes(request_of):
    goals = tuple(
        Destination("reviews", weight=50, response_headers=HeaderChange(set=(("from", name),))) for name in ("a", "b")
    )
    for point, name in ((0.1, "a"), (0.9, "b")):
        action = decided(request_of, RouteRule(destinations=goals), point=point).action
        assert action.response.append == (("from", name),)


def test_a_route_that_answers_by_itself_leads_nowhere_and_draws_nothing(request_of):
    for route in (RouteRule(direct=DirectResponse(418)), RouteRule(redirect=Redirect("/a"))):
        decision = decide(table_of(route), request_of(), pytest.fail)
        assert (decision.service, decision.subset, decision.upstream.known) == ("", "", True)
        assert decision.action.answer.status in (418, 301)


def test_a_route_without_destination_or_answer_does_not_compile():
    with pytest.raises(BadRule, match="leads nowhere"):
        table_of(RouteRule(rewrite=Rewrite("/a")))


@pytest.mark.parametrize(
    ("route", "text", "steps"),
    [
        (RouteRule(redirect=Redirect("/a", code=302)), "redirects by 302 to http://b/a", ("redirect",)),
        (RouteRule(direct=DirectResponse(503)), "answers 503 by itself", ("direct response",)),
        (
            RouteRule(destinations=GOAL, rewrite=Rewrite("/x", "host"), request_headers=X, response_headers=X),
            "rewrites the path to '/x', rewrites the authority to 'host', "
            "changes of the request's headers x, changes of the answer's headers x",
            ("rewrite", "headers"),
        ),
        (RouteRule(destinations=GOAL, cors=Cors()), "answers preflights", ("cors",)),
    ],
)  # fmt: skip
def test_reasons_say_what_is_done(request_of, route, text, steps):
    reasons = []
    decision = decided(request_of, route, reasons=reasons, authority="b")
    assert (reasons[-1].text, reasons[-1].taken, reasons[-1].index) == (text, True, 0)
    assert decision.action.steps() == steps
    assert decided(request_of, route, authority="b").action is not None


def test_a_later_table_takes_routes_with_their_actions_over():
    rules = {"VirtualService/default/r": RuleSet("default/r", (HOST,), routes=(RouteRule(direct=DirectResponse(404)),))}
    first = compile_table(rules, 1)
    second = compile_table(rules, 2, first)
    assert second.of_service("reviews").clauses is not None
    (one,), (other,) = first.of_service("reviews").clauses, second.of_service("reviews").clauses
    assert one is other
