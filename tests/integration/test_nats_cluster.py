"""A mesh on a cluster of three NATS servers, one of which leaves or is killed under load."""

import time

import pytest

from tests.cluster import Cluster
from tests.integration.documents import entrance
from tests.integration.load import load
from tests.integration.mesh import Mesh

pytestmark = pytest.mark.anyio

RATINGS = "plait.examples.bookinfo.ratings:Ratings"
ACCOUNTS = """
accounts { SYS { users: [ { user: sys, password: s } ] }
M { jetstream: enabled, users: [ { user: m, password: m } ] } }
system_account: SYS
no_auth_user: m
"""


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path / "cluster", ACCOUNTS).start()
    yield cluster
    cluster.stop()


@pytest.fixture
def mesh(cluster, tmp_path):
    """A control plane and two instances of ratings, on the cluster."""
    mesh = Mesh(tmp_path / "mesh")
    system = ",".join(one.url_for("sys:s") for one in cluster.members)
    mesh.up("--nats", cluster.url, "--nats-sys", system, "--app", "none")
    for name in ("one", "two"):
        mesh.node(RATINGS, "--name", name)
    mesh.apply(entrance("ratings"))
    yield mesh
    assert mesh.stop() == 0


async def test_a_server_that_is_killed_costs_what_it_held_and_one_that_leaves_costs_nothing(cluster, mesh, eventually):
    def steadily():
        return load(mesh.http, "/ratings/7", connections=8, host="ratings.test", pause=0.01)

    victim = max(cluster.members, key=lambda one: one.clients())
    async with steadily() as answers:
        await answers.more(100)
        killed = time.monotonic()
        victim.kill()
        await answers.until(lambda: len(answers.since(killed + 0.5)) > 200, 20.0)
    assert [one for one in answers.failed if one.sent > killed + 0.3 or one.sent + one.took < killed] == []

    mesh.node(RATINGS, "--name", "three")  # the registry's table takes a write

    async def applied():  # and so does the policies', once JetStream has elected a leader for it
        return (
            mesh.plait("apply", "-f", "-", text=entrance("ratings").replace("ratings.test", "ratings.again")).returncode
            == 0
        )

    await eventually(applied, 15.0)
    mesh.apply(entrance("ratings"))
    assert {one["node"] for one in mesh.read("ls", "instances")["items"]} >= {"one", "two", "three"}

    leaving = max((one for one in cluster.members if one is not victim), key=lambda one: one.clients())

    async def left():
        return leaving.clients() == 0

    async with steadily() as answers:
        await answers.more(100)
        assert leaving.clients() > 0
        leaving.leave()
        await eventually(left, 10.0)
        await answers.more(200)
    assert answers.failed == []
