"""A whole mesh for sweeps: two registries, two engines, a gateway, Bookinfo and a ledger; pages, policy, events."""

import asyncio

import msgspec

from plait.actors import Actor, ChildSpec, Limits, MeshError, Message, Service, Strategy, SupervisorSpec, get, on, post
from plait.examples.bookinfo.details import Details
from plait.examples.bookinfo.policies import first_policy
from plait.examples.bookinfo.productpage import ProductPage
from plait.examples.bookinfo.ratings import Ratings
from plait.examples.bookinfo.reviews import ReviewsV2, ReviewsV3
from plait.testing import Faults, SimNode, simulate
from tests.integration.documents import reviews


class Order(msgspec.Struct):
    number: int


class Orders(Service, name="orders", concurrency=4):
    @post("/orders")
    async def create(self, order: Order) -> Order:
        await self.sleep(0.05 * self.rng.random())
        await self.emit("orders.created", order)
        return order


class Ledger(Service, name="ledger", concurrency=1):
    """One order at a time; an unlucky number crashes it."""

    async def pre_start(self) -> None:
        self.seen: list[int] = []

    @on("orders.created")
    async def book(self, order: Order) -> None:
        await self.sleep(0.02)
        self.seen.append(order.number)

    @get("/orders")
    async def orders(self) -> list[int]:
        await self.sleep(0.02)
        return self.seen


class Grind(Message):
    n: int


class Mill(Actor):
    """Breaks on every seventh grain, so that its supervisor has work."""

    ground = 0

    async def receive(self, message: Grind) -> int:
        await asyncio.sleep(0.01)
        self.ground += 1
        if message.n % 7 == 0:
            raise RuntimeError(f"grain {message.n} is a stone")
        return self.ground


class Miller(Actor):
    """Asks the mill again and again."""

    async def pre_start(self) -> None:
        self.grains = 0
        self.timers.every("grind", 0.4, Grind(0))

    async def receive(self, message: Grind) -> None:
        self.grains += 1
        try:
            await self.find("farm/farm/mill").ask(Grind(self.grains), timeout=0.5)
        except MeshError:
            return


FARM = SupervisorSpec(
    "farm",
    (ChildSpec("mill", Mill), ChildSpec("miller", Miller)),
    strategy=Strategy.ONE_FOR_ONE,
    limits=Limits(intensity=3, period=20.0),
)
SERVICES = (ProductPage, Details, Ratings, ReviewsV2, ReviewsV3, Orders, Ledger)
NODES = (SimNode("farm", runs=(FARM,)),)


LATER = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{ name: orders }}
spec:
  hosts: [orders]
  http: [{{ timeout: 2.{}s, route: [{{ destination: {{ host: orders }} }}] }}]
"""


async def shopping(sim, seconds=20.0):
    """Pages, orders and calls with deadlines all the time, policy now and then; returns how often what was answered."""
    answers: dict[str, int] = {}

    def count(what):
        answers[str(what)] = answers.get(str(what), 0) + 1

    async def page():
        try:
            reply = await sim.get("http://bookinfo.test/productpage", {"end-user": "jason"})
            count(reply.status)
        except ConnectionError:
            count("no gateway")

    async def order(number):
        try:
            reply = await sim.call("orders", "/orders", method="POST", json={"number": number}, timeout=1.0)
            count(f"order {reply.status}")
        except MeshError as error:
            count(type(error).__name__)

    async def look():
        try:
            await sim.call("ledger", "/orders", timeout=0.05 + 0.3 * sim.rng.random())
            count("looked")
        except MeshError as error:
            count(type(error).__name__)

    async def policy(number):
        weight = sim.rng.randrange(0, 101)
        rivals = [reviews(v2=weight, v3=100 - weight), LATER.format(weight)]
        # Two users at once, each answered by the engine that chance picks: they may write the same revision.
        for revision in await asyncio.gather(*map(sim.try_apply, rivals[: sim.rng.randint(1, 2)])):
            count("no word of policy" if revision is None else "policy")

    tasks, end, number = [], sim.now + seconds, 0
    while sim.now < end:
        number += 1
        await asyncio.sleep(sim.rng.expovariate(8.0))
        what = sim.rng.choice((page, page, order, order, look, policy))
        tasks.append(asyncio.ensure_future(what(number) if what in (order, policy) else what()))
    _, open_ = await asyncio.wait(tasks, timeout=60.0)
    assert not open_, f"{len(open_)} calls have no end: {open_}"
    for task in tasks:
        task.result()
    await nothing_twice(sim)
    return answers


async def nothing_twice(sim):
    """An order is booked at most once within a life of the ledger, unless the lines have repeated messages."""
    ledger = sim.node("ledger").supervisor if sim.host("ledger").ready else None
    booked = [] if ledger is None else [seen for cell in ledger.cells() for seen in getattr(cell.actor, "seen", ())]
    assert sim.invariants.repeats or len(booked) == len(set(booked)), f"booked twice: {booked}"


def play(seed, seconds=20.0, faults=None, **more):
    """One run of the whole mesh."""
    return simulate(
        lambda sim: shopping(sim, seconds),
        seed=seed,
        services=SERVICES,
        nodes=NODES,
        policy=(first_policy(),),
        faults=Faults() if faults is None else faults,
        **more,
    )
