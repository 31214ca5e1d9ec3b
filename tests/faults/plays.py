"""The faults, one function each: it does harm under load and returns what was seen; tests judge, the bench prints."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.faults.hole import Hole
from tests.faults.scene import CONTROL, STEADY, WHOAMI, Scene, seconds
from tests.integration.load import Load, ask
from tests.integration.mesh import Running


class Seen:
    """What clients and the registry noticed: counts, and `times` in seconds by what they are."""

    def __init__(self, answers: Load, **times: float) -> None:
        self.count, self.failed = len(answers.answers), answers.failed
        self.slowest = max((one.took for one in answers.answers), default=0.0)
        self.times = times
        self.wrong: list[tuple[str, str]] = []
        """Nodes that nothing happened to and that lost their good name."""
        self.late = 0
        """Requests over 100 ms that were sent when the fault had to be known."""
        self.refusals: list[str] = []
        """What users were told of changes that were not taken."""

    def __str__(self) -> str:
        told = [f"{len(self.failed)} of {self.count} failed", f"slowest {self.slowest * 1000:.0f} ms"]
        told += [f"{name.replace('_', ' ')} {value:.2f} s" for name, value in self.times.items()]
        return ", ".join([*told, f"{self.late} late", f"{len(set(self.wrong))} wronged"])


def has(scene: Scene, name: str, *health: str) -> Callable[[], Awaitable[bool]]:
    """Whether a registry says one of these of a node; `gone` where it says nothing."""

    async def holds() -> bool:
        known = await scene.health()
        return bool(known) and known.get(name, "gone") in health

    return holds


async def registries_killed(scene: Scene, down: float = 5.0) -> Seen:
    """kill -9 of all registries (and policy engines), which stay away for `down` seconds; new ones take their names."""
    before = await scene.tables()
    async with scene.under_load() as answers:
        await answers.more(100)
        for name in CONTROL:
            os.kill(scene.nodes[name].pid, signal.SIGKILL)
        at = time.monotonic()
        await asyncio.sleep(down)
        for name in CONTROL:
            scene.spawn(name, "registry", "policy")

        async def answering() -> bool:
            return bool(await scene.health())

        first = at + await seconds(answering, at, 20.0)
        async with scene.watched(*STEADY) as wrong:
            for name in CONTROL:
                await asyncio.to_thread(scene.nodes[name].ready)
            both = time.monotonic()
            await asyncio.sleep(6.0)  # longer than it takes to call a silent node dead
        await answers.more(100)
    seen = Seen(answers, first_answer_after_start=first - at - down, both_ready_after_start=both - at - down)
    tables = await scene.tables()
    services = [[one for one in table[1] if not one[2].startswith("control")] for table in (*before, *tables)]
    if len(tables) != 1 or any(one != services[0] for one in services):
        wrong.append(("tables", str(tables)))
    seen.wrong = wrong
    return seen


async def partitioned(scene: Scene, way: str, length: float = 6.0) -> Seen:
    """A node's line to its bus goes dead `both` ways, or one (`to_bus`, `to_node`), and is whole again later."""
    name = f"cut-{way}".replace("_", "-")
    async with Hole(scene.server.port) as hole:
        node = await scene.start(name, WHOAMI, nats=hole.url)
        async with scene.under_load() as answers, scene.watched(*STEADY) as wrong:
            await answers.more(200)
            hole.cut(way)
            at = time.monotonic()
            suspected = await seconds(has(scene, name, "suspected", "gone"), at)
            avoided = time.monotonic() + 0.05
            gone = await seconds(has(scene, name, "gone"), at)
            await asyncio.sleep(max(0.0, at + length - time.monotonic()))
            hole.heal()
            healed = time.monotonic()
            back = await seconds(has(scene, name, "healthy"), healed)
            await answers.until(lambda: served(answers, healed, node), 10.0)
            await answers.more(100)
        assert node.process.poll() is None, node.told()
        await asyncio.to_thread(node.end)
    seen = Seen(answers, suspected=suspected, taken_out=gone, back_after_healing=back)
    seen.late = len([one for one in answers.since(avoided) if one.took > 0.1 and one.sent < healed])
    seen.wrong = wrong
    return seen


def served(answers: Load, since: float, node: Running) -> bool:
    """Whether a node answered a request sent after `since`."""
    return any(one.body == str(node.pid) for one in answers.since(since))


