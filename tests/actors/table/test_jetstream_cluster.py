"""Buckets on a cluster of real servers: copies, growth, a leader that is killed; and servers without JetStream."""

import asyncio
import contextlib
import json
import random
import time

import pytest

from plait.actors.bus import lean
from plait.actors.bus.ask import Asker
from plait.actors.loop.timer import Deadlines
from plait.actors.messages.error import MeshError, Refused
from plait.actors.messages.subject import Subjects
from plait.actors.table.jetstream import open_bucket
from plait.actors.table.store import write
from tests.cluster import Cluster

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster")).start()
    yield cluster
    cluster.stop()


@pytest.fixture
async def asker():
    """Makes askers by URL, and closes their buses in the end."""
    buses = []

    async def made(url):
        bus = await lean.connect(url, "test", rng=random.Random(1))
        asker = Asker(bus, Subjects("m"), "node", Deadlines(asyncio.get_running_loop()))
        await bus.flush()
        buses.append((bus, asker))
        return asker

    yield made
    for bus, asker in buses:
        asker.close()
        await bus.close()
        asker.deadlines.close()


async def copies(store):
    answer = await store._api(f"STREAM.INFO.{store._stream}")
    return answer.config["num_replicas"]


async def test_a_bucket_of_a_cluster_is_on_three_servers(asker, cluster):
    assert await copies(await open_bucket(await asker(cluster.url), "three", replicas=3)) == 3


async def test_a_bucket_of_one_copy_grows_and_keeps_what_it_holds(asker, cluster):
    one = await asker(cluster.url)
    store = await open_bucket(one, "grows")
    revisions = [await store.create(f"k{number}", b"v%d" % number) for number in range(20)]
    grown = await open_bucket(one, "grows", replicas=3)
    async with asyncio.timeout(10):
        while True:  # it has no leader for a moment
            with contextlib.suppress(MeshError):
                entries, revision = await grown.entries()
                break
    assert await copies(grown) == 3
    assert [(one.value, one.revision) for one in entries] == [
        (value, at) for _, value, at in sorted((f"k{n}", b"v%d" % n, revisions[n]) for n in range(20))
    ]
    assert revision == revisions[-1]
    assert await copies(await open_bucket(one, "grows")) == 3  # never fewer than somebody gave it


async def test_one_server_alone_keeps_the_one_copy_that_it_can(asker, nats_server, caplog):
    store = await open_bucket(await asker(nats_server.url), "alone", replicas=3)
    assert await copies(store) == 1
    assert "on one server alone" in caplog.text


@pytest.mark.parametrize(
    "config",
    [
        "accounts { A { users: [ { user: a, password: a } ] }, B { jetstream: enabled } }\nno_auth_user: a",
        None,
    ],
)
async def test_a_bus_without_jetstream_is_refused_with_what_to_set(asker, start_nats, config, monkeypatch):
    if config is None:
        monkeypatch.setattr("tests.conftest.NatsServer.JETSTREAM", "")
    started = time.monotonic()
    with pytest.raises(Refused, match=r"set jetstream \{ store_dir: DIR, sync_interval: always \}"):
        await open_bucket(await asker(start_nats(config or "").url), "none")
    assert time.monotonic() - started < 6


async def test_no_acknowledged_write_is_lost_when_the_server_that_leads_is_killed(asker, cluster):
    one = await asker(cluster.members[0].url)
    store = await open_bucket(one, "killed", replicas=3)
    acknowledged = {}

    async def steadily():
        number = 0
        while True:
            number += 1
            with contextlib.suppress(MeshError):
                acknowledged[f"k{number}"] = await write(store, f"k{number}", b"v%d" % number, 0)
            await asyncio.sleep(0.001)

    writing = asyncio.ensure_future(steadily())
    await asyncio.sleep(0.2)
    leads = (await _leader(store)) or "n1"
    leader = cluster.members[int(leads[1:])]
    before = len(acknowledged)
    leader.kill()
    async with asyncio.timeout(15):
        while len(acknowledged) < before + 100:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    writing.cancel()
    entries, _ = await store.entries()
    found = {one.key: (one.value, one.revision) for one in entries}
    assert {key: (b"v" + key[1:].encode(), at) for key, at in acknowledged.items()}.items() <= found.items()


async def _leader(store):
    subject = f"$JS.API.STREAM.INFO.{store._stream}".encode()
    return json.loads(await store._asker.ask("jetstream", subject, b"", 2.0))["cluster"].get("leader")
