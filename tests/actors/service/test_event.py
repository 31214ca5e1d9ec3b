"""Events: every group gets each one once, by a member that takes it; what becomes of it the emitter never sees."""

import asyncio
import logging

import msgspec
import pytest

from plait.actors import Request, Service, get, on
from plait.actors.messages.error import BusUnavailable, InstanceGone, InvalidName, TooDeep, TooLarge
from plait.actors.messages.rule import Destination, Fault, RouteRule, RuleSet
from plait.actors.runtime.context import current
from tests.nodes import SUBJECTS
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio


class Created(msgspec.Struct):
    number: int


class Source(Service, name="source"):
    """Emits for the tests."""

    @get("/emit")
    async def pass_on(self):
        self.baggage["x-mood"] = "merry"
        return await self.emit("orders.created", Created(1))


@pytest.fixture
def seen():
    """Who handled what: (instance, event)."""
    return []


@pytest.fixture
def kinds(seen):
    """Two services that want the same topic."""

    class Billing(Service, name="billing"):
        @on("orders.created")
        async def created(self, event: Created):
            seen.append((self.instance, event.number))

    class Shipping(Service, name="shipping", concurrency=1, mailbox=1):
        wait = None

        @on("orders.created")
        async def created(self, event: Created):
            seen.append((self.instance, event.number))
            if self.wait is not None:
                await self.wait.wait()

    return Billing, Shipping


@pytest.fixture
async def source(network):
    """A service that emits, in a node of its own."""
    return (await network.node("origin").host(Source)).actor


async def settled():
    for _ in range(50):
        await asyncio.sleep(0)


def of(seen, service):
    return sorted(number for who, number in seen if who.startswith(service))


async def test_each_group_gets_each_event_once_and_its_members_share_them(network, source, kinds, seen):
    for kind in kinds:
        for at in (1, 2):
            await network.node(f"{kind.name}-node-{at}").host(kind, f"{kind.name}-{at}")
    for number in range(20):
        assert await source.emit("orders.created", Created(number)) == 2
        await settled()
    assert of(seen, "billing") == of(seen, "shipping") == list(range(20))
    assert {who for who, _ in seen} == {"billing-1", "billing-2", "shipping-1", "shipping-2"}


async def test_all_versions_of_a_service_are_one_group_and_a_named_group_joins_services(network, source, seen):
    class Old(Service, name="stock"):
        @on("orders.created")
        @on("orders.created", group="audit")
        def created(self, event: Created):
            seen.append((self.version, event.number))

    class New(Old, name="stock", version="v2"):
        pass

    class Audit(Service, name="audit"):
        @on("orders.created")
        def note(self, event: dict):
            seen.append(("audit", event["number"]))

    node = network.node()
    for kind in (Old, New, Audit):
        await node.host(kind, f"{kind.name}-{kind.version}")
    assert await source.emit("orders.created", Created(1)) == 2, "the groups stock and audit"
    await settled()
    assert len(seen) == 2


async def test_each_means_every_instance(network, source, seen):
    class Cache(Service, name="cache"):
        @on("prices.changed", each=True)
        async def forget(self, event: str):
            seen.append((self.instance, event))

    for at in (1, 2, 3):
        await network.node(f"node-{at}").host(Cache, f"cache-{at}")
    assert await source.emit("prices.changed", "all") == 3
    await settled()
    assert sorted(seen) == [("cache-1", "all"), ("cache-2", "all"), ("cache-3", "all")]


async def test_emit_returns_before_the_event_is_handled_and_knows_nothing_of_failures(network, source, caplog):
    class Fails(Service, name="fails"):
        @on("orders.created")
        async def later(self, event: Created):
            await self.sleep(1.0)
            raise ValueError("secret")

        @on("orders.created", group="plain")
        def at_once(self, event: Created):
            raise ValueError("secret")

    node = network.nodes[0]
    await network.node().host(Fails)
    began = node.loop.time()
    assert await source.emit("orders.created", Created(1)) == 2
    assert node.loop.time() == began
    await asyncio.sleep(2.0)
    assert node.notes.answers == [500, 500], "counted where it was emitted"
    caplog.set_level(logging.ERROR, "plait.service")  # quiet until here, see conftest
    await source.emit("orders.created", Created(2))
    await asyncio.sleep(2.0)
    assert [record.message for record in caplog.records] == ["fails-1 EVENT orders.created failed"] * 2


@pytest.mark.parametrize("why", ["draining", "silent", "full", "stalled"])
async def test_a_member_that_does_not_take_an_event_leaves_it_to_another(network, source, kinds, seen, why):
    _, shipping = kinds
    homes = [network.node(f"node-{at}") for at in (1, 2)]
    cells = [await home.host(shipping, f"shipping-{at}") for at, home in enumerate(homes, 1)]
    gate = asyncio.Event()
    match why:
        case "draining":
            homes[0].inbounds["shipping-1"].drain()
        case "silent":
            homes[0].inbounds["shipping-1"].close()
        case "stalled":
            homes[0].bus.stalled = True
        case "full":
            cells[0].actor.wait = gate
            network.remove("shipping", "shipping-2")
            for number in (-2, -1):  # one in hand, one in the mailbox
                await source.emit("orders.created", Created(number))
            await settled()
            network.announce(homes[1].inbounds["shipping-2"].instance)
            for endpoint in network.nodes[0].proxy.directory.services()["shipping"].values():
                endpoint.active = 0  # so that the full one is picked, too
    for number in range(20):
        assert await source.emit("orders.created", Created(number)) == 1
        await settled()
    gate.set()
    await settled()
    assert [number for who, number in seen if number >= 0] == list(range(20))
    assert {who for who, number in seen if number >= 0} == {"shipping-2"}


