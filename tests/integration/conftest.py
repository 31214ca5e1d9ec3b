"""Meshes of real processes: one that the tests share and find as it began, others for those that do harm."""

import asyncio
import contextlib
import sys
from collections.abc import Callable

import nats
import pytest

from tests.integration.bus import UserBus
from tests.integration.mesh import Mesh


def pytest_collection_modifyitems(items):
    for item in items:
        if "integration" in item.path.parts:
            item.add_marker(pytest.mark.process)
            if sys.platform != "linux":
                item.add_marker(pytest.mark.skip(reason="processes are looked for in /proc"))


@pytest.fixture(scope="session")
def lasting_mesh(tmp_path_factory):
    """One `plait up` for all tests that do it no harm."""
    mesh = Mesh(tmp_path_factory.mktemp("mesh")).up()
    yield mesh
    assert mesh.stop() == 0, mesh.main.told()
    assert mesh.left() == []


@contextlib.asynccontextmanager
async def connected(mesh: Mesh):
    """A plain NATS client on a mesh's bus."""
    client = await nats.connect(mesh.nats, allow_reconnect=False)
    try:
        yield UserBus(client, mesh.name)
    finally:
        await client.close()


@pytest.fixture
async def mesh(lasting_mesh):
    """The shared mesh; afterwards its policy is the first one again, and nodes that a test added are ended."""
    async with connected(lasting_mesh) as bus:
        first, before = await bus.kinds(), await bus.revision()
        yield lasting_mesh
        await asyncio.to_thread(lasting_mesh.end_nodes)
        if await bus.revision() != before:
            await bus.reset(first)


@pytest.fixture
async def bus(mesh):
    """A plain NATS client on the shared mesh's bus."""
    async with connected(mesh) as bus:
        yield bus


@pytest.fixture
def own_mesh(tmp_path):
    """Starts a mesh for one test alone: `own_mesh("--app", "none")`; what it left behind fails the test."""
    started: list[Mesh] = []

    def start(*arguments: str) -> Mesh:
        mesh = Mesh(tmp_path / f"mesh{len(started)}")
        started.append(mesh)
        return mesh.up(*arguments)

    yield start
    for mesh in started:
        mesh.stop()


@pytest.fixture
def eventually():
    """Waits for something that has to be asked: `await eventually(has_it, 1.0)`; returns the seconds it took."""

    async def wait(holds: Callable, limit: float) -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not await holds():
            assert loop.time() - began < limit, f"not within {limit:g} s"
            await asyncio.sleep(0.02)
        return loop.time() - began

    return wait
