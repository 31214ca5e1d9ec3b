"""A whole mesh's life: it starts, shows the page, stops without a trace, and comes back with its policy."""

import asyncio
import signal

import pytest

from tests.integration.documents import entrance, reviews, stars
from tests.integration.load import Client, ask
from tests.integration.mesh import Mesh, wait_for

pytestmark = pytest.mark.anyio


async def test_reloading_the_page_shows_every_version_of_the_reviews_in_turn(mesh):
    client = Client(mesh.http)
    seen = []
    for _ in range(9):
        page = await client.ask("/productpage")
        assert page.status == 200
        assert "Reviewer1" in page.body
        assert "Error fetching" not in page.body
        seen.append(stars(page.body))
    await client.close()
    assert set(seen) == {"none", "black", "red"}
    assert seen[:3] * 3 == seen


async def test_ctrl_c_ends_the_mesh_in_order_with_nothing_left(own_mesh):
    mesh = own_mesh()
    assert (await ask(mesh.http, "/productpage")).status == 200
    assert len(mesh.pids()) == 6, "plait up, the bus, and one process per service"
    assert mesh.read("ls", "nodes")["items"], "the run file tells other terminals where the mesh is"
    assert mesh.stop(signal.SIGINT) == 0
    assert mesh.left() == []
    assert mesh.main.err == ""


async def test_a_signal_during_the_start_leaves_nothing_either(tmp_path):
    mesh = Mesh(tmp_path)
    mesh.main = mesh.spawn("up", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    wait_for(lambda: mesh.pids("plait.cli node"), 10.0, mesh.main.told)
    assert mesh.stop() == 0
    assert mesh.left() == []


async def test_policy_in_a_state_folder_is_still_in_force_after_a_restart(own_mesh, tmp_path):
    options = ("--state", str(tmp_path / "state"), "--app", "plait.examples.bookinfo.details:Details")
    mesh = own_mesh(*options)
    mesh.apply(entrance("details"))
    before = mesh.read("get")
    assert mesh.stop() == 0
    again = own_mesh(*options)
    assert again.read("get") == before
    assert (await ask(again.http, "/details/0", headers={"host": "details.test"})).status == 200
    assert again.stop() == 0
    assert again.left() == []


async def test_a_request_under_way_is_answered_before_a_signal_ends_the_mesh(own_mesh):
    mesh = own_mesh()
    mesh.apply(reviews(v2=100) + "---\n" + SLOW_RATINGS)
    under_way = asyncio.create_task(ask(mesh.http, "/productpage"))
    await asyncio.sleep(0.3)
    ended = asyncio.create_task(asyncio.to_thread(mesh.stop))
    page = await under_way
    assert (page.status, stars(page.body)) == (200, "black")
    assert page.took > 0.9
    assert await ended == 0
    assert mesh.left() == []


SLOW_RATINGS = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ratings }
spec:
  hosts: [ratings]
  http:
    - fault: { delay: { percentage: { value: 100 }, fixedDelay: 1s } }
      route: [{ destination: { host: ratings } }]
"""
