"""Fallbacks over a bus: what stands in for a destination that fails, when, within which time, and who learns of it."""

import asyncio
from typing import ClassVar

import pytest

from plait.actors import Response, Service, get, post
from plait.actors.messages.error import DeadlineExceeded, NoEndpoints
from plait.actors.messages.fallback import Elsewhere, Fallback, Fixed, LastGood
from plait.actors.messages.resilience import Resilience
from plait.actors.messages.rule import Destination, DestinationPolicy, Fault, RetryPolicy, RouteRule, RuleSet, Subset
from plait.actors.proxy.degraded import Degraded
from tests.nodes import Network
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

STARS = Fallback(Fixed(200, (("content-type", "application/json"),), b"[]"))
KEPT = Fallback(LastGood())


class Ratings(Service, name="ratings", version="v1", concurrency=100):
    """Answers as it is told to."""

    status: ClassVar[int] = 200
    seconds: ClassVar[float] = 0.0
    count: ClassVar[int] = 0

    @get("/stars")
    async def stars(self):
        Ratings.count += 1
        if Ratings.seconds:
            await asyncio.sleep(Ratings.seconds)
        return Response(f"stars {Ratings.count}", Ratings.status)

    @post("/stars")
    async def rate(self):
        Ratings.count += 1
        return Response("rated", Ratings.status)


class Spare(Service, name="spare", version="v1"):
    status: ClassVar[int] = 200

    @get("/stars")
    async def stars(self):
        return Response("spare stars", Spare.status, {"a": "b"})

    @post("/stars")
    async def rate(self):
        return Response("rated by spare")


class Reviews(Service, name="reviews", version="v1", concurrency=100):
    """Calls ratings, and hides what comes of it."""

    @get("/reviews")
    async def reviews(self):
        reply = await self.call("ratings", "/stars")
        return f"reviews with {reply.fallback or 'fresh'} {reply.body.decode()}"

    @get("/into")
    async def into(self):
        return await self.call("ratings", "/stars", into=list[int])


class Page(Service, name="page", version="v1"):
    @get("/page")
    async def page(self):
        first, second = await asyncio.gather(self.call("reviews", "/reviews"), self.call("reviews", "/reviews"))
        return first.body + b" and " + second.body


@pytest.fixture
async def node():
    Ratings.status, Ratings.seconds, Ratings.count, Spare.status = 200, 0.0, 0, 200
    network = Network()
    node = network.node()
    for kind in (Ratings, Spare, Reviews, Page):
        await node.host(kind, f"{kind.name}-1")
    yield node
    await network.close()


def policy(*fallbacks, subset=""):
    return Resilience("default/fallbacks", "ratings", subset, fallbacks=fallbacks)


def route(**more):
    to = more.pop("to", Destination("ratings"))
    rule = RouteRule(more.pop("name", "r"), (), (to,), **more)
    return RuleSet("default/ratings", ("ratings.default.svc.cluster.local",), routes=(rule,))


async def ask(node, path="/stars", service="ratings", **more):
    call = node.call(service, path, **more)
    return await node.proxy.send(call), call


async def test_without_a_failure_nothing_is_changed_or_said(node):
    node.rules(policy(KEPT, STARS))
    reply, call = await ask(node)
    assert (reply.body, reply.degraded, call.degraded) == (b"stars 1", (), None)
    assert "x-plait-fallback" not in dict(reply.headers)


async def test_the_first_attempt_is_still_sent_straight_away(node):
    node.rules(policy(KEPT, STARS))
    call = node.call("ratings", "/stars")
    running = node.proxy.start(call, lambda outcome: None)
    assert running.waiting is not None
    assert running.drive is None
    running.cancel()


