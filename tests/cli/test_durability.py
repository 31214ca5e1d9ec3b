"""What the doctor finds about JetStream: copies in a cluster, lazy writes, and what cannot be seen."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from plait.actors.bus import lean
from tests.cluster import Cluster

pytestmark = pytest.mark.process

Plait = Callable[..., Result]

ACCOUNTS = (
    "accounts { SYS { users: [ { user: sys, password: s } ] }\n"
    "M { jetstream: enabled, users: [ { user: m, password: m } ] } }\n"
    "system_account: SYS\nno_auth_user: m"
)


def found(plait: Plait, *flags: str) -> dict[str, dict[str, str]]:
    told = plait("check", "-o", "json", *flags)
    return {one["check"]: one for one in json.loads(told.stdout)["items"]}


def make(url: str, copies: int) -> None:
    """Make the two buckets of the mesh, as an older plait or an operator would."""

    async def run() -> None:
        bus = await lean.connect(url, "maker")
        answers: list[Any] = []
        bus.inbox(b"_INBOX.made")
        for name in ("registry", "policy"):
            stream = f"KV_plait-cli-test-{name}"
            config = {"name": stream, "subjects": [f"$KV.{stream}.>"], "num_replicas": copies}
            count = len(answers)
            bus.request(
                f"$JS.API.STREAM.CREATE.{stream}".encode(), json.dumps(config).encode(), b"_INBOX.made", answers.append
            )
            while len(answers) == count:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        await bus.close()

    asyncio.run(run())


def test_writes_that_reach_the_disk_late_are_seen_by_the_system_account_alone(plait: Plait, start_nats: Any) -> None:
    server = start_nats(ACCOUNTS)
    make(server.url, 1)
    always = found(plait, "--nats", server.url, "--nats-sys", server.url_for("sys:s"))
    assert always["sync_interval"]["verdict"] == "good"
    assert always["registry bucket"]["verdict"] == always["policy bucket"]["verdict"] == "good"
    unseen = found(plait, "--nats", server.url)["sync_interval"]
    assert (unseen["verdict"], unseen["message"][:7]) == ("warning", "unknown")
    assert "sync_interval: always" in unseen["hint"]
    denied = found(plait, "--nats", server.url, "--nats-sys", server.url_for("sys:wr0ng"))["sync_interval"]
    assert denied["verdict"] == "warning"
    assert "wr0ng" not in str(denied)


def test_a_lazy_server_is_named(plait: Plait, start_nats: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tests.conftest.NatsServer.JETSTREAM", 'jetstream {{ store_dir: "{}/js" }}\nserver_name: "lazy-1"'
    )
    server = start_nats(ACCOUNTS)
    lazy = found(plait, "--nats", server.url, "--nats-sys", server.url_for("sys:s"))["sync_interval"]
    assert lazy["verdict"] == "warning"
    assert "lazy-1 (120 s)" in lazy["message"]
    assert "sync_interval: always" in lazy["hint"]


def test_a_bus_without_jetstream_fails_with_what_to_set(
    plait: Plait, start_nats: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.conftest.NatsServer.JETSTREAM", "")
    none = found(plait, "--nats", start_nats().url)["jetstream"]
    assert none["verdict"] == "failed"
    assert "store_dir" in none["hint"]


def test_too_few_copies_in_a_cluster_are_warned_of(plait: Plait, tmp_path: Any) -> None:
    cluster = Cluster(tmp_path).start()
    try:
        make(cluster.url, 1)
        few = found(plait, "--nats", cluster.url)["registry bucket"]
        assert (few["verdict"], few["message"][:6]) == ("warning", "1 copy")
        assert "--replicas 3" in few["hint"]
    finally:
        cluster.stop()