async def test_what_was_perhaps_handled_is_not_sent_again(network, source, kinds, seen):
    _, shipping = kinds
    shipping.wait = asyncio.Event()
    for at in (1, 2):
        await network.node(f"node-{at}").host(shipping, f"shipping-{at}")
    await source.emit("orders.created", Created(1))
    await settled()
    ((who, _),) = seen
    network.remove("shipping", who)
    await settled()
    assert len(seen) == 1
    assert network.nodes[0].notes.failures == [InstanceGone]


async def test_a_group_without_a_healthy_member_is_not_counted_and_the_loss_is_logged(network, source, kinds, caplog):
    node = network.node()
    await node.host(kinds[0])
    network.announce(msgspec.structs.replace(node.inbounds["billing-1"].instance, health="draining"))
    assert await source.emit("orders.created", Created(1)) == 0
    assert "an event orders.created reached no member of group billing" in caplog.text
    assert await source.emit("nobody.wants.this", Created(1)) == 0


async def test_policy_routes_are_not_asked(network, source, kinds, seen):
    await network.node().host(kinds[0])
    fault = Fault(abort_status=500, abort_percent=100.0)
    for node in network.nodes:
        for host in ("billing.default.svc.cluster.local", "orders.created"):
            node.rules(
                RuleSet("default/no", (host,), routes=(RouteRule("no", (), (Destination("billing"),), fault=fault),))
            )
    assert await source.emit("orders.created", Created(1)) == 1
    await settled()
    assert of(seen, "billing") == [1]


async def test_trace_baggage_and_chain_travel_but_the_deadline_of_the_call_in_hand_does_not(network, source):
    found = []

    class Looks(Service, name="looks"):
        @on("orders.created")
        async def look(self, request: Request):
            context = current.get()
            found.append((context.frame.traceparent, context.chain, dict(self.baggage), request.path, request.json()))
            await self.sleep(5.0)
            found.append("done")

    await network.node().host(Looks)
    client = network.node("client")
    call = client.call("source", "/emit", timeout=1.0, baggage={"end-user": "jason"})
    assert (await client.proxy.send(call)).body == b"1"
    await asyncio.sleep(6.0)
    baggage = {"end-user": "jason", "x-mood": "merry"}
    assert found == [(call.traceparent, ("source-1", "looks-1"), baggage, "orders.created", {"number": 1}), "done"]


async def test_a_handler_that_takes_longer_than_the_event_has_is_cancelled(network, source, seen):
    class Slow(Service, name="slow"):
        @on("orders.created")
        async def work(self, event: Created):
            try:
                await self.sleep(5.0)
            finally:
                seen.append(self.clock())

    await network.node().host(Slow)
    began = source.clock()
    await source.emit("orders.created", Created(1), timeout=2.0)
    await asyncio.sleep(10.0)
    assert seen == [pytest.approx(began + 2.0, abs=0.01)]


async def test_a_circle_of_events_ends(network, seen):
    class Round(Service, name="round"):
        @on("again")
        async def again(self, event: int):
            seen.append(event)
            await self.emit("again", event + 1)

    node = network.node()
    cell = await node.host(Round)
    await cell.actor.emit("again", 0)
    await asyncio.sleep(1.0)
    assert len(seen) == 33
    assert node.notes.failures == [TooDeep]


async def test_an_event_is_shown_once_to_observers_outside(network, source, kinds):
    shown = []
    watcher = network.server.connect("outside")
    watcher.subscribe(b"plait.m.event.>", lambda subject, reply, payload, headers: shown.append((subject, payload)))
    for kind in kinds:
        await network.node().host(kind)
    for event in (Created(1), {"a": [1]}, "text", b"\x00\xff"):
        await source.emit("orders.created", event)
    await settled()
    assert [subject for subject, _ in shown] == [SUBJECTS.event("orders.created")] * 4
    assert [msgspec.json.decode(payload) for _, payload in shown] == [{"number": 1}, {"a": [1]}, "text", "AP8="]


async def test_what_cannot_be_sent_raises_where_it_is_emitted(network, source, kinds):
    await network.node().host(kinds[0])
    with pytest.raises(InvalidName, match=r"orders\.\*"):
        await source.emit("orders.*", 1)
    with pytest.raises(TooLarge):
        await source.emit("orders.created", b"x" * 2**21)
    network.server.disconnect(network.nodes[0].bus)
    with pytest.raises(BusUnavailable, match=r"orders\.created was not sent"):
        await source.emit("orders.created", Created(1))


async def test_observers_are_told_of_one_destination_however_often_its_members_come_and_go(network, source, kinds):
    node, told = network.nodes[0], []
    node.notes.answered = lambda call, reply, seconds: told.append(call.cluster)
    home = network.node()
    await home.host(kinds[0])
    for _ in range(3):
        await source.emit("orders.created", Created(1))
        await settled()
        network.remove("billing", "billing-1")
        network.announce(home.inbounds["billing-1"].instance)
    assert [(one.service, one.subset) for one in told] == [("orders.created", "billing")] * 3
    assert len(set(map(id, told))) == 1
