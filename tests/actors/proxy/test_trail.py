"""What sampled calls leave behind: the client's span, spans of further attempts, events; nothing of all others."""

import asyncio
import random
from typing import ClassVar

import pytest

from plait.actors import Response, Service, get
from plait.actors.messages.error import DeadlineExceeded, FaultInjected, MeshError, NoRoute, RateLimited
from plait.actors.messages.fallback import Fallback, Fixed
from plait.actors.messages.resilience import Hedge, Resilience
from plait.actors.messages.response_flag import flag_of
from plait.actors.messages.rule import Destination, DestinationPolicy, Fault, RetryPolicy, RouteRule, RuleSet
from plait.actors.messages.traffic import Outlier, Pool, TrafficPolicy
from plait.actors.proxy.call import Caller
from plait.tracing.bus_exporter import BusExporter
from plait.tracing.record import Kind, Status
from plait.tracing.tail import Tail
from plait.tracing.tracer import Tracer
from tests.nodes import TRACEPARENT
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

SAMPLED = TRACEPARENT[:-2] + "01"


class Echo(Service, name="echo", version="v1"):
    """Answers with the next of the statuses that it is given, 200 after them."""

    statuses: ClassVar[list[int]] = []

    @get("/")
    def echo(self):
        return Response(b"", self.statuses.pop(0) if self.statuses else 200)

    @get("/slow")
    async def slow(self):
        await asyncio.sleep(0.5)
        return b""

    @get("/slower")
    async def slower(self):
        await asyncio.sleep(1.1)
        return b""


class World:
    def __init__(self, node):
        self.node = node
        self.spans = BusExporter()
        self.tracer = Tracer("shop", {}, [self.spans], rng=random.Random(1))
        self.caller = Caller("shop-1", "shop", tracer=self.tracer)
        node.wire.open(self.caller)

    async def send(self, path="/", traceparent=SAMPLED, **more):
        return await self.node.send("echo", path, caller=self.caller, traceparent=traceparent, **more)

    def told(self):
        """All spans that have ended, the client's own last."""
        return self.spans.take()

    def rule(self, *others, **route):
        routes = (RouteRule("r", (), (Destination("echo"),), **route),)
        rules = RuleSet("default/echo", ("echo.default.svc.cluster.local",), routes=routes)
        self.node.rules(rules, *others)


@pytest.fixture
async def world(network):
    Echo.statuses.clear()
    node = network.node()
    node.tracer = Tracer("echo")
    await node.host(Echo, "echo-1")
    return World(node)


def events(span):
    return [event.name.removeprefix("plait.") for event in span.events]


async def test_a_call_is_one_client_span_in_the_words_of_opentelemetry_and_istio(world):
    world.rule()
    await world.send()
    (span,) = world.told()
    assert (span.kind, span.name, span.status) == (Kind.CLIENT, "GET echo", Status.UNSET)
    assert (span.trace_id, span.parent_id) == (SAMPLED[3:35], SAMPLED[36:52])
    wanted = {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.path": "/",
        "server.address": "echo.default.svc.cluster.local",
        "http.method": "GET",
        "http.status_code": 200,
        "upstream_cluster": "outbound|||echo.default.svc.cluster.local",
        "response_flags": "-",
        "plait.attempts": 1,
        "plait.upstream_instance": "echo-1",
        "plait.route": "default/echo#r",
    }
    assert wanted.items() <= span.attributes.items()
    assert span.events == ()


async def test_an_unsampled_call_leaves_nothing_and_travels_as_it_came(world):
    call = world.node.call("echo", caller=world.caller)
    await world.node.proxy.send(call)
    assert world.told() == []
    assert call.trail is None
    assert call.traceparent == TRACEPARENT


async def test_a_status_of_400_on_is_an_error_of_the_client_without_a_description(world):
    Echo.statuses[:] = [404]
    await world.send()
    (span,) = world.told()
    assert (span.status, span.message, span.attributes["error.type"]) == (Status.ERROR, "", "404")


async def test_a_retry_is_a_span_below_the_clients_and_an_event_within_it(world):
    world.rule(retries=RetryPolicy(2, on=("5xx",)))
    Echo.statuses[:] = [503]
    await world.send()
    again, span = world.told()
    assert again.parent_id == span.span_id
    assert (again.name, again.kind) == ("attempt 2 echo", Kind.CLIENT)
    assert again.attributes["http.request.resend_count"] == 1
    assert again.attributes["http.response.status_code"] == 200
    assert events(span) == ["attempt.failed", "retry", "attempt.ended"]
    failed, retry, _ = span.events
    assert failed.attributes == {"plait.attempt": 1, "plait.upstream_instance": "echo-1", "error.type": "503"}
    assert retry.attributes["plait.attempt"] == 2
    assert retry.attributes["plait.wait_ms"] > 0.0
    assert span.status is Status.UNSET


async def test_a_retry_that_has_no_time_left_is_told(world):
    world.rule(retries=RetryPolicy(2, on=("5xx",), backoff=100.0))
    Echo.statuses[:] = [503]
    await world.send(limit=world.node.loop.time() + 0.2)
    (span,) = world.told()
    assert events(span) == ["attempt.failed", "retry.refused"]
    assert span.events[1].attributes["plait.reason"] == "no time is left"


