"""A service that notes when its node's proxy learns that an instance has come or gone, on the machine's one clock."""

import asyncio
import os
import time
from pathlib import Path

from plait.actors import Service


class Observer(Service, name="observer"):
    """Looks every millisecond; lines `born|came|gone NODE SECONDS` go to a file of its own in the folder `OBSERVED`."""

    async def pre_start(self) -> None:
        self.watching = asyncio.create_task(self.watch())

    async def post_stop(self) -> None:
        self.watching.cancel()

    async def watch(self) -> None:
        known: set[str] = set()
        with (Path(os.environ["OBSERVED"]) / str(os.getpid())).open("w", buffering=1) as notes:
            notes.write(f"born {self.hosting.instance.node} {time.monotonic()!r}\n")
            while True:
                now = {one.node for one in self.hosting.proxy.instances.values()}
                for word, nodes in (("came", now - known), ("gone", known - now)):
                    for node in nodes:
                        notes.write(f"{word} {node} {time.monotonic()!r}\n")
                known = now
                await asyncio.sleep(0.001)
