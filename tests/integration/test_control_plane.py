"""A mesh of single nodes on a bus of others: the control plane may die and come back, the data path goes on."""

import asyncio
import os
import signal
import time

import pytest

from tests.integration.conftest import connected
from tests.integration.documents import entrance
from tests.integration.load import ask, load
from tests.integration.mesh import Mesh, wait_for

pytestmark = pytest.mark.anyio

DETAILS = "plait.examples.bookinfo.details:Details"


@pytest.fixture
def spread(tmp_path, start_nats):
    """Three nodes: the control plane, a gateway, one service; `mesh.main` is the gateway."""
    server = start_nats()
    mesh = Mesh(tmp_path)
    mesh.nats = server.url
    mesh.environment["PLAIT_NATS_URL"] = server.url
    mesh.control = mesh.node("registry", "policy", "traces", "--name", "control")
    mesh.main = mesh.spawn("node", "gateway", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    mesh.node(DETAILS, "--replicas", "2", "--label", "track=canary", "--locality", "eu/a")
    mesh.main.ready()
    mesh.http, mesh.admin = mesh.main.line("http"), mesh.main.line("admin")
    mesh.apply(entrance("details"))
    yield mesh
    assert mesh.stop() == 0
    assert mesh.left() == []


async def test_the_data_path_outlives_the_control_plane_and_finds_it_again(spread, eventually):
    async with connected(spread) as bus:
        before = await bus.instances("details")
        assert len(before) == 2
        assert before[0]["locality"] == "eu/a"
        assert before[0]["labels"]["track"] == "canary"
        async with load(spread.http, "/details/0", host="details.test") as answers:
            await answers.more(50)
            os.kill(spread.control.pid, signal.SIGKILL)
            await asyncio.to_thread(spread.control.process.wait, 5)
            await answers.until(lambda: answers.since(time.monotonic() - 0.05))
            await asyncio.sleep(1.0)
            await answers.more(50)
            done = await asyncio.to_thread(spread.plait, "ls", "nodes")
            assert done.returncode == 6
            spread.control = await asyncio.to_thread(spread.node, "registry", "policy", "traces", "--name", "control")
            await answers.more(50)

            async def whole():
                return {one["id"] for one in await bus.instances("details")} == {one["id"] for one in before}

            await eventually(whole, 5.0)
            assert ("VirtualService", "entrance") in await bus.kinds(), "policy is durable"
        assert answers.failed == []
        await bus.apply(entrance("details").replace("details.test", "other.test"))
    assert (await ask(spread.http, "/details/0", headers={"host": "other.test"})).status == 200
    assert (await ask(spread.http, "/details/0", headers={"host": "details.test"})).status == 404


async def test_a_service_waits_for_a_registry_and_says_so(tmp_path, start_nats):
    server = start_nats()
    mesh = Mesh(tmp_path)
    mesh.environment["PLAIT_NATS_URL"] = server.url
    mesh.main = mesh.spawn("node", DETAILS)
    wait_for(lambda: "waiting for a registry" in mesh.main.err, 10.0, mesh.main.told)
    mesh.node("registry", "policy")
    mesh.main.ready(10.0)
    assert mesh.stop() == 0
    assert mesh.left() == []


async def test_a_killed_parent_takes_its_bus_and_its_services_along(own_mesh):
    mesh = own_mesh("--app", DETAILS)
    assert len(mesh.pids()) == 3
    os.kill(mesh.main.pid, signal.SIGKILL)
    mesh.main.process.wait(5)
    wait_for(lambda: not mesh.pids(), 10.0, lambda: str(mesh.left()))
    done = mesh.plait("ls", "nodes")
    assert done.returncode == 6, "the run file of a dead process leads nobody astray"
    assert not list(mesh.run_folder.rglob("*.json"))
