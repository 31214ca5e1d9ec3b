"""`python -m tests.bench.scale`: how the registry's work grows with the mesh: simulated nodes of fifty instances.

Traffic and bytes are counted on the simulated bus; times are virtual (lines of 0.1 to 1 ms a hop), processor time and
memory are this process's own, divided by the nodes that it plays.
"""

import argparse
import asyncio
import gc
import resource
import statistics
import time

from plait.actors import Service, get
from plait.testing import SimNode, Simulation, simulate

PER_NODE = 50
"""Instances of each node; every service has ten."""
COPIES = 10
STEADY = 30.0
"""Virtual seconds that are counted once all nodes agree."""
JOINS = 40


def service(number: int) -> type[Service]:
    """Return one of a thousand services."""

    @get("/")
    def hello(self: Service) -> str:
        return "hello"

    return type(f"S{number}", (Service,), {"hello": hello}, name=f"s{number}")  # type: ignore[call-overload, no-any-return]


def plan(count: int) -> list[SimNode]:
    """Return `count` nodes whose services overlap so that each has ten instances."""
    kinds = [service(number) for number in range(count * PER_NODE // COPIES)]
    step = len(kinds) // count
    return [
        SimNode(f"n{node}", runs=tuple(kinds[(node * step + one) % len(kinds)] for one in range(PER_NODE)))
        for node in range(count)
    ]


def everywhere(sim: Simulation) -> bool:
    """Return whether every node has the registry's newest revision."""
    revision = max(host.node.registry.revision for host in sim.hosts if host.node is not None)
    return all(host.node is not None and host.node.registry.revision == revision for host in sim.hosts)


async def watch(sim: Simulation) -> tuple[float, float, float, list[float], int]:
    """Return messages and kB a virtual second, CPU ms a second and node, seconds of each change, instances."""
    await asyncio.sleep(10.0)
    carried, size, busy = sim.server.counts["carried"], sim.server.counts["bytes"], time.process_time()
    await asyncio.sleep(STEADY)
    busy = time.process_time() - busy
    messages = (sim.server.counts["carried"] - carried) / STEADY
    size = (sim.server.counts["bytes"] - size) / STEADY
    took: list[float] = []
    for number in range(JOINS):  # one instance goes, as by a rolling restart, and is seen to be gone everywhere
        node = sim.node(f"n{number % (len(sim.hosts) - 4)}")
        hosted = node._hosted[number % PER_NODE]
        before = max(host.node.registry.revision for host in sim.hosts if host.node is not None)
        begin = sim.now
        elsewhere(node, hosted)
        while not (  # noqa: ASYNC110 - in virtual time
            everywhere(sim) and sim.hosts[0].node.registry.revision > before  # type: ignore[union-attr]
        ):
            await asyncio.sleep(0.0005)
        took.append(sim.now - begin)
        await asyncio.sleep(0.2)
    nodes = len(sim.hosts)
    return messages, size / 1000, busy * 1000 / STEADY / nodes, took, len(sim.client.hosting.proxy.instances)


def elsewhere(node: object, hosted: object) -> None:
    """Have one instance drain, on its own node's loop."""
    loop = node.ground.loop  # type: ignore[attr-defined]
    loop.arrive(lambda: loop.create_task(hosted.drain()))  # type: ignore[attr-defined]


def main(sizes: list[int]) -> None:
    """Print one line for each size."""
    print("nodes instances  messages/s     kB/s  CPU ms/s/node  MiB/node  change everywhere p50 / p99 (ms)   took")
    for count in sizes:
        gc.collect()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begin = time.perf_counter()
        run = simulate(watch, nodes=plan(count), gateways=0, limit=3600.0)
        messages, size, busy, took, instances = run.result
        memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 / count
        p50, p99 = statistics.median(took) * 1000, sorted(took)[int(len(took) * 0.99)] * 1000
        print(
            f"{count:5} {instances:9,} {messages:11,.0f} {size:8,.1f} {busy:14.2f} {memory:9.1f} "
            f"{p50:24.1f} / {p99:.1f}   {time.perf_counter() - begin:18.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", default="25,50,100", help="sizes, smallest first; 200 takes some 6 GiB")
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    main([int(one) for one in parser.parse_args().nodes.split(",")])
