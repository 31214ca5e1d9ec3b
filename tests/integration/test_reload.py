"""`plait up -f FILE --reload`, real processes: changes under load fail no request, what is broken changes nothing."""

import asyncio
from pathlib import Path

import pytest

from tests.integration.load import Client
from tests.integration.mesh import wait_for

pytestmark = pytest.mark.anyio

GREET = """
from plait.actors import Service, get
from words import WORD

class {name}(Service, name="{service}", version="v1"):
    @get("/{service}")
    async def word(self) -> dict:
        return {{"word": WORD}}
"""
ROUTES = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: g}
spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: greet}
spec: {hosts: ["*"], gateways: [g], http: [{route: [{destination: {host: greet}}]}]}
"""
FILE = """
policies: [routes.yaml]
services:
  greet: {target: "greet:Greet", replicas: 2}
"""


def write(path: Path, text: str) -> None:
    """As editors do: a new file takes the old one's place."""
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    write(folder / "greet.py", GREET.format(name="Greet", service="greet"))
    write(folder / "other.py", GREET.format(name="Other", service="other"))
    write(folder / "words.py", 'WORD = "first"')
    write(folder / "routes.yaml", ROUTES)
    write(folder / "mesh.yaml", FILE)
    return folder


async def test_code_and_file_change_under_load_without_a_failed_request(own_mesh, folder):
    mesh = await asyncio.to_thread(own_mesh, "-f", str(folder / "mesh.yaml"), "--reload")

    async def told(text: str, count: int = 1) -> None:
        await asyncio.to_thread(wait_for, lambda: mesh.main.err.count(text) >= count, 20.0, mesh.main.told)

    statuses: dict[int, int] = {}
    words: list[str] = []

    async def load() -> None:
        client = Client(mesh.http)
        try:
            while True:
                answer = await client.ask("/greet")
                statuses[answer.status] = statuses.get(answer.status, 0) + 1
                words.append(answer.body)
                await asyncio.sleep(0.005)
        finally:
            await client.close()

    loads = [asyncio.ensure_future(load()) for _ in range(4)]
    try:
        write(folder / "words.py", 'WORD = "second"')
        await told("greet runs as it stands now")
        await asyncio.to_thread(wait_for, lambda: all("second" in one for one in words[-20:]), 5.0)

        write(folder / "words.py", "WORD = 1 / 0  # fails when it is imported")
        await told("the last good code goes on serving")
        assert f'File "{folder}/words.py", line 1' in mesh.main.err
        assert "ZeroDivisionError" in mesh.main.err
        assert "second" in words[-1]

        write(folder / "mesh.yaml", FILE.replace("replicas", "replicaz"))
        await told("mesh.yaml is not valid")
        assert "did you mean $.services.greet.replicas?" in mesh.main.err
        assert len(mesh.pids("greet:Greet")) == 2

        write(folder / "words.py", 'WORD = "third"')
        await told("greet runs as it stands now", 2)
        added = FILE.replace("replicas: 2", "replicas: 1") + '  other: {target: "other:Other"}\n'
        write(folder / "mesh.yaml", added)
        await told("other runs as it stands now")
        await asyncio.to_thread(wait_for, lambda: len(mesh.pids("greet:Greet")) == 1, 10.0)
        write(folder / "mesh.yaml", FILE.replace("replicas: 2", "replicas: 1"))
        await told("other leaves")
        await asyncio.to_thread(wait_for, lambda: not mesh.pids("other:Other"), 10.0)
        await asyncio.to_thread(wait_for, lambda: "third" in words[-1], 5.0)
    finally:
        for one in loads:
            one.cancel()
        await asyncio.gather(*loads, return_exceptions=True)
    assert set(statuses) == {200}, statuses
    assert statuses[200] > 50
    assert mesh.stop() == 0, mesh.main.told()
    assert mesh.left() == []


async def test_all_mistakes_of_a_file_end_up_with_2_and_nothing_is_started(own_mesh, tmp_path):
    (tmp_path / "mesh.yaml").write_text("gatway: {}\nservices: {a: {replicas: 2}}\n")
    with pytest.raises(AssertionError, match=r"(?s)mesh.yaml:1: .*mesh.yaml:2: .*2 mistakes"):
        await asyncio.to_thread(own_mesh, "-f", str(tmp_path / "mesh.yaml"))