async def test_a_call_that_is_given_up_is_told_with_its_flag(world):
    world.rule(retries=RetryPolicy(0), timeout=0.1)
    with pytest.raises(DeadlineExceeded):
        await world.send("/slow")
    (span,) = world.told()
    assert (span.status, span.attributes["response_flags"]) == (Status.ERROR, "UT")
    assert span.attributes["error.type"] == "DeadlineExceeded"
    assert events(span) == ["attempt.failed", "gave_up"]


async def test_a_call_that_nobody_waits_for_any_more_ends_its_span(world):
    task = asyncio.ensure_future(world.send("/slow"))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    (span,) = world.told()
    assert (span.status, span.attributes["error.type"]) == (Status.ERROR, "cancelled")


async def test_faults_are_events(world):
    world.rule(fault=Fault(0.05, 100.0, 418, 100.0))
    with pytest.raises(FaultInjected):
        await world.send()
    (span,) = world.told()
    assert [event.attributes["plait.fault"] for event in span.events[:2]] == ["delay", "abort"]
    assert span.events[1].time_ns > span.events[0].time_ns
    assert (span.attributes["http.response.status_code"], span.attributes["response_flags"]) == (418, "FI")


async def test_a_second_attempt_beside_the_first_is_an_event_and_a_span_that_says_so(network):
    node = network.node()
    for name in ("echo-1", "echo-2"):
        far = network.node(f"node-{name}")
        far.tracer = Tracer("echo")
        await far.host(Echo, name)
    world = World(node)
    world.rule(Resilience("default/echo", "echo", hedge=Hedge(delay=0.02, max_extra_percent=100.0)))
    await asyncio.gather(*(world.send() for _ in range(20)))
    world.told()
    await world.send("/slow")
    second, span = world.told()
    assert "hedge" in events(span)
    assert second.parent_id == span.span_id
    assert second.attributes["plait.hedged"] is True
    await network.close()


async def test_an_ejection_that_a_call_has_brought_about_is_an_event(network):
    node = network.node()
    for name in ("echo-1", "echo-2"):
        far = network.node(f"node-{name}")
        far.tracer = Tracer("echo")
        await far.host(Echo, name)
    world = World(node)
    world.rule(
        DestinationPolicy("default/echo", "echo", TrafficPolicy(outlier=Outlier(consecutive_5xx=1))),
        retries=RetryPolicy(0),
    )
    Echo.statuses[:] = [500]
    await world.send()
    (span,) = world.told()
    assert events(span) == ["attempt.failed", "ejection"]
    assert span.events[1].attributes["plait.cause"] == "consecutive_5xx"
    await network.close()


async def test_a_place_that_a_call_waits_for_is_told(world):
    world.rule(DestinationPolicy("default/echo", "echo", TrafficPolicy(pool=Pool(per_instance=1))))
    await asyncio.gather(world.send("/slow"), world.send())
    first, second = world.told()
    waited = first if first.events else second
    assert events(waited) == ["queued", "dequeued"]
    assert waited.events[1].time_ns >= waited.events[0].time_ns


async def test_a_fallback_is_an_event(world):
    world.rule(
        Resilience("default/echo", "echo", fallbacks=(Fallback(Fixed(200, (), b"old")),)), retries=RetryPolicy(0)
    )
    await world.node.supervisor.stop()
    world.node.network.remove("echo", "echo-1")
    assert (await world.send()).body == b"old"
    (span,) = world.told()
    assert "fallback" in events(span)
    assert span.events[-1].attributes["plait.fallback"] == "fixed"


async def test_a_call_that_finds_no_instance_is_a_span_as_well(world):
    with pytest.raises(MeshError):
        await world.node.send("nobody", caller=world.caller, traceparent=SAMPLED)
    (span,) = world.told()
    assert (span.attributes["response_flags"], span.attributes["error.type"]) == ("UH", "NoEndpoints")


async def test_methods_that_clients_make_up_make_no_names(world):
    with pytest.raises(MeshError):
        await world.node.send("nobody", method="ZAP", caller=world.caller, traceparent=SAMPLED)
    (span,) = world.told()
    assert span.name == "_OTHER nobody"
    assert span.attributes["http.method"] == "ZAP"


@pytest.mark.parametrize(
    ("error", "flag"),
    [(None, "-"), (NoRoute(), "NR"), (RateLimited(), "RL"), (FaultInjected(500), "FI"), (MeshError(), "-")],
)
def test_errors_have_envoys_flags(error, flag):
    assert flag_of(error) == flag


async def test_an_unsampled_call_that_fails_or_is_slow_is_kept_and_others_are_not(world):
    kept = BusExporter()
    tracer = Tracer("shop", tail=Tail(kept, lambda: 1.0))
    world.caller = Caller("shop-1", "shop", tracer=tracer)
    await world.send(traceparent=TRACEPARENT)
    Echo.statuses[:] = [404, 500]
    await world.send(traceparent=TRACEPARENT)
    assert len(kept) == 0
    await world.send(traceparent=TRACEPARENT)
    with pytest.raises(MeshError):
        await world.node.send("nobody", caller=world.caller, traceparent=TRACEPARENT)
    await world.send("/slower", traceparent=TRACEPARENT)
    assert [(one.attributes["plait.kept"], one.attributes["plait.attempts"]) for one in kept.take()] == [
        ("error", 1),
        ("error", 0),
        ("slow", 1),
    ]
