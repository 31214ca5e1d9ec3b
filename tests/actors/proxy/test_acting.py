"""Actions of routes on calls between services: what the service gets, what the caller gets back, who answers."""

import msgspec
import pytest

from plait.actors import Request, Response, Service, get
from plait.actors.messages.envelope import ReplyFrame
from plait.actors.messages.error import FaultInjected, NoEndpoints
from plait.actors.messages.rule import (
    Cors,
    Destination,
    DirectResponse,
    Fault,
    HeaderChange,
    MatchKind,
    Redirect,
    Rewrite,
    RouteRule,
    RuleSet,
    StringMatch,
)
from plait.actors.proxy.acting import _Ending

pytestmark = pytest.mark.anyio

HOST = "echo.default.svc.cluster.local"
GOAL = (Destination("echo"),)
CORS = Cors((StringMatch(MatchKind.EXACT, "shop.example"),), ("GET",), expose=("x-seen",))
PREFLIGHT = [("origin", "shop.example"), ("access-control-request-method", "GET")]


class Echo(Service, name="echo"):
    @get("/")
    async def root(self, request: Request):
        return self.told(request)

    @get("/{a}/{b}")
    async def below(self, request: Request, a: str, b: str):
        return self.told(request)

    def told(self, request):
        seen = {
            "authority": request.authority,
            "path": request.path,
            "query": request.query,
            "headers": dict(request.headers),
            "baggage": dict(self.baggage),
        }
        return Response(seen, headers=[("x-own", "1"), ("access-control-allow-origin", "*")])


@pytest.fixture
async def node(network):
    node = network.node()
    await node.host(Echo)
    return node


def put(node, *routes):
    node.rules(RuleSet("default/echo", (HOST,), routes=routes))


def seen(reply):
    return msgspec.json.decode(reply.body)


async def test_path_and_authority_are_rewritten_and_the_query_stays(node):
    put(node, RouteRule(destinations=GOAL, rewrite=Rewrite("/new/", "other:81")))
    got = seen(await node.send("echo", "/a", query="k=v"))
    assert (got["authority"], got["path"], got["query"]) == ("other:81", "/new/a", {"k": "v"})
    assert got["headers"]["x-envoy-original-path"] == "/a?k=v"


async def test_headers_of_request_and_answer_are_changed(node):
    change = HeaderChange((("x-set", "1"),), (("x-had", "new"),), ("x-gone",))
    answer = HeaderChange((("x-own", "2"),), (("x-more", "3"),))
    put(node, RouteRule(destinations=GOAL, request_headers=change, response_headers=answer))
    reply = await node.send("echo", headers=[("x-had", "old"), ("x-gone", "?")])
    got = seen(reply)["headers"]
    assert (got["x-set"], got["x-had"], got.get("x-gone")) == ("1", "old, new", None)
    assert [field for field in reply.headers if field[0] in ("x-own", "x-more")] == [("x-own", "2"), ("x-more", "3")]


async def test_a_change_of_what_travels_by_itself_travels(node):
    put(node, RouteRule(destinations=GOAL, request_headers=HeaderChange(set=(("end-user", "tester"),))))
    got = seen(await node.send("echo", baggage={"end-user": "jason"}))
    assert (got["headers"]["end-user"], got["baggage"]) == ("tester", {"end-user": "tester"})


async def test_a_route_answers_by_itself_and_nobody_is_called(node):
    added = HeaderChange(set=(("x-from", "route"),))
    put(node, RouteRule(direct=DirectResponse(418, b"tea"), response_headers=added))
    reply = await node.send("echo")
    assert (reply.status, reply.body) == (418, b"tea")
    assert reply.headers == [("content-type", "text/plain"), ("x-from", "route")]
    put(node, RouteRule(direct=DirectResponse(204)))
    reply = await node.send("echo")
    assert (reply.status, reply.headers, reply.body) == (204, [], b"")
    assert node.notes.answers == [418, 204]


async def test_a_redirect_tells_where_to(node):
    put(node, RouteRule(redirect=Redirect(uri="/new", code=307)))
    reply = await node.send("echo", "/a", query="k=v")
    assert (reply.status, reply.headers) == (307, [("location", "http://echo/new?k=v")])


async def test_a_preflight_is_answered_and_other_requests_answers_are_marked(node):
    put(node, RouteRule(destinations=GOAL, cors=CORS))
    reply = await node.send("echo", method="OPTIONS", headers=PREFLIGHT)
    assert (reply.status, dict(reply.headers)["access-control-allow-methods"]) == (200, "GET")
    reply = await node.send("echo", headers=[("origin", "shop.example")])
    allowed = [value for name, value in reply.headers if name == "access-control-allow-origin"]
    assert (reply.status, allowed) == (200, ["shop.example"])
    reply = await node.send("echo")
    assert dict(reply.headers)["access-control-allow-origin"] == "*"


async def test_a_call_that_fails_keeps_what_browsers_must_be_told(node):
    put(node, RouteRule(destinations=(Destination("nobody"),), cors=CORS))
    call = node.call("echo", headers=[("origin", "shop.example")])
    with pytest.raises(NoEndpoints):
        await node.proxy.send(call)
    assert ("access-control-allow-origin", "shop.example") in call.error_headers


async def test_a_fault_strikes_a_changed_request_too_and_leaves_preflights_alone(node):
    put(node, RouteRule(destinations=GOAL, cors=CORS, fault=Fault(0.0, 0.0, 503, 100.0), rewrite=Rewrite("/x")))
    with pytest.raises(FaultInjected):
        await node.send("echo")
    assert (await node.send("echo", method="OPTIONS", headers=PREFLIGHT)).status == 200


async def test_all_attempts_see_the_request_as_it_was_changed_once(network):
    caller = network.node("caller")
    await network.node("a").host(Echo, "echo-1")
    await network.node("b").host(Echo, "echo-2")
    network.nodes[-1].inbounds["echo-2"].drain()
    put(caller, RouteRule(destinations=GOAL, request_headers=HeaderChange(add=(("x", "1"),)), rewrite=Rewrite("/b/")))
    for _ in range(4):
        got = seen(await caller.send("echo", "/a"))
        assert (got["path"], got["headers"]["x"]) == ("/b/a", "1")


async def test_an_explanation_names_the_actions_steps(node):
    put(node, RouteRule(destinations=GOAL, rewrite=Rewrite("/x")))
    _, reasons, steps = node.proxy.explain(node.call("echo"))
    assert steps == ("rewrite", "retry", "pick", "attempt")
    assert reasons[-1].text == "rewrites the path to '/x'"
    put(node, RouteRule(direct=DirectResponse(200)))
    assert node.proxy.explain(node.call("echo"))[2] == ("direct response",)


async def test_caches_are_told_that_an_answer_is_for_one_origin(node):
    put(node, RouteRule(destinations=GOAL, cors=CORS))
    for headers in ([("origin", "shop.example")], [("origin", "evil.example")], []):
        reply = await node.send("echo", headers=headers)
        assert [value for name, value in reply.headers if name == "vary"] == ["origin"]


async def test_an_answer_that_cannot_be_changed_is_handed_on_as_it_is():
    class Broken:
        def apply(self, headers):
            raise RuntimeError("broken")

    outcomes = []
    reply = ReplyFrame(1, 200, [], b"")
    with pytest.raises(RuntimeError):
        _Ending(None, Broken(), None, outcomes.append).take(reply)
    assert outcomes == [reply]
