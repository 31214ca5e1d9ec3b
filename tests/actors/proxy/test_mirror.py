"""Copies of requests: how many are sent, how they are marked, and that nothing of the call that they copy notices."""

import asyncio
from typing import ClassVar

import pytest

from plait.actors import Service, get
from plait.actors.messages.envelope import Flag
from plait.actors.messages.rule import Destination, DestinationPolicy, Mirror, RouteRule, RuleSet, Subset
from plait.actors.messages.traffic import Pool, TrafficPolicy
from plait.actors.proxy.mirror import MOST, MOST_BYTES, shadow
from plait.actors.runtime.context import current
from tests.nodes import Network
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Echo(Service, name="echo", version="v1", concurrency=1000, mailbox=1000):
    """Keeps the frames that it got, and calls on where it is told to."""

    frames: ClassVar[list] = []

    @get("/")
    async def echo(self):
        self.frames.append(current.get().frame)
        return self.version

    @get("/on")
    async def on(self):
        await self.call("echo", "/")
        return self.version

    @get("/hangs")
    async def hang(self):
        self.frames.append(current.get().frame)
        await asyncio.sleep(3600)


class EchoTwo(Echo, name="echo", version="v2"):
    frames: ClassVar[list] = []


class EchoThree(Echo, name="echo", version="v3"):
    frames: ClassVar[list] = []


WIDE = Pool(per_instance=10_000)
"""More calls than the default may be in the hands of one instance."""


def rules(*mirrors, **more):
    names = ("v1", "v2", "v3", "gone")
    subsets = tuple(Subset(one, {"version": one}) for one in names)
    policy = DestinationPolicy("default/echo", "echo", TrafficPolicy(pool=WIDE), subsets)
    route = RouteRule("r", (), (Destination("echo", "v1"),), mirrors=mirrors, **more)
    return policy, RuleSet("default/echo", ("echo.default.svc.cluster.local",), routes=(route,))


@pytest.fixture
async def node():
    for kind in (Echo, EchoTwo, EchoThree):
        kind.frames.clear()
    network = Network()
    node = network.node()
    for kind in (Echo, EchoTwo, EchoThree):
        await node.host(kind, f"echo-{kind.version}")
    yield node
    await network.close()


async def calls(node, count, path="/"):
    answers = [await node.send("echo", path) for _ in range(count)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert {answer.body for answer in answers} == {b"v1"}
    assert node.notes.answers[-count:] == [200] * count


@pytest.mark.parametrize(("percent", "least", "most"), [(100.0, 100, 100), (50.0, 40, 60), (10.0, 5, 15), (0.0, 0, 0)])
async def test_the_share_of_copies_is_the_one_that_the_rule_names(node, percent, least, most):
    node.rules(*rules(Mirror("echo", "v2", percent)))
    await calls(node, 100)
    assert len(Echo.frames) == 100
    assert least <= len(EchoTwo.frames) <= most
    assert node.proxy.mirrored.get(("echo", "sent"), 0) == len(EchoTwo.frames)


async def test_each_mirror_is_drawn_by_itself(node):
    node.rules(*rules(Mirror("echo", "v2"), Mirror("echo", "v3", 50.0)))
    await calls(node, 100)
    assert len(EchoTwo.frames) == 100
    assert 35 <= len(EchoThree.frames) <= 65


async def test_a_copy_is_a_call_of_its_own_that_says_what_it_is(node):
    node.rules(*rules(Mirror("echo", "v2")))
    await calls(node, 1)
    (call,), (copy,) = Echo.frames, EchoTwo.frames
    assert (call.authority, copy.authority) == ("echo", "echo-shadow")
    assert (call.flags, copy.flags) == (0, Flag.MIRROR)
    assert call.call != copy.call
    assert (copy.subset, copy.traceparent) == ("v2", call.traceparent)


async def test_what_is_called_on_behalf_of_a_copy_is_not_copied(node):
    node.rules(*rules(Mirror("echo", "v2")))
    await calls(node, 1, "/on")
    await asyncio.sleep(0.1)
    # The call to /on and its copy each call on; only the first of these two is copied again.
    assert sorted(frame.flags for frame in Echo.frames) == [0, Flag.MIRROR]
    assert [frame.flags for frame in EchoTwo.frames] == [Flag.MIRROR]


async def test_nobody_waits_for_a_copy_and_balancers_do_not_see_it(node):
    policy, rule_set = rules(Mirror("echo", "v2"))
    node.rules(policy, rule_set)
    call = asyncio.create_task(node.send("echo", "/hangs"))
    await asyncio.sleep(0.01)
    endpoints = node.proxy.directory.services()["echo"]
    assert {name: one.active for name, one in endpoints.items()} == {"echo-v1": 1, "echo-v2": 0, "echo-v3": 0}
    call.cancel()
    await asyncio.sleep(20)  # virtual
    assert {one.active for one in endpoints.values()} == {0}
    assert len(EchoTwo.frames) == 1
    assert node.wire.waiting == {}


async def test_a_copy_ends_with_the_time_of_its_route(node):
    node.rules(*rules(Mirror("echo", "v2"), timeout=2.0))
    call = asyncio.create_task(node.send("echo", "/hangs"))
    await asyncio.sleep(0.01)
    call.cancel()
    await asyncio.sleep(1.9)
    assert len(node.wire.waiting) == 1
    await asyncio.sleep(0.2)
    assert node.wire.waiting == {}


async def test_copies_are_dropped_where_too_many_wait(node):
    node.rules(*rules(Mirror("echo", "v2")))
    sent = [asyncio.create_task(node.send("echo", "/hangs")) for _ in range(MOST + 10)]
    await asyncio.sleep(0.1)
    assert dict(node.proxy.mirrored) == {("echo", "sent"): MOST, ("echo", "dropped"): 10}
    assert len(Echo.frames) == MOST + 10
    for one in sent:
        one.cancel()


async def test_copies_are_dropped_where_their_bodies_would_take_too_much_memory(node):
    node.rules(*rules(Mirror("echo", "v2")))
    body = b"x" * (256 * 1024)
    sent = [asyncio.create_task(node.send("echo", "/hangs", body=body)) for _ in range(MOST_BYTES // len(body) + 3)]
    await asyncio.sleep(0.1)
    assert dict(node.proxy.mirrored) == {("echo", "sent"): MOST_BYTES // len(body), ("echo", "dropped"): 3}
    for one in sent:
        one.cancel()
    await asyncio.sleep(20)  # virtual
    await calls(node, 1)
    assert node.proxy.mirrored["echo", "sent"] == MOST_BYTES // len(body) + 1


async def test_a_mirror_that_nobody_answers_for_harms_no_call(node):
    node.rules(*rules(Mirror("echo", "gone"), Mirror("nobody")))
    await calls(node, 10)
    assert dict(node.proxy.mirrored) == {("echo", "dropped"): 10, ("nobody", "dropped"): 10}
    assert node.notes.failures == []


@pytest.mark.parametrize(
    ("authority", "expected"),
    [
        ("reviews", "reviews-shadow"),
        ("httpbin.example.com:8080", "httpbin.example.com-shadow:8080"),
        ("[::1]:80", "[::1]-shadow:80"),
    ],
)
def test_the_host_of_a_copy_has_shadow_appended(authority, expected):
    assert shadow(authority) == expected
