"""`python -m tests.bench.faults`: the faults of `make test-faults`, each some times on one mesh, and what was seen."""

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.faults import plays
from tests.faults.disk import disk_full, small_disk
from tests.faults.scene import CONTROL, WHOAMI, Scene

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
Play = Callable[[Scene], Awaitable[plays.Seen]]


def faults() -> dict[str, Play]:
    """Return the faults that one mesh survives, by what is printed in front of their lines."""
    found: dict[str, Play] = {
        "kill -9 of all registries, 5 s": plays.registries_killed,
        "SIGSTOP of one registry, 5 s": lambda scene: plays.observers_stopped(scene, CONTROL[:1]),
        "SIGSTOP of all registries, 5 s": plays.observers_stopped,
        "line dead both ways": lambda scene: plays.partitioned(scene, "both"),
        "line dead from the node": lambda scene: plays.partitioned(scene, "to_bus"),
        "line dead to the node": lambda scene: plays.partitioned(scene, "to_node"),
        "every node drained and replaced": plays.rolled,
        "400 join, 200 leave, 200 join": plays.crowd,
    }
    if FAKETIME is not None:
        library = FAKETIME
        found["a service's clock jumps by 1 h"] = lambda scene: plays.clock_jumps(scene, (WHOAMI,), library)
        found["a registry's clock jumps by 1 h"] = lambda scene: plays.clock_jumps(
            scene, ("registry", "policy"), library
        )
    return found


async def full(number: int) -> None:
    """Play the full disk, which needs a mesh of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "scene"
        disk = folder / "nats" / "js"
        with small_disk(disk) as missing:
            if missing:
                print(f"disk full: not played: {missing}")
                return
            scene = Scene(folder)
            try:
                await scene.open()
                seen = await disk_full(scene, disk)
                print(f"{number} {'disk full':<32} {seen}; users are told {seen.refusals[:1]}", flush=True)
            finally:
                await scene.close()


async def main(rounds: int) -> None:
    """Play all of them so often."""
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder) / "scene")
        try:
            await scene.open()
            for number in range(rounds):
                for name, play in faults().items():
                    print(f"{number} {name:<32} {await play(scene)}", flush=True)
        finally:
            await scene.close()
    for number in range(rounds):
        await full(number)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    asyncio.run(main(parser.parse_args().rounds))
