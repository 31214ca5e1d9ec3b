"""Meshes on which faults are played; `make test` leaves these tests out, `make test-faults` runs them."""

import sys

import pytest

from tests.faults.scene import Scene


def pytest_collection_modifyitems(items):
    for item in items:
        if "faults" in item.path.parts:
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.process)
            if sys.platform != "linux":
                item.add_marker(pytest.mark.skip(reason="processes are looked for in /proc"))


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def scene(anyio_backend, tmp_path_factory):
    """One mesh for all faults that it survives: every one of them."""
    scene = Scene(tmp_path_factory.mktemp("scene"))
    try:
        await scene.open()
        yield scene
    finally:
        await scene.close()
    assert scene.mesh.left() == []
