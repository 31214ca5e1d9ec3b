"""A service by key: `consistentHash` makes it sharded and sticky, and who leaves or joins moves its own keys alone."""

import msgspec
import pytest

from plait.actors import Request, Service, get
from plait.actors.messages.hashing import ConsistentHash, HashSource
from plait.actors.messages.rule import DestinationPolicy
from plait.actors.messages.traffic import Balancer, TrafficPolicy
from tests.nodes import Network
from tests.virtual_loop import anyio_backend  # noqa: F401

pytestmark = pytest.mark.anyio

KEYS = [f"cart-{number}" for number in range(60)]
BY_CART = TrafficPolicy(Balancer.RANDOM, ConsistentHash(HashSource.HEADER, "x-cart"))


class Cart(Service, name="cart"):
    """The example of docs/semantics.md: state by key, in memory; each instance holds its share of the carts."""

    async def pre_start(self):
        self.carts: dict[str, int] = {}

    @get("/add")
    def add(self, request: Request):
        key = request.headers["x-cart"]
        self.carts[key] = self.carts.get(key, 0) + 1
        return {"instance": self.instance, "items": self.carts[key]}


@pytest.fixture
async def network():
    made = Network()
    yield made
    await made.close()


async def sharded(network, count):
    """Nodes with one instance each, and two callers with the rule in force."""
    for number in range(count):
        await network.node(f"n{number}").host(Cart, f"cart-{number}")
    callers = [network.node(name, seed=seed) for seed, name in enumerate(("one", "other"), 1)]
    for caller in callers:
        caller.rules(DestinationPolicy("default/cart", "cart", BY_CART))
    return callers


async def add(caller):
    """Put something into each cart; return who holds it and how much is in it, by key."""
    found = {}
    for key in KEYS:
        reply = await caller.send("cart", "/add", headers=[("x-cart", key)])
        told = msgspec.json.decode(reply.body)
        found[key] = told["instance"], told["items"]
    return found


def holders(found):
    return {key: instance for key, (instance, _) in found.items()}


async def test_all_callers_find_a_key_at_its_one_instance(network):
    one, other = await sharded(network, 3)
    first, second = await add(one), await add(other)
    assert holders(first) == holders(second)
    assert {items for _, items in second.values()} == {2}
    assert len(set(holders(first).values())) == 3


async def test_who_leaves_takes_the_state_of_its_own_keys_alone(network):
    one, other = await sharded(network, 3)
    before = holders(await add(one))
    network.remove("cart", "cart-1")
    after = await add(other)
    for key, (instance, items) in after.items():
        if before[key] == "cart-1":
            assert instance != "cart-1"
            assert items == 1  # begun anew where the key is now
        else:
            assert (instance, items) == (before[key], 2)


async def test_who_joins_takes_some_keys_and_leaves_the_others_where_they_are(network):
    one, _ = await sharded(network, 3)
    before = holders(await add(one))
    await network.node("n3").host(Cart, "cart-3")
    after = holders(await add(one))
    moved = {key for key in KEYS if before[key] != after[key]}
    assert moved
    assert {after[key] for key in moved} == {"cart-3"}
    assert len(moved) < len(KEYS) / 2
