"""`python -m tests.bench.balancing`: what a pick costs by each balancer, and what tables, rings and endpoints take.

In this process, through the cluster as calls pick: the median of several rounds, which take turns among the balancers.
"""

import gc
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

from plait.actors.balancing.maglev import Maglev
from plait.actors.balancing.ring import Ring
from plait.actors.loop.slice import Steps
from plait.actors.messages.envelope import VERSION, ReplyFrame
from plait.actors.messages.hashing import ConsistentHash, HashSource
from plait.actors.messages.instance import Instance
from plait.actors.messages.load import LoadReport
from plait.actors.messages.resilience import Balancing, Resilience
from plait.actors.messages.traffic import Balancer, TrafficPolicy
from plait.actors.proxy.call import Call, Caller
from plait.actors.proxy.cluster import Cluster
from plait.actors.proxy.endpoint import Endpoint
from plait.actors.proxy.share import Around
from plait.actors.proxy.snapshot import Directory
from plait.actors.routing.upstream import Upstream

from .report import verdict

ROUNDS, PICKS = 9, 4000
USER = HashSource.HEADER
RING, TABLE = ConsistentHash(USER, "x-user"), ConsistentHash(USER, "x-user", table=65_537)
WAYS: tuple[tuple[str, float, Balancing, ConsistentHash | None], ...] = (
    ("round robin", 1.0, Balancing(Balancer.ROUND_ROBIN), None),
    ("random", 1.0, Balancing(Balancer.RANDOM), None),
    ("least request", 1.0, Balancing(Balancer.LEAST_REQUEST), None),
    ("peak EWMA", 3.0, Balancing(Balancer.PEAK_EWMA), None),
    ("reported load", 3.0, Balancing(Balancer.REPORTED_LOAD), None),
    ("ring", 3.0, Balancing(), RING),
    ("ring, bounded", 3.0, Balancing(bound=1.25), RING),
    ("maglev", 3.0, Balancing(), TABLE),
    ("rendezvous", 3.0, Balancing(rendezvous=True), RING),
)
SIZES = (3, 10, 100, 1000)


def cluster_of(count: int, heavy: float, balancing: Balancing, hashed: ConsistentHash | None) -> Cluster:
    """A cluster of instances that have been called for a while, every other one of weight `heavy`."""
    rng = random.Random(1)
    directory = Directory(rng, around=Around(clock=time.monotonic))
    for number in range(count):
        directory.put(
            Instance(f"reviews-{number:x}", "s", "v1", {}, "", f"n-{number}", 1, weight=heavy if number % 2 else 1.0)
        )
    policy = TrafficPolicy(hash=hashed)
    cluster = directory.cluster(Upstream("s", "", {}, policy, resilience=Resilience("", "", "", balancing)))
    now = time.monotonic()
    for one in cluster.members:
        cluster.record(one, ReplyFrame(VERSION, 200, [], b""), rng.uniform(0.01, 0.05))
        one.active = rng.randrange(1, 4)
        one.load, one.loaded_at = LoadReport(rate=100.0, utilization=rng.uniform(0.2, 0.8)), now - 15.0
    return cluster


def calls(cluster: Cluster) -> list[Call]:
    """Calls of many users."""
    caller = Caller("bench-1", "bench")
    made = []
    for number in range(PICKS):
        call = Call(caller, number, "s", "GET", "/", "", "s", [("x-user", f"user-{number}")], b"", {}, "")
        call.cluster = cluster
        made.append(call)
    return made


def round_of(work: Callable[[], object]) -> float:
    """Seconds of processor time that the work takes, without turns of the collector."""
    gc.collect()
    gc.disable()
    begin = time.process_time()
    work()
    took = time.process_time() - begin
    gc.enable()
    return took


def picked(cluster: Cluster, made: Sequence[Call]) -> Callable[[], None]:
    """The work of one round: as `Attempt` picks."""

    def work() -> None:
        hashing = cluster.hashing
        if hashing is None:
            pick = cluster.pick
            for _ in made:
                pick(())
        else:
            for call in made:
                hashing.pick(call, (), cluster)

    return work


def picks() -> None:
    """Print the table of picks."""
    print(f"{'microseconds for a pick':34}" + "".join(f"{size:>9,}" for size in SIZES) + "   goal (10)")
    for heavy in (1.0, 3.0):
        worlds = {
            (name, size): cluster_of(size, heavy, balancing, hashed)
            for name, _, balancing, hashed in WAYS
            for size in SIZES
        }
        works = {key: picked(cluster, calls(cluster)) for key, cluster in worlds.items()}
        found: dict[Any, list[float]] = {key: [] for key in works}
        for _ in range(ROUNDS):
            for key, work in works.items():
                found[key].append(round_of(work) / PICKS * 1e6)
        for name, goal, *_ in WAYS:
            times = [statistics.median(found[name, size]) for size in SIZES]
            label = name if heavy == 1.0 else f"{name}, by weight"
            figures = "".join(f"{one:9.2f}" for one in times)
            print(f"{label:34}{figures}   <= {goal:g}: {verdict(times[1] <= goal)}")


def stepped(steps: Steps[None]) -> tuple[float, float]:
    """Do the work; returns the milliseconds in all, and of the longest step."""
    whole = longest = 0.0
    gc.collect()
    gc.disable()
    while True:
        begin = time.process_time()
        try:
            next(steps)
        except StopIteration:
            break
        finally:
            took = (time.process_time() - begin) * 1000
            whole, longest = whole + took, max(longest, took)
    gc.enable()
    return whole, longest


def tables() -> None:
    """Print what it takes to make places."""
    names = [f"reviews-{number:x}" for number in range(1000)]
    weights = {name: 3.0 if number % 2 else 1.0 for number, name in enumerate(names)}
    for label, given in (("", None), (", by weight", weights)):
        runs = [stepped(Maglev(65_537).follow(names, given)) for _ in range(5)]
        whole, longest = (statistics.median(one) for one in zip(*runs, strict=True))
        good = verdict(whole <= 150 and longest <= 1)  # a slice is a millisecond, and the step that began within it
        print(
            f"table of 65,537, 1,000 members{label}: {whole:.0f} ms in steps of up to {longest:.2f} ms; <= 150: {good}"
        )
        ring = Ring()
        whole, longest = stepped(ring.follow(names[:-1], given))
        one, step = stepped(ring.follow(names, given))
        print(
            f"ring, 1,000 members{label}: {whole:.0f} ms in steps of up to {longest:.2f} ms; "
            f"one more member {one:.1f} ms ({step:.2f} ms)"
        )


def memory(balancing: Balancing, hashed: ConsistentHash | None, count: int = 1000) -> float:
    """Bytes for each endpoint, its part of the cluster included, its registry entry not."""
    rng = random.Random(1)
    instances = [Instance(f"reviews-{number:x}", "s", "v1", {}, "", "n", 1) for number in range(count)]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    made = [Endpoint(one) for one in instances]
    for one in made:
        one.renew(one.instance)
    cluster = Cluster("s", "", rng, around=Around(clock=time.monotonic))
    cluster.use(TrafficPolicy(hash=hashed), Resilience("", "", "", balancing))
    cluster.take(tuple(made))
    del made
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return taken / count


def main() -> None:
    """Print all tables."""
    picks()
    tables()
    for name, _, balancing, hashed in WAYS:
        taken = memory(balancing, hashed)
        print(f"memory of one of 1,000 endpoints, {name}: {taken:,.0f} bytes; <= 1,024: {verdict(taken <= 1024)}")


if __name__ == "__main__":
    main()