async def test_a_fixed_answer_stands_in_for_a_status_and_says_so(node):
    node.rules(policy(STARS))
    Ratings.status = 503
    reply, call = await ask(node)
    assert (reply.status, reply.body, reply.cause) == (200, b"[]", 0)
    assert reply.headers == [("content-type", "application/json"), ("x-plait-fallback", "fixed")]
    assert reply.degraded == ("ratings/fixed",)
    assert call.degraded == Degraded("ratings", "", "fixed", 503)


async def test_a_fixed_answer_stands_in_where_nobody_is_there(node):
    node.rules(policy(STARS))
    node.network.remove("ratings", "ratings-1")
    reply, call = await ask(node)
    assert (reply.status, reply.cause) == (200, NoEndpoints.cause)
    assert call.degraded.why is NoEndpoints


async def test_answers_of_a_rule_are_not_worn_out_by_being_changed(node):
    node.rules(policy(STARS))
    Ratings.status = 500
    (await ask(node))[0].headers.append(("x-request-id", "1"))
    assert (await ask(node))[0].headers[-1] == ("x-plait-fallback", "fixed")


async def test_the_last_good_answer_is_given_with_its_age(node):
    node.rules(policy(KEPT))
    await ask(node)
    await asyncio.sleep(42.5)
    Ratings.status = 500
    reply, _ = await ask(node)
    assert (reply.status, reply.body, reply.degraded) == (200, b"stars 1", ("ratings/last-good",))
    assert dict(reply.headers) | {"age": "42", "x-plait-fallback": "last-good"} == dict(reply.headers)


async def test_what_was_never_asked_for_has_no_last_good_answer_and_the_failure_is_told(node):
    node.rules(policy(KEPT))
    Ratings.status = 500
    reply, call = await ask(node)
    assert (reply.status, reply.degraded) == (500, ())
    assert call.degraded == Degraded("ratings", "", "none", 500)
    node.network.remove("ratings", "ratings-1")
    with pytest.raises(NoEndpoints):
        await ask(node)
    assert node.notes.failures == [NoEndpoints]


async def test_last_good_answers_outlive_a_revision(node):
    node.rules(policy(KEPT))
    await ask(node)
    node.rules(policy(KEPT), DestinationPolicy("default/spare", "spare"), revision=2)
    Ratings.status = 500
    assert (await ask(node))[0].body == b"stars 1"


async def test_they_are_tried_in_order_until_one_has_an_answer(node):
    node.rules(policy(KEPT, Fallback(Elsewhere("spare")), STARS))
    Ratings.status = 500
    assert (await ask(node))[0].body == b"spare stars"
    Spare.status = 503
    assert (await ask(node))[0].body == b"[]"
    Ratings.status = Spare.status = 200
    await ask(node)
    Ratings.status = 500
    assert (await ask(node))[0].degraded == ("ratings/last-good",)


async def test_another_service_is_told_as_the_one_that_answered(node):
    node.rules(policy(Fallback(Elsewhere("spare"))))
    Ratings.status = 500
    reply, call = await ask(node)
    assert dict(reply.headers)["a"] == "b"
    assert (call.cluster.service, call.tried[-1].id) == ("spare", "spare-1")
    Spare.status = 500
    reply, call = await ask(node)
    assert (reply.body, call.cluster.service, call.tried[-1].id) == (b"stars 2", "ratings", "ratings-1")


async def test_another_subset_may_stand_in(node):
    subsets = DestinationPolicy(
        "default/ratings", "ratings", subsets=(Subset("v1", {"version": "v1"}), Subset("v9", {"version": "v9"}))
    )
    node.rules(
        policy(Fallback(Elsewhere("ratings", "v1")), subset="v9"), subsets, route(to=Destination("ratings", "v9"))
    )
    reply, call = await ask(node)
    assert (reply.body, reply.cause) == (b"stars 1", NoEndpoints.cause)
    assert (call.cluster.subset, call.degraded.subset) == ("v1", "v9")


async def test_a_destination_that_nothing_defines_is_left_out(node):
    node.rules(policy(Fallback(Elsewhere("ratings", "v7")), STARS))
    Ratings.status = 500
    assert (await ask(node))[0].body == b"[]"


