"""Instances of real processes go out of rotation and come back as their checks say, and no request is lost over it."""

import asyncio

import pytest

from tests.integration.documents import entrance
from tests.integration.load import ask, load

pytestmark = pytest.mark.anyio


async def test_health_that_flips_under_load_fails_no_request_where_another_is_well(mesh, bus, eventually, tmp_path):
    files = {name: tmp_path / name for name in ("moody", "steady")}
    for name, file in files.items():
        file.write_text("")
        await asyncio.to_thread(mesh.node, "patient:Patient", "--name", name, PATIENT=str(file))
    await bus.apply(entrance("patient"))

    async def says(node, expected):
        return expected in [one["health"] for one in await bus.instances("patient") if one["node"] == node]

    async with load(mesh.http, "/", host="patient.test", connections=4) as answers:
        await answers.more(100)
        for _ in range(3):
            files["moody"].write_text("the database is away")
            await eventually(lambda: says("moody", "critical"), 5.0)
            await answers.more(40)  # those that began before the gateway heard of it
            before = len(answers.answers)
            await answers.more(100)
            assert {one.body for one in answers.answers[before:]} == {"steady"}
            files["moody"].write_text("slow")
            await eventually(lambda: says("moody", "warning"), 5.0)
            await answers.until(lambda: answers.answers[-1].body == "moody")
    assert answers.failed == []
    assert {one.body for one in answers.answers} == {"moody", "steady"}

    files["moody"].write_text("gone")
    files["steady"].write_text("")
    await eventually(lambda: says("moody", "critical"), 5.0)
    wide = await asyncio.to_thread(mesh.plait, "ls", "instances", "-o", "wide")
    assert "file: gone" in wide.stdout
    files["steady"].write_text("gone too")
    await eventually(lambda: says("steady", "critical"), 5.0)

    async def refused():
        return (await ask(mesh.http, "/", headers={"host": "patient.test"})).status == 503

    await eventually(refused, 2.0)
    answer = await ask(mesh.http, "/", headers={"host": "patient.test"})
    assert (answer.status, answer.body) == (503, "no healthy upstream")


async def test_a_node_is_ready_when_its_service_is_well_and_says_what_it_waits_for(mesh, bus, eventually, tmp_path):
    file = tmp_path / "late"
    node = mesh.spawn(
        "node", "patient:Patient", "--name", "late", "--check", "{exec: ['true'], timeout: 20}", PATIENT=str(file)
    )
    mesh.nodes.append(node)

    async def says(expected):
        return expected in [one["health"] for one in await bus.instances("patient")]

    async def told():
        return "is not ready: file: FileNotFoundError" in node.err

    await eventually(told, 20.0)
    assert await says("starting")
    assert "ready" not in node.out.splitlines()
    file.write_text("")
    await asyncio.to_thread(node.ready)
    assert await says("healthy")
    file.write_text("ill")
    await eventually(lambda: says("critical"), 5.0)
    assert await asyncio.to_thread(node.end) == 0
