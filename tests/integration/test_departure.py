"""An instance that leaves, killed or in order: callers fail over, the registry forgets it, no request is lost."""

import asyncio
import os
import signal
import time

import pytest

from tests.integration.documents import entrance
from tests.integration.load import ask, load

pytestmark = pytest.mark.anyio

RATINGS = "plait.examples.bookinfo.ratings:Ratings"
PATH = "/api/v1/products/0/ratings"
DIRECT = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: direct }
spec:
  hosts: [ratings.test]
  gateways: [bookinfo-gateway]
  http: [{ route: [{ destination: { host: ratings } }] }]
"""


async def test_killing_one_of_two_ratings_nodes_fails_no_get_and_is_known_within_a_second(mesh, bus, eventually):
    node = mesh.node(RATINGS, "--name", "doomed")
    assert len(await bus.instances("ratings")) == 2

    async def forgotten():
        return all(one["node"] != "doomed" for one in await bus.instances("ratings"))

    async with load(mesh.http, PATH, connections=8) as answers:
        await answers.more(200)
        os.kill(node.pid, signal.SIGKILL)
        killed = time.monotonic()
        took = await eventually(forgotten, 1.0)
        await answers.until(lambda: len(answers.since(killed)) >= 300, 20.0)
    node.process.wait(5)
    assert answers.failed == []
    assert len(answers.since(killed)) >= 300
    assert took < 1.0
    slowest = max(one.took for one in answers.since(killed - 0.5))
    assert slowest < 1.5, "a caller waited for the dead instance"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_ending_one_of_two_ratings_nodes_loses_no_request(mesh, bus, method):
    await bus.apply(DIRECT)
    node = mesh.node(RATINGS, "--name", f"leaving-{method.lower()}")
    body = b'{"Reviewer1": 5, "Reviewer2": 4}' if method == "POST" else b""
    async with load(mesh.http, "/ratings/7", method, body, connections=8, host="ratings.test") as answers:
        await answers.more(200)
        served = {one.headers["x-plait-upstream"] for one in answers.answers}
        assert len(served) == 2, "both instances had their share"
        node.process.send_signal(signal.SIGTERM)
        await answers.until(lambda: node.process.poll() is not None)
        gone = time.monotonic()
        await answers.more(200)
    assert node.process.returncode == 0, node.told()
    assert answers.failed == []
    assert len({one.headers["x-plait-upstream"] for one in answers.since(gone)}) == 1
    assert all(one["node"] != f"leaving-{method.lower()}" for one in await bus.instances("ratings"))


async def test_draining_one_of_two_ratings_nodes_by_the_command_line_loses_no_request_and_ends_its_process(mesh, bus):
    node = mesh.node(RATINGS, "--name", "drained")
    async with load(mesh.http, PATH, connections=8) as answers:
        await answers.more(200)
        done = await asyncio.to_thread(mesh.plait, "drain", "drained")
        await answers.more(200)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("drained is drained: 1 instance in ")
    assert node.process.wait(5) == 0, node.told()
    assert answers.failed == []
    assert all(one["node"] != "drained" for one in await bus.instances("ratings"))
    nobody = await asyncio.to_thread(mesh.plait, "drain", "drained")
    assert (nobody.returncode, "no node 'drained'" in nobody.stderr) == (4, True)
    control = next(one["node"] for one in await bus.instances("plait-registry"))
    refused = await asyncio.to_thread(mesh.plait, "drain", control)
    assert (refused.returncode, "control plane of `plait up`" in refused.stderr) == (3, True)
    assert (await asyncio.to_thread(mesh.plait, "status")).returncode == 0


async def test_a_slow_request_in_hand_is_answered_before_its_node_ends(mesh, bus):
    node = mesh.node("oddities:Slow")
    await bus.apply(entrance("slow"))
    first = asyncio.create_task(ask(mesh.http, "/work", headers={"host": "slow.test"}))
    await asyncio.sleep(0.2)
    node.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.2)
    second = await ask(mesh.http, "/work", headers={"host": "slow.test"})
    answer = await first
    assert (answer.status, answer.body) == (200, "done")
    assert second.status == 503, "it took nothing new"
    assert node.process.wait(5) == 0


async def test_a_replacement_takes_over_when_the_last_instance_was_killed(mesh, bus, eventually):
    """`plait up` starts its services again when they die."""

    async def two_lives():
        found = await bus.instances("details")
        return len(found) == 1 and found[0]["id"] != before[0]["id"]

    before = await bus.instances("details")
    (pid,) = mesh.pids("details:Details")
    os.kill(pid, signal.SIGKILL)
    await eventually(two_lives, 15.0)
    assert mesh.pids("details:Details") != [pid]
    async with load(mesh.http, "/productpage") as pages:
        await pages.more(20)
    assert pages.failed == []
    assert all("Error fetching" not in page.body for page in pages.answers)