@pytest.mark.parametrize(
    ("on", "status", "fallen"),
    [
        ("5xx", 500, True),
        ("5xx", 404, False),
        ("gateway-error", 503, True),
        ("gateway-error", 500, False),
        ("404", 404, True),
        ("timeout", 504, False),
        ("no-endpoints", 503, False),
    ],
)
async def test_a_fallback_is_for_the_answers_that_it_names(node, on, status, fallen):
    node.rules(policy(Fallback(STARS.to, (on,))))
    Ratings.status = status
    reply, _ = await ask(node)
    assert (reply.status == 200) is fallen


async def test_causes_choose_the_fallback(node):
    node.rules(
        policy(Fallback(Fixed(200, (), b"late"), ("timeout",)), Fallback(Fixed(200, (), b"nobody"), ("no-endpoints",))),
        route(timeout=1.0),
    )
    Ratings.seconds = 5.0
    assert (await ask(node))[0].body == b"late"
    node.network.remove("ratings", "ratings-1")
    assert (await ask(node))[0].body == b"nobody"


async def test_a_fault_that_was_put_in_shows_whether_the_fallback_works(node):
    node.rules(policy(STARS), route(fault=Fault(abort_status=555, abort_percent=100.0)))
    reply, _ = await ask(node)
    assert (reply.status, reply.body, Ratings.count) == (200, b"[]", 0)


async def test_a_route_can_be_named(node):
    node.rules(policy(Fallback(STARS.to, routes=("canary",))), route(name="canary"))
    Ratings.status = 500
    assert (await ask(node))[0].status == 200
    node.rules(policy(Fallback(STARS.to, routes=("canary",))), route(name="other"), revision=2)
    assert (await ask(node))[0].status == 500


async def test_it_comes_after_the_retries(node):
    node.rules(policy(STARS), route(retries=RetryPolicy(2, on=("5xx",), ignore_previous_hosts=False)))
    Ratings.status = 503
    reply, call = await ask(node)
    assert (reply.body, Ratings.count, call.attempts) == (b"[]", 3, 3)


async def test_writes_have_no_fallback_unless_the_rule_says_so(node):
    node.rules(policy(STARS))
    Ratings.status = 500
    assert (await ask(node, method="POST"))[0].status == 500
    node.rules(policy(Fallback(STARS.to, methods=("POST",))), revision=2)
    assert (await ask(node, method="POST"))[0].status == 200


async def test_a_write_that_was_perhaps_done_is_not_done_elsewhere(node):
    node.rules(policy(Fallback(Elsewhere("spare"), methods=("POST",))))
    Ratings.status = 500
    assert (await ask(node, method="POST"))[0].status == 500
    reply, _ = await ask(node, method="POST", idempotency_key="once")
    assert reply.body == b"rated by spare"
    node.network.remove("ratings", "ratings-1")
    assert (await ask(node, method="POST"))[0].body == b"rated by spare"


# Time


def since(node, began):
    return pytest.approx(node.loop.time() - began, abs=0.02)


async def test_a_routes_timeout_leaves_the_rest_to_the_fallback(node):
    node.rules(policy(STARS), route(timeout=1.0))
    Ratings.seconds = 60.0
    began = node.loop.time()
    assert (await ask(node, timeout=3.0))[0].body == b"[]"
    assert since(node, began) == 1.0


async def test_an_answer_of_this_node_stands_in_at_the_callers_own_limit(node):
    node.rules(policy(STARS))
    Ratings.seconds = 60.0
    began = node.loop.time()
    assert (await ask(node, timeout=2.0))[0].body == b"[]"
    assert since(node, began) == 2.0


async def test_it_comes_before_an_inherited_deadline_at_which_the_caller_ends(node):
    node.rules(policy(STARS))
    Ratings.seconds = 60.0
    began = node.loop.time()
    assert (await ask(node, expires=began + 2.0))[0].body == b"[]"
    assert since(node, began) == 1.95


