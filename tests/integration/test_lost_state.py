"""The control plane dies under load, all of it: registries, engines, and at last the store that they kept it in."""

import asyncio
import contextlib
import shutil
import signal

import nats
import nats.js.errors
import pytest
from nats.errors import NoRespondersError

from plait.examples.bookinfo.policies import first_policy
from tests.integration.bus import UserBus
from tests.integration.load import load
from tests.integration.mesh import Mesh

pytestmark = pytest.mark.anyio

BUCKETS = ("registry", "policy")
BOOK = "plait.examples.bookinfo"
PATH = "/api/v1/products/0/ratings"


@pytest.fixture
def spread(tmp_path, start_nats):
    """A server, a control plane of two nodes, and beside it a gateway and services in nodes of their own."""
    mesh = Mesh(tmp_path / "mesh")
    mesh.server = start_nats()
    mesh.nats = mesh.server.url
    start = lambda name, *targets: mesh.node(*targets, "--name", name, "--nats", mesh.nats)  # noqa: E731
    mesh.control = [start(f"control-{n}", "registry", "policy") for n in (1, 2)]
    mesh.start = start
    gateway = start("edge", "gateway", "--http", "127.0.0.1:0")
    start("products", f"{BOOK}.productpage:ProductPage")
    start("ratings", f"{BOOK}.ratings:Ratings")
    mesh.http = gateway.line("http")
    yield mesh
    mesh.end_nodes()
    assert mesh.left() == []


async def connected(mesh):
    return UserBus(await nats.connect(mesh.nats, allow_reconnect=False))


async def test_killed_registries_and_a_store_that_is_gone_cost_no_request_no_instance_and_no_policy(spread, eventually):
    mesh = spread
    bus = await connected(mesh)
    await bus.apply(first_policy())
    revision, kinds = await bus.revision(), await bus.kinds()

    async def who():
        return sorted((one["id"], one["node"]) for one in await bus.instances() if "control" not in one["node"])

    before = await who()
    assert len(before) >= 3

    async with load(mesh.http, PATH, connections=4) as answers:
        await answers.more(100)
        for node in mesh.control:
            node.process.send_signal(signal.SIGKILL)
        await answers.more(100)
        for number in (3, 4):
            await asyncio.to_thread(mesh.start, f"control-{number}", "registry", "policy")

        async def agreed():
            return await who() == before and await bus.revision() == revision

        await eventually(agreed, 10.0)
        await answers.more(100)
    assert answers.failed == []

    await bus.client.close()
    mesh.server.stop()
    shutil.rmtree(mesh.server.folder / "js")
    mesh.server.start()
    bus = await connected(mesh)

    async def stored():
        """Whether the new store holds what the lost one did."""
        with contextlib.suppress(nats.js.errors.Error, TimeoutError):
            registry, policy = [await bus.client.jetstream().key_value(f"plait-default-{one}") for one in BUCKETS]
            keys = await registry.keys()
            return all(any(key.endswith(f".{name}") for key in keys) for name, _ in before) and await policy.keys()

    async def whole():
        with contextlib.suppress(NoRespondersError, TimeoutError):  # they have not all found the new server yet
            return await who() == before and await bus.kinds() == kinds

    took = await eventually(stored, 20.0)
    took += await eventually(whole, 5.0)
    async with load(mesh.http, PATH, connections=4) as answers:
        await answers.more(200)
    assert answers.failed == []
    print(f"whole again {took:.1f} s after the store was lost")
    late = await asyncio.to_thread(mesh.start, "late", f"{BOOK}.ratings:Ratings")
    await eventually(lambda: _found(bus, "late"), 5.0)
    assert late.process.poll() is None
    await bus.client.close()


async def _found(bus, node):
    return any(one["node"] == node for one in await bus.instances("ratings"))
