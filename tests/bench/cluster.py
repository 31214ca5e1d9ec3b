"""`python -m tests.bench.cluster`: a mesh on three NATS servers, of which one is killed or leaves; what clients notice.

Two instances of ratings behind the gateway of `plait up`, GETs on 16 connections, about 500 a second.
"""

import argparse
import asyncio
import itertools
import json
import tempfile
import time
from pathlib import Path

import nats

from tests.bench.reliability import CONNECTIONS, PAUSE, RATINGS, seconds, told
from tests.cluster import Cluster, Member
from tests.integration.bus import UserBus
from tests.integration.documents import entrance
from tests.integration.load import Load, load
from tests.integration.mesh import Mesh

_number = itertools.count()


def busiest(cluster: Cluster) -> Member:
    """Return the server that most of the mesh's connections go to."""
    return max(cluster.members, key=lambda one: one.clients())


def steadily(mesh: Mesh) -> object:
    """Ask steadily."""
    return load(mesh.http, "/ratings/7", host="ratings.test", connections=CONNECTIONS, pause=PAUSE)


async def answers_again(url: str, at: float) -> tuple[float, float]:
    """Return the seconds from `at` until both tables are read, and until a policy is taken."""

    async def expected(error: Exception) -> None:
        """One server is gone on purpose."""

    client = await nats.connect(url.split(","), error_cb=expected)
    bus = UserBus(client)

    async def read() -> bool:
        try:
            found = await bus.ask("registry.resolve", {"service": "ratings"}, 0.3)
            return len(found["instances"]) == 2 and (await bus.ask("policy.get", limit=0.3))["revision"] > 0
        except Exception:  # no answer yet
            return False

    async def written() -> bool:
        try:
            await bus.apply(entrance("ratings").replace('["*"]', f'["*", "round-{next(_number)}.test"]'))
        except Exception:  # refused: no leader yet
            return False
        return True

    try:
        return await seconds(read, at, 30.0), await seconds(written, at, 30.0)
    finally:
        await client.close()


async def leader(cluster: Cluster) -> Member:
    """Return the server that leads the policies' bucket."""
    client = await nats.connect(cluster.url.split(","))
    try:
        answer = await client.request("$JS.API.STREAM.INFO.KV_plait-default-policy", b"", timeout=5)
        return cluster.members[int(json.loads(answer.data)["cluster"]["leader"].removeprefix("n"))]
    finally:
        await client.close()


async def killed(cluster: Cluster, mesh: Mesh, victim: Member) -> str:
    """kill -9 of a server."""
    connections = victim.clients()
    async with steadily(mesh) as answers:  # type: ignore[attr-defined]
        await answers.more(500)
        at = time.monotonic()
        victim.kill()
        read, written = await answers_again(cluster.url, at)
        await answers.more(1000)
    cluster.start()
    return (
        f"{failures(answers, at)}, {told(answers, at)}; {connections} connections were there; "
        f"tables read after {read:.2f} s, written after {written:.2f} s"
    )


async def left(cluster: Cluster, mesh: Mesh) -> str:
    """The busiest server goes into lame duck mode."""
    leaving = busiest(cluster)
    connections = leaving.clients()
    async with steadily(mesh) as answers:  # type: ignore[attr-defined]
        await answers.more(500)
        at = time.monotonic()
        leaving.leave()

        async def empty() -> bool:
            return leaving.clients() == 0

        took = await seconds(empty, at, 20.0)
        await answers.more(500)
    leaving.kill()
    cluster.start()
    return f"{failures(answers, at)}, {told(answers, at)}; {connections} connections had moved after {took:.2f} s"


def failures(answers: Load, at: float) -> str:
    """How long requests failed for, if any did."""
    failed = [one for one in answers.since(at - 1.0) if one.status != 200]
    last = max((one.sent for one in failed), default=at)
    return f"the last that failed began {max(0.0, last - at):.2f} s after" if failed else "none after it"


async def main(rounds: int) -> None:
    """Play both so often, and print a line for each."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder) / "cluster").start()
        try:
            mesh = Mesh(Path(folder) / "mesh").up("--app", "none", "--nats", cluster.url)
            try:
                for name in ("one", "two"):
                    mesh.node(RATINGS, "--name", name)
                mesh.apply(entrance("ratings"))
                for _ in range(rounds):
                    print(f"lame duck of one of three servers  {await left(cluster, mesh)}", flush=True)
                    await asyncio.sleep(2.0)
                    for what in ("busiest", "leading"):
                        victim = busiest(cluster) if what == "busiest" else await leader(cluster)
                        print(f"kill -9 of the {what} one of three {await killed(cluster, mesh, victim)}", flush=True)
                        await asyncio.sleep(2.0)
            finally:
                mesh.stop()
        finally:
            cluster.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    asyncio.run(main(parser.parse_args().rounds))