async def test_another_destination_gets_its_share_of_the_callers_time(node):
    node.rules(policy(Fallback(Elsewhere("spare"))))
    Ratings.seconds = 60.0
    began = node.loop.time()
    assert (await ask(node, timeout=2.0))[0].body == b"spare stars"
    assert since(node, began) == 1.5


async def test_another_destination_takes_no_longer_than_the_rule_and_the_caller_say(node):
    Ratings.seconds = 60.0
    slow = Resilience("default/reviews", "reviews", fallbacks=(Fallback(Elsewhere("ratings", timeout=2.0)),))
    node.rules(slow)
    node.network.remove("reviews", "reviews-1")
    began = node.loop.time()
    with pytest.raises(NoEndpoints):
        await ask(node, service="reviews")
    assert since(node, began) == 2.0
    began = node.loop.time()
    with pytest.raises(NoEndpoints):
        await ask(node, service="reviews", timeout=1.0)
    assert since(node, began) == 1.0


async def test_without_an_answer_the_first_failure_is_told(node):
    node.rules(policy(KEPT), route(timeout=1.0))
    Ratings.seconds = 60.0
    with pytest.raises(DeadlineExceeded):
        await ask(node)


async def test_giving_up_ends_the_fallback_that_is_under_way(node):
    Ratings.seconds = 60.0
    node.rules(Resilience("default/reviews", "reviews", fallbacks=(Fallback(Elsewhere("ratings")),)))
    node.network.remove("reviews", "reviews-1")
    told = []
    running = node.proxy.start(node.call("reviews", "/stars"), told.append)
    await asyncio.sleep(0.1)
    assert len(node.wire.waiting) == 1
    running.cancel()
    assert (node.wire.waiting, told) == ({}, [])


# Through the hops


async def test_the_caller_sees_what_it_was_given_and_those_above_learn_of_it(node):
    node.rules(policy(KEPT, STARS))
    reply, _ = await ask(node, "/reviews", "reviews")
    assert (reply.body, reply.degraded) == (b"reviews with fresh stars 1", ())
    Ratings.status = 500
    reply, call = await ask(node, "/reviews", "reviews")
    assert (reply.body, reply.degraded) == (b"reviews with last-good stars 1", ("ratings/last-good",))
    assert call.degraded is None  # not its destination's failure
    assert "x-plait-fallback" not in dict(reply.headers)
    reply, _ = await ask(node, "/page", "page")
    assert reply.degraded == ("ratings/last-good",)


async def test_an_answer_of_the_wrong_type_is_told_with_where_it_came_from(node):
    node.rules(policy(Fallback(Fixed(200, (), b"no list"))))
    Ratings.status = 500
    reply, _ = await ask(node, "/into", "reviews")
    assert reply.status == 500
    node.rules(policy(STARS), revision=2)
    assert (await ask(node, "/into", "reviews"))[0].body == b"[]"


async def test_a_kept_answer_remembers_what_it_was_made_with(node):
    node.rules(policy(STARS), Resilience("default/reviews", "reviews", fallbacks=(KEPT,)))
    Ratings.status = 500
    await ask(node, "/reviews", "reviews")
    node.network.remove("reviews", "reviews-1")
    reply, _ = await ask(node, "/reviews", "reviews")
    assert reply.degraded == ("reviews/last-good", "ratings/fixed")


async def test_fallbacks_do_not_lead_in_circles(node):
    circle = (
        Resilience("default/ratings", "ratings", fallbacks=(Fallback(Elsewhere("spare")),)),
        Resilience("default/spare", "spare", fallbacks=(Fallback(Elsewhere("ratings")),)),
    )
    node.rules(*circle)
    Ratings.status = Spare.status = 500
    reply, call = await ask(node)
    assert (reply.status, call.attempts) == (500, 2)