async def clock_jumps(scene: Scene, targets: tuple[str, ...], library: Path, stay: float = 6.0) -> Seen:
    """The time of day of one node jumps an hour ahead, then to an hour behind; its other clocks go on."""
    told = scene.mesh.folder / "jump"
    told.write_text("+0")
    name = f"jumps-{targets[0].partition(':')[0]}"
    node = await scene.start(
        name,
        *targets,
        LD_PRELOAD=str(library),
        FAKETIME_TIMESTAMP_FILE=str(told),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    watched = (*STEADY, name) if targets == (WHOAMI,) else STEADY
    async with scene.under_load() as answers, scene.watched(*watched) as wrong:
        await answers.more(100)
        for jump, late in (("+3600", "ahead"), ("-3600", "behind")):
            _tell(told, jump)
            if targets == (WHOAMI,):
                await seconds(lambda: jumped(scene), time.monotonic(), 5.0)  # it answers in turn with others
            await asyncio.sleep(stay / 2)  # longer than a silent node is believed to live
            await asyncio.to_thread((await scene.start(f"{name}-{late}", WHOAMI)).end)
        await answers.more(100)
    tables = await scene.tables()
    await asyncio.to_thread(node.end)
    seen = Seen(answers)
    seen.wrong = wrong if len(tables) == 1 else [*wrong, ("tables", str(tables))]
    return seen


def _tell(file: Path, time_of_day: str) -> None:
    """Replace the file as one: it is read at every look at the clock."""
    new = file.with_suffix(".new")
    new.write_text(time_of_day)
    new.replace(file)


async def jumped(scene: Scene) -> bool:
    """Whether it is another time where a request is answered."""
    answer = await ask(scene.http, "/clock", headers={"host": "whoami.test"})
    return abs(float(answer.body) - time.time()) > 3000


async def rolled(scene: Scene) -> Seen:
    """Every node but the gateway is drained and replaced by a new process of its name, one after the other."""
    async with scene.under_load() as answers:
        await answers.more(100)
        at = time.monotonic()
        for name in (*STEADY, *CONTROL):
            old = scene.nodes[name]
            done = await asyncio.to_thread(scene.mesh.plait, "drain", name, "--nats", scene.server.url)
            assert done.returncode == 0, done.stderr
            await asyncio.to_thread(old.process.wait, 10)
            await scene.start(name, *(("registry", "policy") if name in CONTROL else (WHOAMI,)))
        took = time.monotonic() - at
        await answers.more(100)
    return Seen(answers, four_nodes_replaced_after=took)


async def crowd(scene: Scene, nodes: int = 4, replicas: int = 100) -> Seen:
    """Many instances join two registries at once; then half of them leave while as many others come."""
    began = time.monotonic()
    names = [f"crowd-{number}" for number in range(nodes)]
    async with scene.under_load() as answers, scene.watched(*STEADY) as wrong:
        for name in names:
            scene.spawn(name, WHOAMI, "--replicas", str(replicas))
        for name in names:
            await asyncio.to_thread(scene.nodes[name].ready)
        joined = time.monotonic() - began
        wrong.extend(await _amiss(scene, dict.fromkeys(names, replicas), time.monotonic()))
        half, later = names[: nodes // 2], [f"later-{number}" for number in range(nodes // 2)]
        for name in half:
            scene.nodes[name].process.terminate()
        for name in later:
            scene.spawn(name, WHOAMI, "--replicas", str(replicas))
        for name in half:
            await asyncio.to_thread(scene.nodes[name].process.wait, 20)
        for name in later:
            await asyncio.to_thread(scene.nodes[name].ready)
        stay = names[nodes // 2 :] + later
        left = time.monotonic()
        wrong.extend(await _amiss(scene, {**dict.fromkeys(stay, replicas), **dict.fromkeys(half, 0)}, left))
        settled = time.monotonic() - left
    for name in names + later:
        await asyncio.to_thread(scene.nodes[name].end)
    seen = Seen(answers, all_joined_after=joined, tables_equal_after_the_last_left=settled)
    seen.wrong = wrong
    return seen


async def _amiss(scene: Scene, expected: dict[str, int], since: float, limit: float = 8.0) -> list[tuple[str, str]]:
    """Return where registries still differ, or have another number of instances of a node, `limit` seconds later.

    An instance that could not say farewell in time is taken out when its node has been silent for long enough.
    """
    while True:
        tables = await scene.tables()
        counts = Counter(node for _, _, node in tables[0][1])
        amiss = [(name, f"{counts[name]} instances") for name, count in expected.items() if counts[name] != count]
        if len(tables) > 1:
            amiss.append(("tables", f"differ: {[table[0] for table in tables]}"))
        if not amiss or time.monotonic() - since > limit:
            return amiss
        await asyncio.sleep(0.1)


async def observers_stopped(scene: Scene, names: tuple[str, ...] = CONTROL, length: float = 5.0) -> Seen:
    """SIGSTOP of registries for longer than it takes to call a silent node dead, then SIGCONT; the others live on."""
    async with scene.under_load() as answers, scene.watched(*STEADY) as wrong:
        await answers.more(100)
        for name in names:
            os.kill(scene.nodes[name].pid, signal.SIGSTOP)
        await asyncio.sleep(length)
        for name in names:
            os.kill(scene.nodes[name].pid, signal.SIGCONT)
        await asyncio.sleep(length)
    tables = await scene.tables()
    seen = Seen(answers)
    seen.wrong = wrong if len(tables) == 1 else [*wrong, ("tables", "differ")]
    return seen
