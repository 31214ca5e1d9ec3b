"""The disk under JetStream has no room: a small one in memory, what fills it, and what is seen meanwhile."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.faults.plays import Seen
from tests.faults.scene import STEADY, Scene, seconds

SIZE = 24 << 20
"""Bytes of the small disk."""


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[str]:
    """Mount one there, and yield why there is none where this process may not."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    try:
        yield done.stderr.strip()
    finally:
        if not done.returncode:
            subprocess.run(["umount", "-l", folder], check=True)


def filler(number: int) -> str:
    """Return a policy of some size that harms nobody."""
    note = "x" * 20_000
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{ name: filler-{number}, annotations: {{ note: "{note}" }} }}
spec: {{ hosts: [filler-{number}.test], http: [{{ route: [{{ destination: {{ host: whoami }} }}] }}] }}
"""


def fill(ballast: Path) -> None:
    """Write to a disk until it takes no more."""
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass


async def disk_full(scene: Scene, disk: Path) -> Seen:
    """JetStream's disk is full while policies are applied; then it has room, and NATS is started again."""
    taken: list[str] = []
    outcomes: list[dict[str, Any]] = []

    async def apply(number: int, limit: float = 8.0) -> None:
        try:
            answer = await scene.bus.ask("policy.apply", filler(number), limit)
        except Exception as error:
            answer = {"errors": [repr(error)]}
        outcomes.append(answer)
        if not answer.get("errors"):
            taken.append(f"filler-{number}")

    async with scene.under_load() as answers, scene.watched(*STEADY) as wrong:
        await answers.more(100)
        for number in range(5):
            await apply(number)
        fill(disk / "ballast")
        begin = time.monotonic()
        for number in range(5, 8):
            await apply(number)
        await asyncio.sleep(2.0)
        full = time.monotonic() - begin
        (disk / "ballast").unlink()
        await answers.more(100)
    seen = Seen(answers, full_for=full)
    async with scene.under_load() as after:
        await asyncio.to_thread(scene.server.restart)
        back = time.monotonic()

        async def takes_again() -> bool:
            await apply(100 + len(outcomes), 1.0)
            return not outcomes[-1].get("errors")

        seen.times["applies_again_after_restart"] = await seconds(takes_again, back, 20.0)
        await after.more(100)
    kinds = await scene.bus.kinds()
    seen.wrong = wrong + [(name, "lost") for name in taken if ("VirtualService", name) not in kinds]
    seen.refusals = [str(one["errors"][0]) for one in outcomes if one.get("errors")]
    return seen
