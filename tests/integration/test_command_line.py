"""The verbs against a real mesh: what goes where, and with which exit code they end."""

import asyncio
import json

import pytest
import yaml

from tests.integration.documents import entrance, reviews, stars
from tests.integration.load import ask, load

pytestmark = pytest.mark.anyio


async def test_a_dry_run_judges_and_changes_nothing(mesh, bus, tmp_path):
    before = await bus.ask("policy.get")
    file = tmp_path / "reviews.yaml"
    file.write_text(reviews(v3=100))
    done = mesh.plait("apply", "-f", str(file), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "dry run" in done.stdout
    assert await bus.ask("policy.get") == before
    file.write_text(reviews(v7=100))
    assert mesh.plait("apply", "-f", str(file), "--dry-run").returncode == 3


async def test_what_get_prints_can_be_applied_again(mesh, bus):
    await bus.apply(reviews(v1=70, v3=30))
    printed = mesh.plait("get", "-o", "yaml")
    assert printed.returncode == 0
    documents = list(yaml.safe_load_all(printed.stdout))
    assert {(one["kind"], one["metadata"]["name"]) for one in documents} == await bus.kinds()
    revision = await bus.revision()
    applied = mesh.plait("apply", "-f", "-", text=printed.stdout)
    assert applied.returncode == 0, applied.stderr
    assert "unchanged" in applied.stdout
    assert await bus.revision() == revision
    again = mesh.plait("get", "-o", "yaml")
    assert again.stdout == printed.stdout


async def test_delete_takes_a_rule_out_at_once(mesh, bus):
    await bus.apply(reviews(v1=100))
    assert {stars((await ask(mesh.http, "/productpage")).body) for _ in range(4)} == {"none"}
    done = mesh.plait("delete", "vs/reviews")
    assert done.returncode == 0, done.stderr
    assert {stars((await ask(mesh.http, "/productpage")).body) for _ in range(6)} == {"none", "black", "red"}
    assert mesh.plait("get", "VirtualService/reviews").returncode == 4
    assert mesh.plait("delete", "VirtualService/reviews").returncode == 4


async def test_delete_of_what_others_name_is_refused(mesh, bus):
    await bus.apply(reviews(v1=100))
    done = mesh.plait("delete", "DestinationRule/reviews")
    assert done.returncode == 3
    assert "reviews" in done.stderr
    assert ("DestinationRule", "reviews") in await bus.kinds()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("reviews", "/reviews/0"), 0),
        (("reviews", "/nope"), 8),
        (("nobody", "/"), 8),
        (("ratings", "/ratings/abc"), 8),
    ],
)
async def test_a_call_from_the_shell_ends_with_the_code_of_its_outcome(mesh, bus, arguments, code):
    done = mesh.plait("call", *arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if not code:
        assert json.loads(done.stdout)["id"] == "0"
        assert done.stderr == ""


async def test_a_call_carries_its_headers_and_obeys_faults(mesh, bus):
    await bus.apply(FAULTS)
    assert mesh.plait("call", "ratings", "/ratings/0", "-H", "end-user:slow", "--timeout", "0.5").returncode == 7
    assert mesh.plait("call", "ratings", "/ratings/0", "-H", "end-user:gone").returncode == 4
    assert mesh.plait("call", "ratings", "/ratings/0", "-H", "end-user:denied").returncode == 5
    assert mesh.plait("call", "ratings", "/ratings/0", "-H", "end-user:broken").returncode == 8
    posted = mesh.plait("call", "ratings", "/ratings/3", "-d", '{"Reviewer1": 1}', "-o", "json")
    assert json.loads(posted.stdout)["status"] == 200


def fault(user: str, kind: str) -> str:
    return (
        f"    - match: [{{ headers: {{ end-user: {{ exact: {user} }} }} }}]\n      fault: {{ {kind} }}\n"
        "      route: [{ destination: { host: ratings } }]\n"
    )


FAULTS = (
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: ratings }\n"
    "spec:\n  hosts: [ratings]\n  http:\n"
    + fault("slow", "delay: { percentage: { value: 100 }, fixedDelay: 5s }")
    + fault("gone", "abort: { percentage: { value: 100 }, httpStatus: 404 }")
    + fault("denied", "abort: { percentage: { value: 100 }, httpStatus: 403 }")
    + fault("broken", "abort: { percentage: { value: 100 }, httpStatus: 500 }")
    + "    - route: [{ destination: { host: ratings } }]\n"
)


async def test_the_doctor_finds_nothing_in_a_healthy_mesh(mesh):
    done = mesh.plait("check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "×" not in done.stdout  # noqa: RUF001 -- the doctor's mark


@pytest.mark.parametrize("what", ["nodes", "services", "instances", "policies"])
async def test_machine_output_is_clean(mesh, what):
    done = mesh.plait("ls", what, "-o", "json")
    assert (done.returncode, done.stderr) == (0, "")
    items = json.loads(done.stdout)["items"]
    assert items
    lines = mesh.plait("ls", what, "-o", "jsonl").stdout.splitlines()
    assert len([json.loads(line) for line in lines]) == len(items)
    assert len(list(yaml.safe_load_all(mesh.plait("ls", what, "-o", "yaml").stdout))) >= 1


async def test_a_missing_mesh_on_a_living_bus_is_exit_6(mesh):
    done = mesh.plait("ls", "nodes", "--mesh", "other", "--nats", mesh.nats)
    assert done.returncode == 6
    assert "other" in done.stderr


async def test_apply_waits_until_every_node_decides_by_the_new_revision(mesh, bus, tmp_path):
    """The request after a waiting apply obeys it, time after time."""
    mesh.node("oddities:Punctual")
    file = tmp_path / "reviews.yaml"
    for version, color in (("v1", "none"), ("v2", "black"), ("v3", "red")):
        file.write_text(reviews(**{version: 100}))
        done = await asyncio.to_thread(mesh.plait, "apply", "-f", str(file))
        assert done.returncode == 0
        assert stars((await ask(mesh.http, "/productpage")).body) == color
    await bus.apply(entrance("punctual"))
    async with load(mesh.http, "/counts", host="punctual.test") as answers:
        await answers.more(20)
    assert answers.failed == []
