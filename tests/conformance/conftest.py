"""A mesh with services that tell what they were sent; policies are applied by users' ways, requests are real HTTP."""

import contextlib
import sys

import nats
import pytest

from tests.integration.bus import UserBus
from tests.integration.documents import entrance
from tests.integration.load import Client
from tests.integration.mesh import Mesh

SERVICES = ("Echo", "EchoTwo", "Memory", "Flaky", "Httpbin", "Front", "FrontOfShop", *["Sharded"] * 4)


def pytest_collection_modifyitems(items):
    for item in items:
        if "conformance" in item.path.parts:
            item.add_marker(pytest.mark.process)
            if sys.platform != "linux":
                item.add_marker(pytest.mark.skip(reason="processes are looked for in /proc"))


@pytest.fixture(scope="session")
def conforming_mesh(tmp_path_factory):
    """One `plait up` with the services, for all of these tests."""
    mesh = Mesh(tmp_path_factory.mktemp("conformance")).up("--app", "none", "--locality", "eu/a/1")
    try:
        mesh.node(*(f"conformance:{name}" for name in SERVICES))
        yield mesh
    finally:
        status = mesh.stop()
    assert status == 0, mesh.main.told()
    assert mesh.left() == []


class World:
    """What a test does to the mesh: it applies policies and asks over HTTP."""

    def __init__(self, mesh, bus, http):
        self.mesh = mesh
        self.bus = bus
        self._http = http

    async def apply(self, *documents):
        """Put policies in force; they have to be taken."""
        return await self.bus.apply("---\n".join(documents))

    async def refused(self, *documents):
        """Send policies that must not be taken; the messages."""
        answer = await self.bus.ask("policy.apply", "---\n".join(documents))
        assert "errors" in answer, answer
        return [error["message"] for error in answer["errors"]]

    async def ask(self, path, method="GET", *, host="front.test", headers=None, body=b""):
        """Send one request to the gateway."""
        return await self._http.ask(path, method, {"host": host, **(headers or {})}, body)

    async def clear(self):
        """Take all policies out, what names others first."""
        items = (await self.bus.ask("policy.get"))["items"]
        order = {"VirtualService": 0, "DestinationRule": 1, "Gateway": 2}
        for one in sorted(items, key=lambda item: order.get(item["kind"], 3)):
            meta = one["metadata"]
            question = {"kind": one["kind"], "name": meta["name"], "namespace": meta.get("namespace", "default")}
            answer = await self.bus.ask("policy.delete", question)
            assert "errors" not in answer, answer


@pytest.fixture
async def world(conforming_mesh):
    """The mesh with an entrance for `front.test`, `echo.test`, `flaky.test` and `memory.test`; empty afterwards."""
    client = await nats.connect(conforming_mesh.nats, allow_reconnect=False)
    http = Client(conforming_mesh.http)
    world = World(conforming_mesh, UserBus(client, conforming_mesh.name), http)
    try:
        documents = [entrance("front")]
        documents += [
            entrance(name).partition("---\n")[2].replace("name: entrance }", f"name: {name} }}")
            for name in ("echo", "flaky", "memory")
        ]
        await world.apply(*documents)
        yield world
        with contextlib.suppress(Exception):
            await world.ask("/", "POST", host="memory.test")
    finally:
        await world.clear()
        await http.close()
        await client.close()
