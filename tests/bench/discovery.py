"""`python -m tests.bench.discovery`: how soon every proxy knows of a death and of a birth, and what looking up costs.

Deaths and births: real processes on one nats-server that tells of ended connections; five observing nodes look at their
own proxies every millisecond. Look-ups: in this process, 1,000 services of ten instances.
"""

import argparse
import asyncio
import os
import random
import signal
import tempfile
import time
from pathlib import Path

import dns.message

from plait.actors.messages.codec import encode
from plait.actors.messages.instance import Instance
from plait.actors.messages.traffic import TrafficPolicy
from plait.actors.proxy.snapshot import Directory
from plait.actors.routing.upstream import Upstream
from plait.mesh.nats_server import EmbeddedNats
from plait.registry.dns_answer import Answers
from plait.registry.dns_door import DnsOptions
from plait.registry.dns_zone import Zone
from tests.integration.mesh import Mesh

OBSERVERS = 5
COUNT = 20_000


def percentiles(values: list[float]) -> str:
    """Return median, 99th percentile and maximum in milliseconds."""
    ordered = sorted(values)
    p50, p99 = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, longest {ordered[-1] * 1000:.1f} ms"


def noted(folder: Path, word: str, node: str) -> list[float]:
    """Return when each observer noted it, in monotonic seconds."""
    lines = [line.split() for file in folder.iterdir() for line in file.read_text().splitlines()]
    return [float(line[2]) for line in lines if len(line) == 3 and line[:2] == [word, node]]


async def everywhere(folder: Path, word: str, node: str, count: int = OBSERVERS) -> list[float]:
    """Wait until so many observers noted it.

    Raises:
        TimeoutError: they did not within 10 s.
    """
    async with asyncio.timeout(10):
        while len(found := noted(folder, word, node)) < count:  # noqa: ASYNC110 - files tell of nothing
            await asyncio.sleep(0.05)
    return found


async def deaths(kills: int) -> None:
    """Kill a node so often; print how long it took until every proxy knew, and the same for each node's start."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seen = folder / "seen"
        seen.mkdir()
        async with EmbeddedNats() as server:
            mesh = Mesh(folder / "mesh")
            mesh.environment |= {"PLAIT_NATS_URL": server.url, "OBSERVED": str(seen)}
            start = lambda *words, **more: asyncio.to_thread(mesh.node, *words, **more)  # noqa: E731
            try:
                for number in (1, 2):
                    await start("registry", "policy", "--name", f"control-{number}", PLAIT_NATS_SYS=server.system_url)
                for number in range(OBSERVERS):
                    await start("observers:Observer", "--name", f"observer-{number}")
                gone: list[float] = []
                births: list[float] = []
                for number in range(kills):
                    victim = await start("observers:Observer", "--name", f"victim-{number}")
                    came = await everywhere(seen, "came", f"victim-{number}", OBSERVERS + 1)
                    (born,) = noted(seen, "born", f"victim-{number}")
                    births += [one - born for one in came]
                    at = time.monotonic()
                    os.kill(victim.pid, signal.SIGKILL)
                    victim.process.wait(5)
                    gone += [one - at for one in await everywhere(seen, "gone", f"victim-{number}")]
                    mesh.nodes.remove(victim)
            finally:
                for node in mesh.nodes:
                    node.process.terminate()
                await asyncio.to_thread(mesh.end_nodes)
    print(f"kill -9 until a proxy knows ({kills} kills x {OBSERVERS} observers): {percentiles(gone)}")
    print(f"an instance's start, its joining included, until a proxy knows: {percentiles(births)}")


def look_ups() -> None:
    """Print what it costs to find an instance of a service, and to answer its name by DNS."""
    rng = random.Random(1)
    directory, zone, table = Directory(rng), Zone(""), {}
    for service in range(1000):
        for number in range(10):
            one = Instance(
                f"i{number}", f"s{service}", "v1", {"version": "v1"}, "", f"n{number}", 1, address="10.0.0.1", port=9080
            )
            table[f"s{service}/i{number}"] = encode(one)
            directory.put(one)
    zone.apply(table, whole=True)
    names = [f"s{rng.randrange(1000)}" for _ in range(COUNT)]
    upstreams = [Upstream(name, "", {}, TrafficPolicy()) for name in names]
    begin = time.perf_counter()
    for upstream in upstreams:
        directory.cluster(upstream).pick(())
    print(f"find a service and pick one of its ten instances: {(time.perf_counter() - begin) / COUNT * 1e6:.2f} us")
    answers = Answers(zone, lambda: 7, "dns-1", rng, DnsOptions(), lambda: None)
    for kind in ("A", "SRV"):
        packets = [dns.message.make_query(f"{name}.service.plait.", kind).to_wire() for name in names[:4000]]
        often = packets[:100] * 40
        first, ours = rate(answers, packets), rate(answers, often * 2)
        made = [answers.answer(packet, False) for packet in often]
        replies = [dns.message.from_wire(one) for one in made if isinstance(one, bytes)]
        begin = time.perf_counter()
        for packet, reply in zip(often, replies, strict=True):
            dns.message.from_wire(packet)
            reply.to_wire()
        library = len(often) / (time.perf_counter() - begin)
        print(
            f"DNS {kind}: {ours:,.0f}/s of names asked often, {first:,.0f}/s of names asked four times each; dnspython "
            f"alone reads and writes {library:,.0f}/s: {ours / library:.2f} x and {first / library:.2f} x"
        )


def rate(answers: Answers, packets: list[bytes]) -> float:
    """Return how many of the packets are answered in a second."""
    begin = time.perf_counter()
    for packet in packets:
        answers.answer(packet, False)
    return len(packets) / (time.perf_counter() - begin)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=40)
    look_ups()
    asyncio.run(deaths(parser.parse_args().kills))
