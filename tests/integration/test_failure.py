"""What goes wrong: handlers that raise, services that cannot start, no bus, a port in use, a bus that dies."""

import os
import signal
import socket
import time

import pytest

from tests.integration.documents import entrance
from tests.integration.load import Answer, Client, ask, load
from tests.integration.mesh import Mesh

pytestmark = pytest.mark.anyio

BOOK = "plait.examples.bookinfo.details:Details"


def well(page: Answer) -> bool:
    """Whether it is a page with all its parts."""
    return page.status == 200 and "Error fetching" not in page.body


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("path", ["/raise", "/raise-later"])
async def test_a_handler_that_raises_is_a_500_with_the_request_id_and_the_next_is_served(mesh, bus, eventually, path):
    mesh.node("oddities:Fragile")
    await bus.apply(entrance("fragile"))
    client, headers = Client(mesh.http), {"host": "fragile.test"}
    before = await client.ask("/fine", headers=headers)
    broken = await client.ask(path, headers=headers)
    after = await client.ask("/fine", headers=headers)
    await client.close()
    assert (before.status, broken.status, after.status) == (200, 500, 200)
    assert before.body == after.body, "the process lives on"
    request = broken.headers["x-request-id"]
    assert request in broken.body
    assert "broke" not in broken.body, "what went wrong inside is not told outside"
    trace = broken.headers["traceparent"].split("-")[1]

    async def seen():
        spans = (await bus.ask("trace.show", {"id": trace})).get("spans", ())
        inner = [one for one in spans if one["service"] == "fragile"]
        return inner and any("the fragile service broke" in str(one["events"]) for one in inner)

    await eventually(seen, 3.0)


async def test_a_service_that_restarts_on_error_serves_the_next_request_in_a_new_life(mesh, bus):
    mesh.node("oddities:Phoenix")
    await bus.apply(entrance("phoenix"))
    client, headers = Client(mesh.http), {"host": "phoenix.test"}
    counts = [(await client.ask("/count", headers=headers)).body for _ in range(2)]
    broken = await client.ask("/raise", headers=headers)
    again = await client.ask("/count", headers=headers)
    await client.close()
    assert counts == ["1", "2"]
    assert broken.status == 500
    assert (again.status, again.body) == (200, "1")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("oddities:Stillborn", "no such database"),
        ("no_such_module:Service", "no_such_module"),
        ("oddities:Missing", "Missing"),
        ("oddities:NOT_A_SERVICE", "not a subclass"),
    ],
)
async def test_a_target_that_cannot_start_is_one_clear_error(mesh, target, words):
    node = mesh.spawn("node", target)
    assert node.process.wait(15) == 1, node.told()
    assert words in node.err
    assert "Traceback" not in node.err
    assert "ready" not in node.out


async def test_a_mesh_whose_service_cannot_start_ends_and_leaves_nothing(tmp_path):
    mesh = Mesh(tmp_path)
    mesh.main = mesh.spawn("up", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--app", "oddities:Stillborn")
    assert mesh.main.process.wait(30) == 1
    assert "no such database" in mesh.main.err
    assert "ready" not in mesh.main.out
    assert mesh.stop() == 1
    assert mesh.left() == []


@pytest.mark.parametrize(
    "verb", [("ls", "nodes"), ("get",), ("call", "x", "/"), ("node", "registry"), ("node", BOOK), ("up",), ("check",)]
)
async def test_without_a_bus_a_verb_says_so_in_one_line_within_three_seconds(tmp_path, verb):
    mesh = Mesh(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening: connections are refused
        url = f"nats://127.0.0.1:{taken.getsockname()[1]}"
        extra = ("--http", "127.0.0.1:0", "--admin", "127.0.0.1:0") if verb == ("up",) else ()
        began = time.monotonic()
        done = mesh.plait(*verb, "--nats", url, *extra)
        took = time.monotonic() - began
    assert done.returncode == 6 if verb != ("check",) else done.returncode in (3, 6), done.stderr
    assert took < 3.0
    if verb != ("check",):
        assert url in done.stderr
        assert len([line for line in lines(done.stderr) if line.startswith("error:")]) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("flag", ["--http", "--admin"])
async def test_a_port_in_use_is_one_clear_line_and_nothing_stays(tmp_path, flag):
    mesh = Mesh(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        other = "--admin" if flag == "--http" else "--http"
        mesh.main = mesh.spawn("up", flag, address, other, "127.0.0.1:0", "--app", BOOK)
        assert mesh.main.process.wait(20) == 1, mesh.main.told()
    told = lines(mesh.main.err)
    assert len(told) <= 2
    assert told[0].startswith("error:")
    assert address in told[0]
    assert "in use" in told[0]
    assert mesh.stop() == 1
    assert mesh.left() == []


async def test_a_bus_that_dies_comes_back_and_so_does_everything_on_it(own_mesh, eventually):
    mesh = own_mesh()
    before = {one["name"]: one["instances"] for one in mesh.read("ls", "services")["items"]}
    (pid,) = mesh.pids("nats-server")
    async with load(mesh.http, "/productpage", connections=2, pause=0.02) as pages:
        await pages.more(20)
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        await pages.until(lambda: any(map(well, pages.since(killed))), 5.0)
        back = time.monotonic()
        await pages.more(40)
    assert all(map(well, pages.since(back)))
    assert all(page.took < 5.0 for page in pages.answers)

    async def whole():
        return {one["name"]: one["instances"] for one in mesh.read("ls", "services")["items"]} == before

    await eventually(whole, 5.0)
    assert (await ask(mesh.admin, "/readyz")).status == 200
    assert mesh.stop() == 0
    assert mesh.left() == []
